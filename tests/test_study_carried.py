"""The study of weight maps and conversions: its cases are what they say, right weights pass, wrong ones are named."""

import numpy as np
import pytest

from benchmarks.study.carried.forms import FORMS, case
from benchmarks.study.carried.plants import planted
from benchmarks.study.carried.study import BROKEN, Tally, _apart, run, text

NUMBERS = range(len(FORMS))


def converted(number):
    one = case(0, number)
    source = {name: tensor.numpy().copy() for name, tensor in one.reference.state_dict().items()}
    return one, source, {path: np.ascontiguousarray(array) for path, array in one.convert(source).items()}


def test_every_case_is_a_port_with_its_weights_by_hand_and_no_plant_is():
    """A wrong conversion is other arrays, each kind somewhere; those of the same shape are another function."""
    kinds = set()
    for number in NUMBERS:
        one, source, right = converted(number)
        assert _apart(one, right) <= BROKEN, one.form
        for plant in planted(one, right, source, np.random.default_rng(0)):
            kinds.add(plant.name)
            same = plant.given is not None and plant.given.shape == right[plant.path].shape
            assert not (same and np.array_equal(plant.given, right[plant.path])), plant.name
    assert len(kinds) >= 20


@pytest.mark.parametrize("number", [3, 5])
def test_what_is_counted(number):
    """Two inputs through one kernel, and an LSTM with 1 added to a gate: mapped, right, and each plant named."""
    row = run(0, number)
    assert (row["wrong_map"], row["doubted"]) == ([], [])
    assert all(accused == [] for accused in row["right"].values())
    assert [plant for plant in row["plants"] if not plant[1] or plant[3]] == []
    form = Tally([row, {"case": 9, "form": "x", "refused": "why"}, {"case": 8, "form": "x", "broken": 1.0}]).form()
    assert (form["cases"], form["broken"], form["refused"], form["wrong_maps"]) == (2, [8], [[9, "why"]], [])
    assert "2 random models of 2 forms: 1 refused (50.0%), 0 wrong maps" in text(form)


def test_a_wrong_map_and_a_plant_that_is_called_otherwise_are_counted():
    row = run(0, 3)
    row["wrong_map"], row["plants"][0][1] = ["params/x"], False
    form = Tally([row]).form()
    assert form["wrong_maps"] == [[3, ["params/x"]]]
    assert [one[:2] for one in form["not_named"]] == [[3, row["plants"][0][0]]]
