"""Every operation of ATen that has a rule, on a tensor of a few entries, and what the rules say of the weights."""

import pytest
import torch

from compare.weights.mapping.atoms import finest
from compare.weights.mapping.torch_ops import RULES, run
from compare.weights.mapping.units import Value
from compare.weights.mapping.walk import Walk
from tests.compare.weights.mapping.aten import CASES, I4, LONELY, ROWS, A, B, C, V, shapes_of
from tests.compare.weights.mapping.hand import roles, same_atoms, sound


def valued(item, make):
    if isinstance(item, list):
        return [valued(one, make) for one in item]
    return make(item) if isinstance(item, torch.Tensor) else item


def test_every_rule_has_a_case():
    assert set(CASES) == set(RULES)


def entered(args, weights):
    """A walk, and the arguments as its values: inputs, or the first one alone an input and the others weights."""
    walk, names = Walk(), iter("abcdefgh")

    def make(tensor):
        name = next(names)
        return walk.weight(name, tensor.shape) if weights and name != "a" else walk.input(tensor.shape)

    return walk, valued(list(args), make)


@pytest.mark.parametrize("weights", [False, True])
@pytest.mark.parametrize("name", sorted(CASES))
def test_the_results_of_every_rule_have_the_shapes_of_the_operation(name, weights):
    for args in CASES[name]:
        shapes = shapes_of(name, args)
        walk, given = entered(args, weights)
        results = run(walk, name, given, {}, shapes)
        assert all(sound(value, shape) for value, shape in zip(results, shapes, strict=name not in LONELY))
        assert all(isinstance(value, Value) for value in results)


def kinds(name, args):
    """Of each weight that the operation uses: its kind, and the roles of its axes."""
    shapes = shapes_of(name, args)
    walk, given = entered(args, True)
    run(walk, name, given, {}, shapes)
    return {name: (unit.kind, roles(unit)) for name, unit in walk.units.items() if unit.uses}


def test_products_give_rows_and_columns_their_roles():
    assert kinds("mm", (A, torch.rand(6, 3))) == {"b": ("matrix", [("in", 6), ("out", 3)])}
    assert kinds("mv", (A, V)) == {"b": ("matrix", [("in", 6)])}
    assert kinds("bmm", (B, torch.rand(2, 4, 5))) == {"b": ("matrix", [("group", 2), ("in", 4), ("out", 5)])}
    walk = Walk()
    x, w, bias = walk.input((2, 6)), walk.weight("w", (6, 3)), walk.weight("b", (3,))
    (result,) = run(walk, "addmm", [bias, x, w], {}, [(2, 3)])
    assert (walk.units["w"].kind, walk.units["b"].kind) == ("matrix", "shift")
    assert same_atoms(result.axes[1], bias.axes[0])
    assert [use.unit.leaf for use in walk.uses] == ["w", "b"]


def test_a_bilinear_form_contracts_the_first_input():
    walk = Walk()
    given = [walk.input((4, 3)), walk.weight("w", (5, 3, 2)), walk.input((4, 2))]
    run(walk, "_trilinear", given, {}, [(4, 5)])
    assert roles(walk.units["w"]) == [("out", 5), ("in", 3), ("out", 2)]
    assert len(walk.units["w"].uses) == 2


@pytest.mark.parametrize(
    ("kernel", "transposed", "groups", "expected"),
    [
        ((3, 2, 2, 2), False, 1, [("out", 3), ("in", 2), ("space", 2), ("space", 2)]),
        ((4, 1, 3, 3), False, 2, [("group", 2), ("out", 2), ("space", 3), ("space", 3)]),
        ((2, 3, 2, 2), True, 1, [("in", 2), ("out", 3), ("space", 2), ("space", 2)]),
        ((2, 3, 2, 2), True, 2, [("group", 2), ("out", 3), ("space", 2), ("space", 2)]),
    ],
)
def test_a_convolution_says_what_each_axis_of_its_kernel_does(kernel, transposed, groups, expected):
    args = (I4, torch.rand(kernel), None, [1, 1], [0, 0], [1, 1], transposed, [0, 0], groups)
    shapes = shapes_of("convolution", args)
    walk, given = entered(args, True)
    (result,) = run(walk, "convolution", given, {}, shapes)
    unit = walk.units["b"]
    assert (unit.kind, roles(unit)) == ("conv", expected)
    assert [factor.flipped for factor in unit.factors if factor.role == "space"] == [transposed, transposed]
    assert [{atom.label for atom in axis} for axis in result.axes[1:]] == [{"c"}, {"s0"}, {"s1"}]


