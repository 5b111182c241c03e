"""What a run returns, and the names that training steps go by."""

from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from compare.frameworks.dropout.masks import Dropout
from compare.pair.fields import FieldError
from compare.sides.side import Result, SideError, steps_named

STEP = [{"loss": np.array(float(i)), "update/w": np.array(10.0 + i)} for i in (1, 2, 3)]


def test_a_result_is_its_arrays_and_is_frozen():
    """By quantity, in the order in which they came."""
    result = Result({"output": np.zeros(2), "loss": np.ones(())}, dropouts=(Dropout(0, (2, 1), 0.5, "a.py:1"),))
    assert list(result) == ["output", "loss"]
    assert result["loss"] == 1
    assert len(result) == 2
    assert result.dropped == (((2, 1), 0.5),)
    with pytest.raises(FrozenInstanceError):
        result.changed = ("table",)


def test_what_an_optimizer_keeps_is_read_off_the_names():
    """Each slot once."""
    names = ("after/optimizer/exp_avg/w", "after/optimizer/exp_avg/b", "after/state/mean", "update/w")
    assert Result({name: np.zeros(1) for name in names}).slots == {"exp_avg"}


def test_steps_are_named_for_what_they_show():
    """The first step's updates stand alone; later steps carry their number, and their loss."""
    named = {name: float(array) for name, array in steps_named(STEP).items()}
    assert named == {
        "update/w": 11,
        "step2/loss": 2,
        "step2/update/w": 12,
        "step3/loss": 3,
        "step3/update/w": 13,
    }
    assert steps_named([]) == {}


def test_what_is_named_stays_named():
    """A record holds the steps under their names, an older one step by step: both are read alike."""
    taken = [*STEP[:2], STEP[2] | {"state/mean": np.ones(1), "optimizer/trace/w": np.ones(1)}]
    named = steps_named(taken)
    assert steps_named([named]) == named
    assert {"after/state/mean", "after/optimizer/trace/w"} < set(named)


def test_a_function_of_the_pair_is_told_by_its_field_and_its_side():
    """It is no fault of the model's."""
    assert str(SideError("port", FieldError("loss= raised ValueError: no"))) == "the port's loss= raised ValueError: no"
    assert str(SideError("reference", ValueError("no"))) == "the reference raised ValueError: no"
