"""What a pair refuses where it is made, each in one line; and what it says of its own functions."""

import numpy as np
import pytest
import torch

from compare.errors import UsageError
from compare.pair.fields import FieldError, answer_of, arrays_of, scalar_of
from compare.pair.pair import Optimizers, Pair

X = np.ones((2, 3), np.float32)


def anything(*given):
    """A function that is never called."""


REFUSED = [
    ("loss", 3, "loss: expected two functions, (the reference's, the port's), each of (outputs, *targets), got 3"),
    ("loss", (anything,), "loss: expected two functions"),
    ("loss", [anything, anything], "loss: expected two functions"),
    ("loss", (1, anything), "loss: the reference's: expected a function of (outputs, *targets), got 1"),
    ("loss", (anything, None), "loss: the port's: expected a function of (outputs, *targets), got None"),
    ("optimizers", 3, "optimizers: expected two"),
    ("optimizers", (None, anything), "optimizers: the reference's is a function of the parameters"),
    ("optimizers", (anything, None), "optimizers: the port's is an optax transformation, or a function"),
    ("rules", "x", "rules: expected a dictionary of name patterns, got 'x'"),
    ("rules", {3: "a"}, "rules: expected a name pattern of the reference, got 3"),
    ("rules", {"a": 3}, "rules: 'a': expected a path of the port or (path, axes), got 3"),
    ("rules", {"a": ("b", 3)}, "rules: 'a': expected a path of the port or (path, axes), got ('b', 3)"),
    ("rules", {"a": ("b", ("c",))}, "rules: 'a': expected a path of the port or (path, axes)"),
    ("accept", None, "accept: expected a tuple of names of parameters that one side alone has, or of 'running_varia"),
    ("accept", "running_variance", "got 'running_variance'"),
    ("accept", (3,), "got (3,)"),
    ("accept", {"running_variance": 1}, "got a dict"),
    ("modes", "train", "modes: expected a tuple of some of train, eval, such as ('train',), got 'train'"),
    ("modes", ("train", "both"), "got ('train', 'both')"),
    ("modes", (True,), "got (True,)"),
    ("modes", (), "modes: expected a tuple of some of train, eval, such as ('train',), got ()"),
    ("modes", 3, "modes: expected a tuple"),
    ("weight_map", "x", "weight_map: expected a WeightMap of Entry lines, got 'x'"),
    ("weight_map", {}, "weight_map: expected a WeightMap of Entry lines, got a dict"),
    ("weights", X, "weights: expected a function of a NumPy generator, got an ndarray"),
    ("by_hand", 3, "by_hand: expected a function of (weights, batch) in NumPy, got 3"),
    ("reference_inputs", 3, "reference_inputs: expected a function, got 3"),
    ("port_inputs", "x", "port_inputs: expected a function, got 'x'"),
    ("reference_outputs", (), "reference_outputs: expected a function, got ()"),
    ("port_outputs", {}, "port_outputs: expected a function, got a dict"),
    ("rows", None, "rows: expected a dictionary of functions by name, each of which builds a runner, got None"),
    ("rows", {"mine": 3}, "rows: expected a dictionary of functions by name"),
    ("rows", [anything], "rows: expected a dictionary of functions by name"),
    ("smooth", "no", "smooth: expected True or False, got 'no'"),
    ("name", 3, "name: expected one line of printable text, got 3"),
    ("name", "", "name: expected one line of printable text, got ''"),
    ("name", "a\nb", r"name: expected one line of printable text, got 'a\nb'"),
    ("name", "\u202ea", "name: expected one line of printable text"),
    ("title", None, "title: expected one line of printable text, got None"),
]


@pytest.mark.parametrize(("field", "value", "words"), REFUSED, ids=lambda value: str(value)[:20])
def test_a_field_that_cannot_be_is_refused_where_the_pair_is_made(field, value, words):
    """With what is expected and what came; before a model runs."""
    with pytest.raises(UsageError) as raised:
        Pair(anything, anything, X, **{field: value})
    assert words in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_side_that_is_not_there_needs_no_functions():
    """A pair for one environment: a port to be held against a record, a reference to be recorded."""
    Pair(None, anything, X, loss=(None, anything), optimizers=Optimizers(None, anything))
    Pair(anything, None, X, loss=(anything, None), optimizers=(anything, None))


@pytest.mark.parametrize(
    ("hyper", "words"),
    [
        ("x", "optimizers: hyper: expected a dictionary of numbers by name, got 'x'"),
        ({"lr": "x"}, "optimizers: hyper: lr: expected a name and a finite number, got 'x'"),
        ({1: 0.1}, "optimizers: hyper: 1: expected a name"),
        ({"lr": float("nan")}, "got nan"),
    ],
)
def test_hyper_parameters_are_numbers_by_name(hyper, words):
    with pytest.raises(UsageError) as raised:
        Optimizers(anything, anything, hyper)
    assert words in str(raised.value)


def _raise(*given):
    raise ValueError("no\nway")


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (_raise, "weights= raised ValueError: no way (tests/compare/pair/test_fields.py:"),
        (lambda: 3, "weights= returned 3: expected a dictionary of arrays by name"),
        (lambda: {"w": "x"}, "weights= returned dtype <U1 for w: expected floats"),
        (lambda: {"w": np.ones(2, int)}, "weights= returned dtype int64 for w: expected floats"),
        (lambda: {"w": [[1.0], [1.0, 2.0]]}, "weights= returned a list for w: expected an array in NumPy"),
        (lambda: dict(torch.nn.Linear(1, 1).named_parameters()), "returned a Parameter for weight: expected an array"),
    ],
)
def test_what_a_function_of_the_pair_does_is_told_as_its_own(function, words, monkeypatch, request):
    """The field, its own words, the user's line."""
    monkeypatch.chdir(request.config.rootpath)
    with pytest.raises(FieldError) as raised:
        arrays_of("weights", function)
    assert words in str(raised.value)
    assert "\n" not in str(raised.value)


def test_lists_and_tensors_are_arrays_too():
    arrays = arrays_of("weights", lambda: {"w": [1.0, 2.0]})
    assert arrays["w"].shape == (2,)


def test_a_complaint_of_ours_is_passed_on():
    """It says already what is wrong."""

    def refuse():
        raise UsageError("ours")

    with pytest.raises(UsageError, match=r"^ours$"):
        answer_of("batch", refuse)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (np.ones((2, 3)), "loss= returned (2, 3): expected a scalar"),
        (None, "loss= returned None: expected a scalar"),
        (1.0, "loss= returned 1.0: expected a scalar, an array of shape ()"),
        (np.asarray(1), "loss= returned a scalar of dtype int64: expected a float"),
        (np.asarray(1j), "loss= returned a scalar of dtype complex128: expected a float"),
    ],
)
def test_a_loss_is_one_float(value, words):
    with pytest.raises(FieldError) as raised:
        scalar_of("loss", value)
    assert words in str(raised.value)
