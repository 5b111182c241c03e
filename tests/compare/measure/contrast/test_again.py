"""What a checkpoint saves on either side, against what it must."""

import pytest
import torch
from flax import linen
from jax import numpy as jnp
from torch import nn

from compare.measure.contrast.again import ALL, BUT_PRODUCTS, NOTHING, jax_again, torch_again
from compare.measure.contrast.costs import temporaries
from compare.measure.contrast.ways.given_jax import JaxGiven
from compare.measure.contrast.ways.given_torch import TorchGiven
from compare.pair.prepare import prepare
from compare.sides.port_forward import PortForward
from compare.sides.reference_forward import ReferenceForward
from compare.verdict.precision import FLOAT32
from tests.compare.measure.contrast.test_facing import Doubled, FlaxDoubled, of

USERS_MODELS = True


class Curved(nn.Module):
    """Three activations after a product."""

    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Linear(4, 6), nn.Linear(6, 3)

    def forward(self, x):
        return self.two(torch.exp(torch.sin(torch.tanh(self.one(x)))))


class FlaxCurved(linen.Module):
    @linen.compact
    def __call__(self, x):
        x = jnp.exp(jnp.sin(jnp.tanh(linen.Dense(6, name="one")(x))))
        return linen.Dense(3, name="two")(x)


@pytest.fixture(scope="module")
def given(cpu):
    """Both sides of it."""
    loss = (lambda out: (out**2).sum(), lambda out: jnp.sum(out**2))
    prepared = prepare(of(Curved, FlaxCurved(), loss=loss))
    entering = prepared.enter(0, 1).at(FLOAT32)
    side = PortForward(prepared, FLOAT32, cpu.jax)
    with side.x64():
        return TorchGiven(ReferenceForward(prepared, FLOAT32, cpu.torch), entering, frozenset()), JaxGiven(
            side, entering
        )


def test_a_checkpoint_of_all_keeps_nothing_of_its_own(given):
    """And one that keeps products alone less than a tape without."""
    with torch.enable_grad():
        found = torch_again(given[0])
    hidden, out = 5 * 6 * 4, 5 * 3 * 4
    assert found == {NOTHING: 2 * hidden + out, BUT_PRODUCTS: hidden + out, ALL: 0}


def test_the_same_of_jax(given):
    """The residuals op by op, and the compiled program, which is one whatever is made again."""
    found = jax_again(given[1], temporaries)
    assert found[ALL][0] < found[BUT_PRODUCTS][0] < found[NOTHING][0]
    assert all(program > 0 for _, program in found.values())


def test_what_only_the_comparison_multiplies_by_is_not_counted(cpu):
    """A layer without a loss keeps its input alone, which lives anyway."""
    prepared = prepare(of(Doubled, FlaxDoubled()))
    side = PortForward(prepared, FLOAT32, cpu.jax)
    with side.x64():
        given = JaxGiven(side, prepared.enter(0, 1).at(FLOAT32))
        (cotangent,) = given.cotangents()
        assert cotangent.shape == (5, 3)
        assert jax_again(given, temporaries)[NOTHING][0] == 0
