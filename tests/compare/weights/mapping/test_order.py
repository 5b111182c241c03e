"""Arrays of one kind and size: told apart by names and by order of use, or said to be ambiguous."""

import jax
import jax.numpy as jnp
import pytest
import torch
from flax import linen
from torch import nn

from compare.errors import UsageError
from compare.weights.mapping.find import find
from tests.compare.weights.mapping.carry import carried, layout_of, normal


class Chain(nn.Module):
    def __init__(self, depth=12):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(4, 4) for _ in range(depth))

    def forward(self, x):
        for layer in self.layers:
            x = torch.tanh(layer(x))
        return x


class ChainPort(linen.Module):
    depth: int = 12
    out: int = 4

    @linen.compact
    def __call__(self, x):
        for _ in range(self.depth - 1):
            x = jnp.tanh(linen.Dense(4)(x))
        return jnp.tanh(linen.Dense(self.out)(x))


def ports_of(found):
    return {entry.reference: entry.port for entry in found.weight_map.entries}


def test_twelve_equal_layers_go_by_number_not_by_alphabet():
    found = carried(Chain(), ChainPort(), normal(2, 4))
    assert [ports_of(found)[f"layers.{at}.weight"] for at in range(12)] == [
        f"params/Dense_{at}/kernel" for at in range(12)
    ]
    (line,) = [line for line in found.weight_map.explain() if line.startswith("layers.3.weight")]
    assert "4th of 12 alike, by order of use" in line


def test_order_of_use_beats_the_order_of_making():
    class Backwards(linen.Module):
        def setup(self):
            self.inner = [linen.Dense(4) for _ in range(3)]

        def __call__(self, x):
            for layer in self.inner[::-1]:
                x = jnp.tanh(layer(x))
            return x

    found = carried(Chain(3), Backwards(), normal(2, 4))
    assert ports_of(found)["layers.0.weight"] == "params/inner_2/kernel"


class Branches(nn.Module):
    """Two layers side by side, whose results do the same."""

    def __init__(self):
        super().__init__()
        self.left, self.right = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x):
        return self.left(x) - self.right(x)


class BranchesPort(linen.Module):
    names: tuple = (None, None)

    @linen.compact
    def __call__(self, x):
        one, two = (linen.Dense(4, name=name)(x) for name in self.names)
        return one - two


def test_parallel_layers_without_telling_names_are_ambiguous():
    with pytest.raises(UsageError) as caught:
        carried(Branches(), BranchesPort(), normal(2, 4))
    assert str(caught.value) == (
        "weight map: left.weight could be params/Dense_0/kernel or params/Dense_1/kernel (same shape, same input, "
        "names do not tell), and so could right.weight: say which with rules={'left': 'Dense_0'} (or 'Dense_1')"
    )


def test_a_rule_resolves_it():
    found = carried(Branches(), BranchesPort(), normal(2, 4), rules={"left": "Dense_0"})
    assert ports_of(found)["right.bias"] == "params/Dense_1/bias"


def test_names_resolve_it():
    port = BranchesPort(("left_branch", "right_branch"))
    assert ports_of(carried(Branches(), port, normal(2, 4)))["right.weight"] == "params/right_branch/kernel"


def test_what_follows_resolves_it():
    class Gated(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 4)

        def forward(self, x):
            return self.b(x) * nn.functional.silu(self.a(x))

    class Port(linen.Module):
        @linen.compact
        def __call__(self, x):
            return linen.silu(linen.Dense(4)(x)) * linen.Dense(4)(x)

    assert ports_of(carried(Gated(), Port(), normal(2, 4)))["a.weight"] == "params/Dense_0/kernel"


def test_stars_stand_for_the_same_text():
    class Port(linen.Module):
        def setup(self):
            self.blocks = [linen.Dense(4) for _ in range(3)]

        def __call__(self, x):
            for block in self.blocks:
                x = jnp.tanh(block(x))
            return x

    found = carried(Chain(3), Port(), normal(2, 4), rules={"layers.*": "blocks_*"})
    assert ports_of(found)["layers.2.weight"] == "params/blocks_2/kernel"


def test_a_rule_can_say_the_transpose():
    found = carried(nn.Linear(4, 4), linen.Dense(4), normal(2, 4), rules={"weight": ("kernel", (1, 0))})
    assert layout_of(found, "weight") == "transpose (1, 0)"


@pytest.mark.parametrize(
    ("rules", "told"),
    [
        ({"nothing": "Dense_0"}, "'nothing' matches no array of the reference"),
        ({"left": "Dense_7"}, "'Dense_7' is no leaf and no layer of the port"),
        ({"left": ("Dense_0", (1, 0))}, "axes can be said of one array alone"),
        ({"left": 3}, "expected a path of the port or (path, axes), got 3"),
    ],
)
def test_a_rule_that_says_nothing_is_an_error(rules, told):
    with pytest.raises(UsageError) as caught:
        carried(Branches(), BranchesPort(), normal(2, 4), rules=rules)
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("reference", "port", "told"),
    [
        (Chain(3), ChainPort(2), "of the reference has no counterpart in the port"),
        (Chain(2), ChainPort(3), "of the port has no counterpart in the reference"),
        (Chain(2), ChainPort(2, out=5), "nearest: params/Dense_1/kernel (4, 5) is of another size"),
    ],
)
def test_what_is_left_over_is_named(reference, port, told):
    with pytest.raises(UsageError) as caught:
        find(reference, (normal(2, 4),), {}, port, (normal(2, 4),), {})
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_leftover_says_why_the_nearest_was_refused():
    with pytest.raises(
        UsageError,
        match=r"nearest: params/kernel \(4, 4\) is of another size; params/bias \(4,\) is a summand, not a matrix",
    ):
        find(nn.Linear(4, 5), (normal(2, 4),), {}, linen.Dense(4), (normal(2, 4),), {})


def test_a_side_that_raises_is_named():
    with pytest.raises(UsageError, match="the reference raised RuntimeError"):
        find(nn.Linear(3, 3), (normal(2, 4),), {}, linen.Dense(3), (normal(2, 4),), {})
    port = (lambda params, x: x @ params["w"], {"w": jax.numpy.ones((3, 3))})
    with pytest.raises(UsageError, match="the port raised TypeError"):
        find(nn.Linear(4, 4), (normal(2, 4),), {}, port, (normal(2, 4),), {})
