"""Arrays that one side holds as one and the other as several: found by their sizes, ordered by number or by trial."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import linen
from torch import nn

from compare.errors import UsageError
from compare.pair.pair import Pair
from compare.pair.prepare import prepare
from compare.weights.mapping.find import find
from compare.weights.mapping.joints import joint
from compare.weights.mapping.paired import arrays_of
from compare.weights.mapping.walk import Walk
from tests.compare.weights.mapping.carry import carried, normal, summed
from tests.compare.weights.mapping.hand import dense

X, Y = normal(6, 4), normal(6, 3)


class Torch(nn.Module):
    """Layers by name, and what is done with them."""

    def __init__(self, forward, **layers):
        super().__init__()
        torch.manual_seed(0)
        for name, layer in layers.items():
            self.add_module(name, layer)
        self.does = forward

    def forward(self, *args):
        return self.does(self, *args)


def three(*sizes, bias=True):
    return nn.ModuleList([nn.Linear(*sizes, bias=bias) for _ in range(3)])


def side_by_side(forward=lambda s, x: torch.stack([layer(x) for layer in s.ls])):
    return Torch(forward, ls=three(4, 2))


STACK = {"w": jnp.ones((3, 4, 2)), "b": jnp.ones((3, 2))}


def stacked(p, x):
    return jnp.einsum("bi,eio->ebo", x, p["w"]) + p["b"][:, None]


def mapped(p, x):
    return jax.vmap(lambda w, b: x @ w + b)(p["w"], p["b"])


@pytest.mark.parametrize("port", [stacked, mapped])
def test_a_list_of_layers_is_one_stacked_array_in_the_order_of_their_numbers(port):
    found = carried(side_by_side(), (port, STACK), X)
    lines = {entry.reference: entry.explain() for entry in found.weight_map.entries}
    assert len(found.weight_map.entries) == 6
    assert lines["ls.1.weight"].startswith("ls.1.weight -> params/w (transpose (1, 0); port: index (0, 1): ")
    assert lines["ls.2.bias"].endswith("by number)")


def test_the_other_side_may_be_the_stacked_one():
    class Stacked(nn.Module):
        def __init__(self):
            super().__init__()
            self.w = nn.Parameter(torch.randn(3, 4, 2))

        def forward(self, x):
            return torch.einsum("bi,eio->ebo", x, self.w)

    def port(p, x):
        return jnp.stack([x @ p[f"l{at}"] for at in range(3)])

    found = carried(Stacked(), (port, {f"l{at}": jnp.ones((4, 2)) for at in range(3)}), X)
    assert [entry.port for entry in found.weight_map.entries] == ["params/l0", "params/l1", "params/l2"]


def test_members_of_an_ensemble_stay_together():
    """Two stacks, whose first entries are one member's."""
    member = [nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 2)) for _ in range(3)]
    reference = Torch(lambda s, x: torch.stack([one(x) for one in s.ms]), ms=nn.ModuleList(member))

    class Member(linen.Module):
        @linen.compact
        def __call__(self, x):
            return linen.Dense(2)(jnp.tanh(linen.Dense(5, name="first")(x)))

    port = linen.vmap(
        Member, variable_axes={"params": 0}, split_rngs={"params": True}, in_axes=None, axis_size=3
    )()  # fmt: skip
    found = carried(reference, port, X)
    assert len(found.weight_map.entries) == 12


def test_layers_on_one_input_are_one_kernel_cut_where_their_results_lie():
    reference = Torch(lambda s, x: torch.cat([s.mu(x), s.sd(x)], -1), mu=nn.Linear(4, 3), sd=nn.Linear(4, 2))

    def port(p, x):
        return x @ p["kernel"] + p["bias"]

    def turned(p, x):
        return jnp.roll(x @ p["kernel"] + p["bias"], 3, -1)

    leaves = {"kernel": jnp.ones((4, 5)), "bias": jnp.ones(5)}
    carried(reference, (port, leaves), X)
    carried(reference, (turned, leaves), X)


def test_two_inputs_through_one_kernel_have_the_sum_of_both_biases():
    reference = Torch(lambda s, x, y: torch.tanh(s.w(x) + s.u(y)), w=nn.Linear(4, 5), u=nn.Linear(3, 5))

    def port(p, x, y):
        return jnp.tanh(jnp.concatenate([x, y], -1) @ p["kernel"] + p["bias"])

    found = carried(reference, (port, {"kernel": jnp.ones((7, 5)), "bias": jnp.ones(5)}), X, Y)
    assert summed(found) == ("u.bias",)
    assert found.notes == ("the port holds each bias as one where the reference adds two",)


def test_one_kernel_over_two_inputs_may_be_two():
    reference = Torch(lambda s, x, y: s.k(torch.cat([x, y], -1)), k=nn.Linear(7, 5))

    def port(p, x, y):
        return x @ p["w"] + y @ p["u"] + p["b"]

    carried(reference, (port, {"w": jnp.ones((4, 5)), "u": jnp.ones((3, 5)), "b": jnp.ones(5)}), X, Y)


def named():
    layers = {name: nn.Linear(4, 2) for name in ("a", "b", "c")}
    return Torch(lambda s, x: torch.stack([s.b(x), s.a(x), s.c(x)]), **layers)


