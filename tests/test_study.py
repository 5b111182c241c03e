"""The study of random ports: its faults are faults, its rule for equivalent mutants holds, its tally counts right."""

import numpy as np
import pytest

from benchmarks.study import faults, planting
from benchmarks.study.case import MARGIN, effect
from benchmarks.study.draw import FAMILIES, draw
from benchmarks.study.tally import tally, text

CASES = 1500


def drawn(number):
    rng = np.random.default_rng([0, number])
    network = draw(rng)
    return network, *faults.plant(network, rng)


def test_a_case_is_a_function_of_seed_and_number():
    """Drawn twice, network and fault are the same."""
    assert all(repr(drawn(number)) == repr(drawn(number)) for number in range(20))


def test_every_fault_has_a_place_somewhere_and_changes_the_port_alone():
    """Each kind is drawn, the port differs from the sound one, and nothing else does."""
    seen, families = set(), set()
    for number in range(CASES):
        sound, name, faulty = drawn(number)
        assert (sound.ops, sound.edit, sound.loss) != (faulty.ops, faulty.edit, faulty.loss)
        assert (sound.shape, sound.seed, sound.mode, sound.flavour) == (
            faulty.shape, faulty.seed, faulty.mode, faulty.flavour,
        )  # fmt: skip
        seen.add(name)
        families.add(sound.family)
    assert seen == set(planting.FAULTS)
    assert families == set(FAMILIES)
    assert len(seen) >= 30


def test_sizes_are_spread_evenly_over_the_decades():
    """From 1e-8 to 1, as many in the lower four decades as in the upper four."""
    rng = np.random.default_rng(0)
    sizes = np.log10([planting.size_of(rng) for _ in range(2000)])
    assert -8 <= sizes.min() < -7.9
    assert -0.1 < sizes.max() <= 0
    assert abs(np.mean(sizes < -4) - 0.5) < 0.05


@pytest.mark.parametrize(("moved", "equivalent"), [(0.0, True), (1e-14, True), (1e-12, False)])
def test_a_mutant_is_equivalent_where_rounding_explains_it(moved, equivalent):
    """2^10 times a rounding of 1e-16 is 1e-13, of a quantity of size 1."""
    multiple, relative = effect({"output": np.array([1.0])}, {"output": np.array([1.0 + moved])}, {"output": 1e-16})
    assert (multiple <= MARGIN) is equivalent
    assert relative == pytest.approx(moved, abs=1e-15)


def test_a_quantity_that_is_missing_is_no_equivalent_mutant():
    """Nor is one of another shape."""
    sound = {"output": np.ones(2)}
    assert effect(sound, {}, {"output": 1.0})[0] > MARGIN
    assert effect(sound, {"output": np.ones(3)}, {"output": 1.0})[0] > MARGIN


def row(number, sound, faulty, equivalent=False, draw=0):
    tools = {"assert_close": False, "assert_allclose": True}
    return {
        "case": number, "draw": draw, "family": "mlp", "flavour": "nnx", "mode": "eval", "loss": "mse",
        "fault": "epsilon off", "sound": {"verdict": sound, **tools}, "faulty": {"verdict": faulty, **tools},
        "equivalent": equivalent, "multiple": 1e9, "relative": 1e-5, "seconds": [1.0, 2.0],
    }  # fmt: skip


def test_the_tally_counts_alarms_misses_and_equivalents_apart():
    """A false alarm, a miss as float32_only, an equivalent mutant and a pair that could not start."""
    rows = [
        row(0, "match", "mismatch"),
        row(1, "mismatch", "invalid"),
        row(2, "match", "float32_only"),
        row(3, "match", "match", equivalent=True),
        row(4, "match", "refused"),
        row(4, "match", "invalid", draw=1),
    ]
    form = tally(rows)
    assert (form["networks"], form["sound"]["count"], form["faulty"]["count"]) == (5, 6, 4)
    assert form["sound"]["false_alarms"] == {"jaxport": 1, "assert_close": 0, "assert_allclose": 6}
    assert form["not_match"] == [[1, 0]]
    assert form["faulty"]["detected"] == {"jaxport": 3, "assert_close": 0, "assert_allclose": 4}
    assert form["faulty"]["told_apart"] == {"jaxport": 2, "assert_close": 0, "assert_allclose": 0}
    assert form["missed"] == [[2, 0]]
    assert (form["equivalent"]["count"], form["refused"]) == (1, [[4, 0]])
    assert "5 random networks: 6 sound ports, 4 faulty ones of 1 kinds; 1 equivalent mutants apart" in text(form)