def test_a_norm_names_its_statistics_by_what_is_done_with_them():
    walk, given = entered((I4, C, C, C, C), True)
    run(walk, "native_batch_norm", [*given, False, 0.1, 1e-5], {}, [I4.shape, (0,), (0,)])
    units = walk.units
    assert {name: units[name].kind for name in "bcde"} == {"b": "scale", "c": "shift", "d": "shift", "e": "scale"}
    assert {name: set(units[name].hints) for name in "bcde"} == {"b": set(), "c": set(), "d": {"sub"}, "e": {"rsqrt"}}
    # The channel is the second axis, not the last.
    assert all(same_atoms(given[0].axes[1], value.axes[0]) for value in given[1:])


def test_layer_and_group_norms_scale_before_they_shift():
    for name, args in (
        ("native_layer_norm", (A, [6], V, V, 1e-5)),
        ("native_group_norm", (I4, C, C, 1, 2, 24, 1, 1e-5)),
    ):
        found = kinds(name, args)
        assert [kind for kind, _ in found.values()] == ["scale", "shift"]


def test_a_layer_cut_in_two_falls_apart_there():
    walk = Walk()
    x, w = walk.input((2, 3)), walk.weight("w", (3, 6))
    (y,) = run(walk, "mm", [x, w], {}, [(2, 6)])
    one, _ = run(walk, "chunk", [y, 2, 1], {}, [(2, 3), (2, 3)])
    assert finest(y.axes[1])[0].cuts == {(0, 3), (3, 6)}
    (gated,) = run(walk, "glu", [y, -1], {}, [(2, 3)])
    assert sound(one, (2, 3))
    assert sound(gated, (2, 3))


def test_rows_of_a_table_are_taken():
    for name, args in (("embedding", (A, ROWS)), ("index_select", (A, 0, ROWS)), ("index", (A, [ROWS]))):
        walk = Walk()
        given = valued(
            list(args), lambda tensor, walk=walk: walk.weight("w", (2, 6)) if tensor is A else walk.input((3,))
        )
        (result,) = run(walk, name, given, {}, [(3, 6)])
        assert (walk.units["w"].kind, roles(walk.units["w"])) == ("table", [("in", 2), ("out", 6)])
        assert same_atoms(result.axes[1], walk.weight("w", (2, 6)).axes[1])


@pytest.mark.parametrize("name", ["index_select", "index"])
def test_columns_of_a_table_are_no_rows(name):
    walk = Walk()
    table, picks = walk.weight("w", (3, 6)), walk.input((3,))
    args = [table, 1, picks] if name == "index_select" else [table, [None, picks]]
    run(walk, name, args, {}, [(3, 3)])
    assert walk.units["w"].kind == "loose"


def test_an_operation_in_place_is_the_operation():
    walk = Walk()
    x, w = walk.input((2, 6)), walk.weight("w", (6,))
    run(walk, "mul_", [x, w], {}, [(2, 6)])
    assert walk.units["w"].kind == "scale"


def test_what_has_no_rule_goes_entry_by_entry_where_shapes_say_so_and_is_opaque_elsewhere():
    walk = Walk()
    x, w, table = walk.input((2, 6)), walk.weight("w", (6,)), walk.weight("t", (3, 6))
    (result,) = run(walk, "hypot", [x, w], {}, [(2, 6)])
    assert walk.units["w"].kind == "loose"
    assert same_atoms(result.axes[0], x.axes[0])
    (result,) = run(walk, "cdist", [x, table], {}, [(2, 3)])
    assert walk.units["t"].kind == "loose"
    assert not same_atoms(result.axes[0], x.axes[0])
    (zeros,) = run(walk, "zeros", [[2, 3]], {}, [(2, 3)])
    assert not zeros.moving


def test_arguments_given_by_keyword_count():
    walk = Walk()
    (result,) = run(walk, "mean", [walk.input((2, 3, 4))], {"dim": [1]}, [(2, 4)])
    assert sound(result, (2, 4))
    x, w = walk.input((2, 6)), walk.weight("w", (2, 6))
    run(walk, "where", [x], {"other": w}, [(2, 6)])
    assert walk.units["w"].kind == "loose"