def test_members_that_names_do_not_order_are_tried():
    """Asked of the programs alone, it is refused; a port that is another function is, too."""
    lines = prepare(Pair(named(), (stacked, STACK), X)).weight_map.entries
    assert {entry.reference: entry.port_view.steps for entry in lines if "weight" in entry.reference} == {
        "b.weight": (("index", (0, 0)),), "a.weight": (("index", (0, 1)),), "c.weight": (("index", (0, 2)),),
    }  # fmt: skip
    with pytest.raises(UsageError, match=r"a\.weight could be each of 3 parts of params/w"):
        find(named(), (X,), {}, (stacked, STACK), (X,), {})
    with pytest.raises(UsageError, match="each of 3 parts"):
        prepare(Pair(named(), (lambda p, x: 1.01 * stacked(p, x), STACK), X))


def test_an_axis_that_may_be_either_is_tried():
    """Three layers of three outputs, stacked behind those."""

    def port(p, x):
        return jnp.einsum("bi,ioe->ebo", x, p["w"])

    reference = Torch(lambda s, x: torch.stack([layer(x) for layer in s.ls]), ls=three(4, 3, bias=False))
    ready = prepare(Pair(reference, (port, {"w": jnp.ones((4, 3, 3))}), X))
    assert [entry.port_view.steps for entry in ready.weight_map.entries] == [(("index", (2, at)),) for at in range(3)]


def test_a_port_that_exchanges_two_members_is_another_function():
    """The map is by number, as the stack was made; the functions differ under it."""
    found = find(side_by_side(), (X,), {}, (lambda p, x: stacked(p, x)[::-1], STACK), (X,), {})
    assert [entry.port_view.steps for entry in found.weight_map.entries if entry.port == "params/w"] == [
        (("index", (0, at)),) for at in range(3)
    ]
    with pytest.raises(AssertionError):
        carried(side_by_side(), (lambda p, x: stacked(p, x)[::-1], STACK), X)


@pytest.mark.parametrize("rules", [{"ls.*": "w"}, {"ls.*.weight": "w", "ls.*.bias": "b"}])
def test_a_rule_may_lead_several_arrays_to_one(rules):
    reference = Torch(lambda s, x: torch.stack([layer(x) for layer in s.ls]), ls=three(4, 2, bias=len(rules) > 1))

    def port(p, x):
        return jnp.einsum("bi,eio->ebo", x, p["w"]) + (p["b"][:, None] if "b" in p else 0)

    leaves = STACK if len(rules) > 1 else {"w": STACK["w"]}
    assert len(carried(reference, (port, leaves), X, rules=rules).weight_map.entries) == 3 * len(rules)


def arrays(walk):
    return arrays_of(walk, dict.fromkeys(walk.units, False))


def layers(*out, names="abc"):
    walk = Walk()
    x = walk.input((2, 4))
    for size, name in zip(out, names, strict=False):
        dense(walk, x, name, out=size)
    return arrays(walk)


@pytest.mark.parametrize(
    ("whole", "parts", "sizes"),
    [((6,), (2, 2, 2), (2, 2, 2)), ((6,), (4, 2), (4, 2)), ((6,), (3, 2), None), ((6,), (6,), None), ((6,), (), None)],
)
def test_sizes_must_be_those_of_all_parts_together(whole, parts, sizes):
    found = joint(layers(*whole, names="w"), layers(*parts))
    assert (found.partings[0].sizes if found else None) == sizes
    assert found is None or (found.role, len(found.parts)) == ("out", len(parts))


def test_there_and_back_is_bit_identical():
    found = find(side_by_side(), (X,), {}, (stacked, STACK), (X,), {})
    arrays_of_torch = {name: tensor.detach().numpy() for name, tensor in side_by_side().named_parameters()}
    leaves = found.weight_map.to_port(arrays_of_torch, {"params/w": (3, 4, 2), "params/b": (3, 2)})
    shapes = {name: array.shape for name, array in arrays_of_torch.items()}
    back = found.weight_map.to_reference(leaves, shapes)
    assert all(np.array_equal(back[name], array) for name, array in arrays_of_torch.items())


def test_a_bias_goes_where_the_kernel_beside_it_went():
    """Two joined layers whose biases are of one size: which is which, their kernels tell."""
    reference = Torch(
        lambda s, x, y: torch.cat([s.mean(torch.tanh(s.w(x) + s.u(y))), s.spread(torch.tanh(s.w(x) + s.u(y)))], -1),
        w=nn.Linear(4, 5), u=nn.Linear(3, 5), mean=nn.Linear(5, 3), spread=nn.Linear(5, 2),
    )  # fmt: skip

    def port(p, x, y):
        hidden = jnp.tanh(jnp.concatenate([x, y], -1) @ p["hidden"]["k"] + p["hidden"]["b"])
        return hidden @ p["heads"]["k"] + p["heads"]["b"]

    leaves = {name: {"k": jnp.ones((size, 5)), "b": jnp.ones(5)} for name, size in (("hidden", 7), ("heads", 5))}
    assert summed(carried(reference, (port, leaves), X, Y)) == ("u.bias",)
