"""What is done on the way back of code that differs forward as well: it is a cause beside the forward ones."""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import pytest
import torch
from flax import linen
from torch import nn
from torch.nn import functional as F

from compare.explain.calls.change import Change
from compare.explain.explain import explain
from compare.explain.locate.introduced import by_place
from compare.explain.proof import Proof
from compare.explain.way_back import WayBack
from compare.pair.pair import Pair
from tests.compare.explain.locate.models import WIDTH, X, looked_into, seeded

USERS_MODELS = True


class Gated(nn.Module):
    """A gate that no gradient goes through, in code between two layers; past them its own array once more."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(WIDTH, 4), nn.Linear(4, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        z = torch.tanh(self.first(x))
        return self.last(F.gelu(z) * z.detach()) + 1e-3 * z


class LinenGated(linen.Module):
    """The same; each attribute is one fault."""

    approximate: bool = False
    stops: bool = True
    past: float = 1e-3

    @linen.compact
    def __call__(self, x):
        z = jnp.tanh(linen.Dense(4, name="first")(x))
        gate = jax.lax.stop_gradient(z) if self.stops else z
        return linen.Dense(4, name="last")(linen.gelu(z, approximate=self.approximate) * gate) + self.past * z


@pytest.mark.parametrize(
    ("faults", "settings"),
    [
        ({"approximate": True, "stops": False}, ["approximate", "stop_gradient"]),
        ({"past": 2e-3, "stops": False}, ["scale", "stop_gradient"]),
        ({"past": 2e-3}, ["scale"]),
    ],
    ids=["in one section", "in another section of the same layer", "none on the way back"],
)
def test_a_gradient_is_explained_beside_what_differs_forward(faults, settings):
    """Certain together: with both the pair closes."""
    made = explain(looked_into(Pair(seeded(Gated), LinenGated(**faults), X)))
    assert [named.cause.setting for named in made.causes if named.cause.certain] == settings
    assert made.closing.still == ()


def test_what_is_beside_a_change_is_proven_where_that_leaves_something_open(monkeypatch):
    """Where the code differs forward, a draw without the change differs anyway, whatever is done on the way back."""
    asked, change, group = [], Change(), [SimpleNamespace(owner="layer", direction="forward")]
    proof = SimpleNamespace(closes=lambda group, both, under: asked.append(under) or True)
    way_back = WayBack(SimpleNamespace(), proof)
    monkeypatch.setattr(way_back, "_group", lambda owner: group)
    monkeypatch.setattr(way_back, "_closed", lambda group, change: False)
    monkeypatch.setattr(way_back, "_causes", lambda owner, change, proven: proven(Change()))
    assert way_back.beside(group, change)
    assert way_back.left("layer", change)
    assert [under is change for under in asked] == [True, True]


def test_what_is_not_explained_forward_has_nothing_beside_it():
    """A change that makes nothing of the section the port's."""
    seen = looked_into(Pair(seeded(Gated), LinenGated(approximate=True, stops=False), X))
    way_back = WayBack(seen, Proof(seen))
    (group, *_) = by_place(seen.found)
    none = type(explain(seen).causes[0].cause.change)()
    assert way_back.beside(group, none) == ()
    assert way_back.left("nowhere", none) == ()
