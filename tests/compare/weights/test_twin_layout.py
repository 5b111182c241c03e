"""Which tensor is which leaf: by the map, by names, by values."""

import numpy as np
import pytest
import torch

from compare.errors import UsageError
from compare.weights.entry import Entry, linear
from compare.weights.twin_layout import Layout, flat, named_parameters
from compare.weights.weights import WeightMap

TENSORS = {"weight": torch.arange(6.0).reshape(2, 3), "bias": torch.ones(2)}


def test_paths_are_those_of_weight_maps():
    """Under ``params``, whether the tree has that level or not."""
    tree = {"Dense_0": {"kernel": 1}}
    assert list(flat(tree)) == list(flat({"params": tree})) == ["params/Dense_0/kernel"]


def test_arrays_go_both_ways_through_the_map():
    """Turned where the map turns them; what is missing is zero."""
    tensors = {f"dense.{name}": one for name, one in TENSORS.items()}
    tree = {"Dense_0": {"kernel": np.zeros((3, 2)), "bias": np.zeros(2)}}
    layout = Layout.of(tensors, tree, WeightMap(linear("dense", "Dense_0")))
    there = layout.to_port({"dense.weight": tensors["dense.weight"].numpy()})
    np.testing.assert_array_equal(there["params/Dense_0/kernel"], tensors["dense.weight"].numpy().T)
    np.testing.assert_array_equal(there["params/Dense_0/bias"], [0, 0])
    np.testing.assert_array_equal(layout.to_reference(there)["dense.weight"], tensors["dense.weight"].numpy())
    assert (layout.transposes("dense.weight"), layout.transposes("dense.bias")) == (True, False)
    assert layout.parameters["dense.weight"] == ("params/Dense_0/kernel",)


def test_names_are_the_models_the_optimizers_or_numbers():
    """In this order."""
    model = torch.nn.Linear(2, 1)
    plain, named = torch.optim.SGD(model.parameters()), torch.optim.SGD(model.named_parameters())
    assert list(named_parameters(plain, None)) == ["0", "1"]
    assert list(named_parameters(named, None)) == list(named_parameters(plain, model)) == ["weight", "bias"]
    with pytest.raises(UsageError, match="2 of the optimizer's 2"):
        named_parameters(plain, torch.nn.Linear(2, 1))


def test_names_then_values_say_which_leaf_it_is():
    """The bias has its name, and the kernel the weight's values, the other way round."""
    values = {name: tensor.numpy() for name, tensor in TENSORS.items()}
    layout = Layout.of(TENSORS, {"kernel": values["weight"].T, "bias": values["bias"]}, None)
    assert layout.parameters == {"weight": ("params/kernel",), "bias": ("params/bias",)}
    np.testing.assert_array_equal(layout.to_port(values)["params/kernel"], values["weight"].T)
    alike = {"weight": torch.zeros(1, 2), "bias": torch.zeros(1), "scale": torch.zeros(1)}  # told apart by name alone
    tree = {"bias": np.zeros(1), "kernel": np.zeros((2, 1)), "scale": np.zeros(1)}
    assert Layout.of(alike, tree, None).parameters["scale"] == ("params/scale",)


@pytest.mark.parametrize(
    ("tree", "lines", "why"),
    [
        ({"a": np.ones(2), "b": np.arange(6.0).reshape(3, 2)}, None, "does not hold the values of weight"),
        ({"w": np.zeros((2, 3))}, None, "1 leaves for 2 parameters"),
        ([np.zeros((2, 3)), np.ones(2)], None, "does not hold the values of weight"),
        (None, [Entry("weight", "params/w")], "give them too"),
        ({"w": np.zeros((2, 3))}, [Entry("other", "params/w")], "other is no parameter"),
        (
            {"w": np.zeros((2, 3)), "b": np.zeros(2)},
            [Entry("weight", "params/w"), Entry("bias", "params/b"), Entry("bias", "params/b", summed=True)],
            "half as far",
        ),
    ],
)
def test_what_does_not_fit_is_refused(tree, lines, why):
    """In one line."""
    with pytest.raises(UsageError, match=why):
        Layout.of(TENSORS, tree, WeightMap(lines) if lines else None)


def test_values_that_two_leaves_hold_say_nothing():
    """Nor does a matrix that is the same both ways round."""
    tensors = {"weight": torch.ones(1, 2), "one": torch.zeros(3), "two": torch.zeros(3)}
    with pytest.raises(UsageError, match="params/a and params/b may hold the values of one"):
        Layout.of(tensors, {"a": np.zeros(3), "b": np.zeros(3), "w": np.ones((2, 1))}, None)
    with pytest.raises(UsageError, match="params/w may hold the values of weight in more than one way"):
        Layout.of({"weight": torch.eye(2), "b": torch.ones(1)}, {"a": np.ones(1), "w": np.eye(2)}, None)
    with pytest.raises(UsageError, match="two parameters"):
        Layout.of({"one": torch.ones(3), "two": torch.ones(3)}, {"a": np.ones(3), "b": np.zeros(3)}, None)
