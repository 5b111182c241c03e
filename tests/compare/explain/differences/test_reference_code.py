"""torch's side of a row."""

import numpy as np
import torch

from compare.explain.differences.reference_code import ReferenceCode, python_name
from compare.explain.differences.row_inputs import given

X = given({"x": "normal(4, 3)"})


def test_a_module_is_made_once_and_called_from_the_same_state():
    """Its weights away from 0 and 1; running statistics do not go on from one run to the next."""
    one = ReferenceCode("[(m := nn.BatchNorm1d(3))(x), m.running_mean]", X.arrays)
    first, second = one.run(X), one.run(X)
    assert one.trained == ["weight", "bias"]
    assert set(one.state) == {"weight", "bias", "running_mean", "running_var", "num_batches_tracked"}
    assert (one.state["weight"] != 1).all()
    assert all(np.array_equal(a, b) for a, b in zip(first.outputs, second.outputs, strict=True))
    assert set(first.gradients) == {"x", "weight", "bias"}


def test_it_runs_in_float64_and_leaves_the_default_alone():
    """A lazy module takes its shape from the first input."""
    one = ReferenceCode("nn.LazyLinear(2)(x)", X.arrays)
    assert one.state["weight"].shape == (2, 3)
    assert one.run(X).outputs[0].dtype == np.float64
    assert torch.get_default_dtype() == torch.float32


def test_a_method_between_making_and_calling():
    """The module is what is made, in evaluation."""
    one = ReferenceCode("nn.RReLU().eval()(x)", X.arrays)
    assert np.array_equal(one.run(X).outputs[0], one.run(X).outputs[0])


def test_what_raises_is_said():
    """In one line."""
    found = ReferenceCode("F.embedding(ids, x)", {}).run(given({"x": "normal(4, 3)", "ids": "np.array([9])"}))
    assert found.raised == "IndexError: index out of range in self"


def test_names():
    """Of a module inside another, and of one that has a number for a name."""
    assert [python_name(name) for name in ("out_proj.weight", "0.bias")] == ["out_proj_weight", "layer_0_bias"]
