"""A short float32 trajectory is shown beside the reference's own noise."""

from dataclasses import replace

import pytest

from compare.pair.prepare import prepare
from compare.sides.judging import reference_runs
from compare.sides.quartet import Quartet
from compare.sides.side import STEPS
from compare.verdict.precision import FLOAT32
from compare.verification.envelope import envelope
from tests.compare.faults import FAULTS, square


def measured(pair, cpu):
    prepared = prepare(pair)
    quartet, entering = Quartet(prepared, FLOAT32, cpu, cpu), prepared.enter(0, 3).at(FLOAT32)
    t = reference_runs(quartet, entering, STEPS).working
    return envelope(quartet, entering, t, quartet.working_port(entering, STEPS, t))


def test_a_sound_port_drifts_like_the_reference_reordered(cpu):
    one = measured(square(), cpu)
    assert one.steps == 3
    assert one.by == "rows permuted"
    assert 0 < one.noise < 1e-5
    assert one.drift < 20 * one.noise


@pytest.mark.parametrize("name", ["weight decay where there is none", "momentum in Nesterov's form"])
def test_a_fault_lies_far_outside(cpu, name):
    fault = next(fault for fault in FAULTS if fault.name == name)
    one = measured(fault.plant(square()), cpu)
    assert one.drift > 100 * one.noise


def test_a_random_cotangent_belongs_to_its_row(cpu):
    """Without a loss rows are not permuted: it would be another function."""
    own = square()

    def untargeted(rng):
        return replace(own.draw(rng), targets={}, bounds={})

    one = measured(replace(own, loss=None, batch=untargeted), cpu)
    assert "last place" in one.by
    assert one.noise < 1e-5
