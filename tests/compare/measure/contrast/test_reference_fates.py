"""What ``torch.compile`` made of each operation."""

from compare.measure.contrast.reference_fates import reference_fates
from compare.pair.prepare import prepare
from compare.verdict.precision import FLOAT32
from tests.compare.measure.contrast.test_facing import Branches, FlaxBranches, of

USERS_MODELS = True


def test_the_same_of_the_same_is_made_once(cpu):
    """Planted: two sines of one array; no kernel is made unless it is asked for."""
    prepared = prepare(of(Branches, FlaxBranches()))
    fates = reference_fates(prepared, prepared.enter(0, 1).at(FLOAT32), cpu, generate=False)
    assert (fates.message, fates.kernels) == ("", None)
    assert "sin" in fates.by_kind["duplicate"]
    kinds = {kind: len(names) for kind, names in fates.by_kind.items() if kind != "again"}
    assert sum(kinds.values()) == fates.traced
