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


@pytest.mark.parametrize(
    ("tree", "lines", "why"),
    [
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
