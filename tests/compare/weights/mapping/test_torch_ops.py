"""Operations of ATen on tensors of a few entries, with a rule or without, and what is said of the weights."""

import pytest
import torch

from compare.frameworks.torch_insides import schema_of
from compare.weights.mapping.atoms import finest
from compare.weights.mapping.operation import NEW, PARTS, VIEW, Operation
from compare.weights.mapping.torch_ops import COMMON_NAMES, RULES, run
from compare.weights.mapping.units import Value
from compare.weights.mapping.walk import Walk
from tests.compare.weights.mapping.aten import CASES, I4, ROWS, A, B, C, V, called
from tests.compare.weights.mapping.hand import roles, same_atoms, sound


def test_every_rule_has_a_case():
    assert set(RULES) <= set(CASES)


def falls_apart(name):
    """Whether torch takes every form of the operation apart before a recorder sees it."""
    packet, composite = getattr(torch.ops.aten, name), torch._C.DispatchKey.CompositeImplicitAutograd
    overloads = [getattr(packet, each) for each in packet.overloads() if each != "t"]
    on_tensors = [each for each in overloads if any("Tensor" in str(given.type) for given in schema_of(each).arguments)]
    return all(each.has_kernel_for_dispatch_key(composite) for each in on_tensors)


@pytest.mark.parametrize("name", sorted({*RULES, *COMMON_NAMES}))
def test_no_rule_is_for_what_falls_apart_by_itself(name):
    assert not falls_apart(name)
    assert falls_apart("narrow")


def entered(name, args, weights):
    """A walk, and the operation on inputs, or on one input, the first, and weights."""
    walk, letters = Walk(), iter("abcdefgh")

    def make(tensor):
        letter = next(letters)
        return walk.weight(letter, tensor.shape) if weights and letter != "a" else walk.input(tensor.shape)

    return walk, called(name, args, make)


@pytest.mark.parametrize("weights", [False, True])
@pytest.mark.parametrize("name", sorted(CASES))
def test_the_results_of_every_operation_have_its_shapes(name, weights):
    for args in CASES[name]:
        walk, operation = entered(name, args, weights)
        results = run(walk, operation)
        assert all(sound(value, shape) for value, shape in zip(results, operation.shapes, strict=True))
        assert all(isinstance(value, Value) for value in results)


def kinds(name, args):
    """Of each weight that the operation uses: its kind, and the roles of its axes."""
    walk, operation = entered(name, args, True)
    run(walk, operation)
    return {name: (unit.kind, roles(unit)) for name, unit in walk.units.items() if unit.uses}


def done(walk, name, arguments, *shapes, result=NEW):
    return run(walk, Operation(name, result, arguments, list(shapes)))


def test_products_give_rows_and_columns_their_roles():
    assert kinds("mm", (A, torch.rand(6, 3))) == {"b": ("matrix", [("in", 6), ("out", 3)])}
    assert kinds("mv", (A, V)) == {"b": ("matrix", [("in", 6)])}
    assert kinds("bmm", (B, torch.rand(2, 4, 5))) == {"b": ("matrix", [("group", 2), ("in", 4), ("out", 5)])}
    walk = Walk()
    x, w, bias = walk.input((2, 6)), walk.weight("w", (6, 3)), walk.weight("b", (3,))
    (result,) = done(walk, "addmm", {"self": bias, "mat1": x, "mat2": w}, (2, 3))
    assert (walk.units["w"].kind, walk.units["b"].kind) == ("matrix", "shift")
    assert same_atoms(result.axes[1], bias.axes[0])
    assert [use.unit.leaf for use in walk.uses] == ["w", "b"]


def test_a_bilinear_form_contracts_the_first_input():
    walk = Walk()
    given = {"i1": walk.input((4, 3)), "i2": walk.weight("w", (5, 3, 2)), "i3": walk.input((4, 2))}
    done(walk, "_trilinear", given, (4, 5))
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
    walk, operation = entered("convolution", args, True)
    (result,) = run(walk, operation)
    unit = walk.units["b"]
    assert (unit.kind, roles(unit)) == ("conv", expected)
    assert [factor.flipped for factor in unit.factors if factor.role == "space"] == [transposed, transposed]
    assert [{atom.label for atom in axis} for axis in result.axes[1:]] == [{"c"}, {"s0"}, {"s1"}]


