"""Nothing unfair passes, and nothing honest is stopped: whole rows before all gates."""

import jax
import pytest
import torch

from compare.measure.bench.gates.gate_table import GATES, marks, stopped_by
from tests.compare.measure.bench.gates.doubles import JaxRow, ScanRow, TorchRow, loose
from tests.compare.measure.bench.gates.plants import PLANTS


@pytest.fixture(autouse=True)
def modes():
    """A plant that leaves a setting behind spoils no other."""
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)
    torch.autograd.set_detect_anomaly(False)
    jax.config.update("jax_debug_nans", False)


@pytest.mark.parametrize("kind", [TorchRow, JaxRow, ScanRow])
def test_an_honest_row_passes(kind):
    """Of either framework, one step and many steps a call."""
    observed = loose().observed(kind)
    assert stopped_by(observed, loose().yard) == {}
    assert marks(observed) == ()


@pytest.mark.parametrize("name", PLANTS)
def test_an_unfair_row_is_stopped(name):
    """By the gate that looks for what is wrong with it, in a sentence; the mere judge lets it pass."""
    plant = PLANTS[name]
    verdict, stopped = loose().judged_and_stopped(plant.kind)
    assert plant.gate in stopped
    assert "expected" in stopped[plant.gate]
    assert ", got " in stopped[plant.gate]
    assert verdict == "match"


def test_every_gate_has_a_plant():
    """Two gates look at the pair rather than at the row: theirs are in test_fair_pairs.py."""
    assert {plant.gate for plant in PLANTS.values()} | {"inputs"} == set(GATES)
    assert len(PLANTS) >= 24


def test_a_row_that_had_stepped_before_is_not_held_to_its_rule_apart():
    """Its optimizer has a state that nobody knows; it says so."""
    built = loose().built(TorchRow)
    for runner in (built.judged, built.exact):
        runner.call(8)
        runner.mark()
    from compare.measure.bench.gates.observation import observe

    observed = observe(built, 48)
    assert [mark for mark in marks(observed) if "update rule" in mark]
    assert "update rule" not in stopped_by(observed, loose().yard, ("update rule", "precision", "restart", "work"))
