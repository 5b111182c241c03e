"""What one side makes twice and the other once is one value: it faces nothing, and stands in nobody's way."""

import numpy as np
import torch
from flax import linen
from jax import numpy as jnp
from torch import nn

from compare.measure.contrast.alignment import aligned
from compare.measure.contrast.contrast import contrast
from compare.measure.contrast.dataflow import Dataflow, Made
from compare.measure.contrast.repeats import aligned_once, places_of_repeats
from tests.compare.measure.contrast.test_facing import faces, of

USERS_MODELS = True
X = np.random.default_rng(0).standard_normal((3, 4))
ONCE = Dataflow({0: X, 1: np.sin(X), 2: np.exp(np.sin(X))}, (Made((0,), (1,), 0), Made((1,), (2,), 1)), (0,))
AGAIN = Dataflow(
    {0: X, 1: np.sin(X), 2: np.cos(X), 3: np.sin(X), 4: np.exp(np.sin(X))},
    (Made((0,), (1,), 0), Made((0,), (2,), 1), Made((2,), (3,), 2), Made((3,), (4,), 3)),
    (0,),
)


def test_what_is_made_again_is_read_where_it_was_made():
    """So that what is computed from it has the operands that it has on the other side; what only led to it repeats."""
    partners, reference, port = aligned_once(ONCE, AGAIN)
    assert partners == {0: 0, 1: 1, 2: 4}
    assert reference is ONCE
    assert port.parents[4] == (1,)
    assert places_of_repeats(AGAIN, port) == {1, 2}
    assert places_of_repeats(ONCE, reference) == frozenset()


def test_what_both_make_twice_has_partners_twice():
    """Two equal branches repeat nothing."""
    partners, reference, port = aligned_once(AGAIN, AGAIN)
    assert partners == aligned(AGAIN, AGAIN) == {number: number for number in range(5)}
    assert (reference, port) == (AGAIN, AGAIN)


class Once(nn.Module):
    """A value and its derivative from one forward pass."""

    def __init__(self):
        super().__init__()
        self.layer, self.frozen = nn.Linear(4, 3), nn.Linear(4, 4)
        self.frozen.requires_grad_(False)

    def forward(self, x):
        x = torch.exp(x.abs()) * torch.tanh(self.frozen(x))
        x = torch.sin(self.layer(x))
        return torch.exp(x) + torch.tanh(x)


class FlaxTwice(linen.Module):
    @linen.compact
    def __call__(self, x):
        layer, frozen = linen.Dense(3, name="layer"), linen.Dense(4, name="frozen")
        x = jnp.exp(jnp.abs(x)) * jnp.tanh(frozen(x))
        return jnp.exp(jnp.sin(layer(x))) + jnp.tanh(jnp.sin(layer(x)))


def test_a_reason_for_all_that_faces_nothing(cpu):
    """A second call of a layer, what no gradient flows through, and a gradient that nobody asks the reference for."""
    made = contrast(of(Once, FlaxTwice()), cpu)
    assert faces(made, "SinBackward0") == [["sin"]]
    assert faces(made, "AddmmBackward0") == [["dot_general", "add"]]
    whys = {why: {one.name for one in made.equations if one.why == why} for why in ("repeated", "untaped", "unasked")}
    assert whys["repeated"] >= {"sin", "dot_general", "add"}
    assert whys["untaped"] >= {"exp", "abs", "tanh", "dot_general"}
    assert {one.path.rpartition("/")[2] for one in made.equations if one.why == "unasked"} >= {"frozen"}
    assert "fused" not in {row.why for row in (*made.tape, *made.equations)}
