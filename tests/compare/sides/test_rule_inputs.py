"""What both optimizers get: the reference's parameters small, the port's leaves alike, and gradients."""

import numpy as np
import pytest
import torch
from flax import linen

from compare.pair.pair import Pair
from compare.pair.prepare import prepare
from compare.sides.port_forward import is_parameter
from compare.sides.rule_inputs import rule_inputs
from compare.verdict.precision import BFLOAT16, FLOAT16, FLOAT32
from tests.compare.small import dense_pair, seeded
from tests.compare.zoo import normal


class TorchWide(torch.nn.Module):
    """Too many parameters to be given whole."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = torch.nn.Linear(40, 30)
        self.norm = torch.nn.LayerNorm(30)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.norm(self.fc(x))


class LinenWide(linen.Module):
    @linen.compact
    def __call__(self, x):
        return linen.LayerNorm(epsilon=1e-5)(linen.Dense(30)(x))


def wide_pair() -> Pair:
    return Pair(seeded(TorchWide), LinenWide(), normal(3, 40))


def test_a_small_model_is_given_whole():
    """In the shapes of both sides, each entry where the weight map puts it."""
    prepared = prepare(dense_pair())
    made = rule_inputs(prepared, FLOAT32, 0, 5)
    assert made.shapes == prepared.reference.parameters
    leaves = {path: shape for path, shape in prepared.leaves.items() if is_parameter(path)}
    assert {path: leaf.shape for path, leaf in made.leaves.items()} == leaves
    weight = made.values[made.places["fc.weight"]].reshape(5, 4)
    kernel = made.leaves["params/Dense_0/kernel"]
    np.testing.assert_array_equal(made.values[kernel.entries].reshape(kernel.shape), weight.T)
    np.testing.assert_array_equal(made.compared, np.arange(made.values.size))


def test_of_a_larger_model_a_few_entries_are_given():
    """In as many axes, so that a mask by their number holds; the same entries on both sides."""
    made = rule_inputs(prepare(wide_pair()), FLOAT32, 0, 5)
    assert made.shapes == {"fc.weight": (4, 1), "fc.bias": (4,), "norm.weight": (4,), "norm.bias": (4,)}
    assert {leaf.shape for leaf in made.leaves.values()} == {(4, 1), (4,)}
    assert sorted(np.concatenate([leaf.entries for leaf in made.leaves.values()])) == list(range(16))
    assert made.owner(0) == "fc.weight"
    assert made.owner(15) == "norm.bias"


@pytest.mark.parametrize("precision", [FLOAT32, BFLOAT16, FLOAT16], ids=lambda precision: precision.name)
def test_gradients_go_up_and_down_in_size(precision):
    """Their norms are ordinary at first, then far above and below; their squares are finite in the format."""
    made = rule_inputs(prepare(dense_pair()), precision, 0, 64)
    norms = np.linalg.norm(made.gradients, axis=1)
    np.testing.assert_allclose(norms[:8], 2**0.3, rtol=1e-2)
    assert norms.min() < 1e-3
    assert norms.max() ** 2 < {"float16": 65504}.get(precision.name, 3e38)
    assert norms.max() > (30 if precision is FLOAT16 else 4000)
    again = rule_inputs(prepare(dense_pair()), precision, 0, 32)
    np.testing.assert_array_equal(again.gradients, made.of_steps(32).gradients)  # the first of more are the same


def test_what_does_not_train_has_no_gradient():
    """A parameter that the reference freezes enters on both sides and is not compared."""
    reference = seeded(TorchWide)
    reference.fc.weight.requires_grad_(False)
    made = rule_inputs(prepare(Pair(reference, LinenWide(), normal(3, 40))), FLOAT32, 0, 5)
    assert made.frozen == {"fc.weight"}
    np.testing.assert_array_equal(made.compared, np.arange(4, 16))
    assert not made.gradients[:, made.places["fc.weight"]].any()