def test_a_norm_names_its_statistics_by_what_is_done_with_them():
    walk, operation = entered("native_batch_norm", (I4, C, C, C, C, False, 0.1, 1e-5), True)
    run(walk, operation)
    given, units = operation.tensors, walk.units
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
    (y,) = done(walk, "mm", {"self": x, "mat2": w}, (2, 6))
    half, _ = done(walk, "split", {"self": y, "split_size": 3, "dim": 1}, (2, 3), (2, 3), result=PARTS)
    assert finest(y.axes[1])[0].cuts == {(0, 3), (3, 6)}
    (gated,) = done(walk, "glu", {"self": y, "dim": -1}, (2, 3))
    assert sound(half, (2, 3))
    assert sound(gated, (2, 3))


def test_rows_of_a_table_are_taken():
    for name, args in (("embedding", (A, ROWS)), ("index_select", (A, 0, ROWS)), ("index", (A, [ROWS]))):
        walk = Walk()
        operation = called(
            name, args, lambda tensor, walk=walk: walk.weight("w", (2, 6)) if tensor is A else walk.input((3,))
        )
        (result,) = run(walk, operation)
        assert (walk.units["w"].kind, roles(walk.units["w"])) == ("table", [("in", 2), ("out", 6)])
        assert same_atoms(result.axes[1], walk.weight("w", (2, 6)).axes[1])


@pytest.mark.parametrize("name", ["index_select", "index"])
def test_columns_of_a_table_are_no_rows(name):
    walk = Walk()
    table, picks = walk.weight("w", (3, 6)), walk.input((3,))
    chosen = {"dim": 1, "index": picks} if name == "index_select" else {"indices": [None, picks]}
    done(walk, name, {"self": table, **chosen}, (3, 3))
    assert walk.units["w"].kind == "loose"


def test_what_has_no_rule_goes_entry_by_entry_where_shapes_say_so_and_is_opaque_elsewhere():
    walk = Walk()
    x, w, table = walk.input((2, 6)), walk.weight("w", (6,)), walk.weight("t", (3, 6))
    (result,) = done(walk, "hypot", {"self": x, "other": w}, (2, 6))
    assert walk.units["w"].kind == "loose"
    assert same_atoms(result.axes[0], x.axes[0])
    (result,) = done(walk, "cdist", {"x1": x, "x2": table}, (2, 3))
    assert walk.units["t"].kind == "loose"
    assert not same_atoms(result.axes[0], x.axes[0])
    (zeros,) = done(walk, "zeros", {"size": [2, 3]}, (2, 3))
    assert not zeros.moving


def test_a_view_is_its_first_argument_in_another_shape_or_the_very_same():
    walk = Walk()
    w = walk.weight("w", (2, 6))
    (seen,) = done(walk, "any_new_view", {"self": w}, (12,), result=VIEW)
    assert (seen.units, seen.shape) == (w.units, (12,))
    (same,) = done(walk, "detach", {"self": w}, (2, 6), result=VIEW)
    assert same is w
    (cut,) = done(walk, "diagonal", {"self": w}, (2,), result=VIEW)
    assert cut.units == ()


def test_a_triangle_of_a_weight_is_still_that_weight():
    walk = Walk()
    x, w = walk.input((2, 6)), walk.weight("w", (6, 6))
    (lower,) = done(walk, "tril", {"self": w, "diagonal": 0}, (6, 6))
    done(walk, "mm", {"self": x, "mat2": lower}, (2, 6))
    assert (walk.units["w"].kind, roles(walk.units["w"])) == ("matrix", [("in", 6), ("out", 6)])


@pytest.mark.parametrize("name", ["linalg_inv_ex", "linalg_cholesky_ex", "linalg_matrix_exp"])
def test_linear_algebra_leaves_no_axis_what_it_is(name):
    walk = Walk()
    weight = walk.weight("w", (4, 4))
    result, *_ = run(walk, Operation(name, NEW, {"self": weight}, [(4, 4)]))
    assert (result.units, walk.units["w"].opaque) == ((), True)
    kept, *_ = run(walk, Operation("tanh", NEW, {"self": walk.weight("v", (4, 4))}, [(4, 4)]))
    assert [unit.leaf for unit, _ in kept.units] == ["v"]
