"""What ``jit`` made of each equation."""

from compare.measure.contrast.facing import facing
from compare.measure.contrast.port_fates import port_fates
from compare.measure.contrast.port_record import record_port
from compare.measure.contrast.reference_record import record_reference
from compare.pair.pairs import find
from compare.pair.prepare import prepare
from compare.verdict.precision import FLOAT32, FLOAT64
from tests.compare.measure.contrast.test_facing import Branches, FlaxBranches, of

USERS_MODELS = True


def fates_of(pair, cpu):
    """Its port's."""
    prepared = prepare(pair)
    entering = prepared.enter(0, 1).at(FLOAT32)
    tape, exact = (record_reference(prepared, entering, each, cpu) for each in (FLOAT32, FLOAT64))
    port = record_port(prepared, entering, cpu, tape.dropped)
    return port, port_fates(port, facing(tape, exact, port, prepared).equations)


def test_every_equation_has_one_fate(cpu):
    """What no result needs is gone, and products are run."""
    port, fates = fates_of(find("loose"), cpu)
    assert sum(map(len, fates.by_kind.values())) == fates.traced == len(port.equations)
    assert fates.kernels > 0
    run = [*fates.by_kind.get("fused", ()), *fates.by_kind.get("alone", ())]
    assert run.count("dot_general") == 5
    assert fates.by_kind["dead"]


def test_the_same_of_the_same_is_made_once(cpu):
    """Planted: two sines of one array, of which one is left."""
    _, fates = fates_of(of(Branches, FlaxBranches()), cpu)
    assert "sin" in fates.by_kind["duplicate"]
