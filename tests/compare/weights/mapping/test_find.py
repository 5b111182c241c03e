"""The whole search: everything that comes of it, on models of one or two layers."""

import jax
import jax.numpy as jnp
import pytest
import torch
from flax import linen
from torch import nn

from compare.errors import UsageError
from compare.weights.mapping import jax_ops, torch_ops
from compare.weights.mapping.find import find
from compare.weights.mapping.program import Program
from compare.weights.mapping.torch_trace import program_of
from tests.compare.weights.mapping.carry import normal


class Counted(nn.Module):
    """A layer beside a buffer that the port does not have."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 4)
        self.register_buffer("steps", torch.zeros((), dtype=torch.long))

    def forward(self, x):
        return self.layer(x)


class CountedPort(linen.Module):
    """A layer beside a statistic that the reference does not have."""

    @linen.compact
    def __call__(self, x):
        self.variable("stats", "calls", lambda: jnp.zeros((2,)))
        return linen.Dense(4)(x)


def test_all_that_was_found_is_said():
    x = normal(2, 3)
    found = find(Counted(), (x,), {}, CountedPort(), (x,), {})
    assert {entry.reference: entry.port for entry in found.weight_map.entries} == {
        "layer.weight": "params/Dense_0/kernel",
        "layer.bias": "params/Dense_0/bias",
    }
    assert (found.constants, found.port_constants) == (("steps",), ("stats/calls",))
    assert (found.inputs, found.outputs, found.notes) == ((None,), {}, ())
    assert found.model.leaves["params/Dense_0/kernel"].shape == (3, 4)


def test_a_program_is_as_good_as_the_model():
    x = normal(2, 3)
    program = program_of(Counted(), (x,), {})
    assert isinstance(program, Program)
    one, two = (find(given, (x,), {}, CountedPort(), (x,), {}) for given in (program, Counted()))
    assert one.weight_map.entries == two.weight_map.entries


def test_inputs_are_turned_only_where_that_is_allowed():
    x = normal(4, 4, 4, 4)
    sides = nn.Conv2d(4, 4, 3), (x,), {}, linen.Conv(4, (3, 3), padding="VALID"), (x,), {}
    assert find(*sides).inputs == ((0, 2, 3, 1),)
    assert find(*sides).outputs == {"output": (0, 3, 1, 2)}
    assert find(*sides, permute=False).inputs == (None,)


def test_keyword_arguments_have_their_place_among_the_inputs():
    class Reference(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(4, 4, 3)

        def forward(self, x, image):
            return self.conv(image) + x

    class Port(linen.Module):
        @linen.compact
        def __call__(self, x, image):
            return linen.Conv(4, (3, 3), padding="VALID")(image) + x

    x, image = normal(1), normal(4, 4, 4, 4)
    found = find(Reference(), (x,), {"image": image}, Port(), (x,), {"image": image})
    assert found.inputs == (None, (0, 2, 3, 1))


def test_a_function_without_parameters_of_its_own_takes_the_references_names():
    def port(params, x):
        return x @ params["weight"].T + params["bias"]

    x = normal(2, 3)
    found = find(nn.Linear(3, 3), (x,), {}, port, (x,), {})
    assert [(entry.reference, entry.port, entry.layout) for entry in found.weight_map.entries] == [
        ("weight", "params/weight", "same"),
        ("bias", "params/bias", "same"),
    ]


def test_a_forced_line_of_another_shape_is_refused():
    x = normal(2, 3)
    with pytest.raises(UsageError, match=r"weight is \(4, 3\) in the common layout, params/kernel is \(3, 4\)"):
        find(nn.Linear(3, 4), (x,), {}, linen.Dense(4), (x,), {}, {"weight": ("kernel", (0, 1))})
    with pytest.raises(UsageError, match="no counterpart"):
        find(nn.Linear(3, 4), (x,), {}, linen.Dense(4, use_bias=False), (x,), {})


def test_two_names_forced_on_one_leaf_are_refused():
    x = normal(2, 4)
    rules = {"0.weight": "layers_0/kernel", "1.weight": "layers_0/kernel"}
    port = linen.Sequential([linen.Dense(4, use_bias=False), linen.Dense(4, use_bias=False)])
    reference = nn.Sequential(nn.Linear(4, 4, bias=False), nn.Linear(4, 4, bias=False))
    with pytest.raises(UsageError, match=r"0\.weight .* no counterpart .*layers_1/kernel .* not what the rules say"):
        find(reference, (x,), {}, port, (x,), {}, rules)


def test_nothing_is_computed_of_the_port():
    seen = []

    def port(params, x):
        seen.extend(isinstance(array, jax.core.Tracer) for array in (x, params["weight"]))
        return x @ params["weight"].T

    x = normal(2, 3)
    find(nn.Linear(3, 3, bias=False), (x,), {}, port, (x,), {})
    assert seen
    assert all(seen)


@pytest.mark.parametrize(("side", "rules"), [("reference", torch_ops.RULES), ("port", jax_ops.RULES)])
def test_an_operation_that_cannot_be_followed_is_no_fault_of_a_side(monkeypatch, side, rules):
    def broken(*given):
        raise KeyError("dimension")

    monkeypatch.setitem(rules, "addmm" if side == "reference" else "dot_general", broken)
    with pytest.raises(
        UsageError, match=rf"the {side} runs, and jaxport cannot follow its operations \(KeyError: 'dimens"
    ):
        find(torch.nn.Linear(3, 2), (normal(4, 3),), {}, linen.Dense(2), (normal(4, 3),), {})
