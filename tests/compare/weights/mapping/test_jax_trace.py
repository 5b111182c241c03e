"""Every primitive that has a rule, by a function of a few entries, and what the replay says of the weights in it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.ad_checkpoint import checkpoint_name
from jax.extend.core import jaxprs_in_params

from compare.errors import UsageError
from compare.frameworks.models.choose import port_model
from compare.weights.mapping.jax_ops import RULES
from compare.weights.mapping.jax_trace import COPIES, INNER, replay, trace_port
from compare.weights.mapping.walk import Walk
from tests.compare.weights.mapping.hand import roles, same_atoms, sound

A, V, B = jnp.ones((2, 6)), jnp.ones(6), jnp.ones((2, 3, 4))
ROWS = jnp.array([0, 1, 1])


def steps(xs):
    return lax.scan(lambda carry, x: (carry + x, carry), jnp.zeros(xs.shape[1:]), xs)


CASES = {
    "scan": (steps, B), "while": (lambda x: lax.while_loop(lambda c: c.sum() < 0, lambda c: c + 1, x), A),
    "cond": (lambda x: lax.cond(x.sum() > 0, lambda y: y + 1, lambda y: y * 2, x), A),
    "transpose": (lambda x: x.transpose(2, 0, 1), B), "reshape": (lambda x: x.reshape(4, 6), B),
    "squeeze": (lambda x: lax.squeeze(x, (0,)), A[None]), "expand_dims": (lambda x: lax.expand_dims(x, (1,)), A),
    "broadcast_in_dim": (lambda x: jnp.broadcast_to(x, (3, 2, 6)), A), "slice": (lambda x: x[:, 1:5:2], A),
    "dynamic_slice": (lambda x: lax.dynamic_slice(x, (x[0, 0].astype(int), 1), (1, 4)), A),
    "split": (lambda x: jnp.split(x, [2], axis=1), A), "unstack": (lambda x: jnp.unstack(x, axis=1), B),
    "stack": (lambda x: jnp.stack([x, x], 1), A), "tile": (lambda x: jnp.tile(x, (1, 2)), A),
    "concatenate": (lambda x: jnp.concatenate([x, x[:1]]), A), "dot_general": (lambda x: x @ x.T, A),
    "conv_general_dilated": (lambda x: lax.conv(x[None], jnp.ones((5, 2, 2)), (1,), "VALID"), A),
    "gather": (lambda x: (x[ROWS], x[:, ROWS], x[ROWS, ROWS]), A), "rev": (lambda x: x[:, ::-1], A),
    "convert_element_type": (lambda x: x.astype(int), A), "copy": (jnp.copy, A), "copy_p": (jnp.copy, A),
    "stop_gradient": (lambda x: lax.stop_gradient(x) + 0, A), "optimization_barrier": (lax.optimization_barrier, A),
    "reduce_precision": (lambda x: lax.reduce_precision(x, 8, 10), A),
    "name": (lambda x: checkpoint_name(x, "x"), A),
    "reduce_sum": (lambda x: x.sum((0, 2)), B), "reduce_max": (lambda x: x.max(1), B), "reduce_min": (jnp.min, B),
    "reduce_prod": (lambda x: x.prod(0), B), "reduce_and": (lambda x: (x > 0).all(1), B),
    "reduce_or": (lambda x: (x > 0).any(), B), "argmax": (lambda x: x.argmax(1), B), "argmin": (jnp.argmin, B),
    "pad": (lambda x: jnp.pad(x, ((0, 0), (1, 2))), A), "cumsum": (lambda x: x.cumsum(1), A),
    "cumprod": (lambda x: x.cumprod(0), A), "cummax": (lax.cummax, A), "cumlogsumexp": (lax.cumlogsumexp, A),
    "sort": (lambda x: lax.sort((x, x), dimension=0), A),
    "reduce_window_max": (lambda x: lax.reduce_window(x, -jnp.inf, lax.max, (1, 2), (1, 2), "VALID"), A),
    "select_n": (lambda x: jnp.where(x > 0, x, 0), A), "iota": (lambda x: x + jnp.arange(6), A),
    "top_k": (lambda x: lax.top_k(x, 2), A), "scatter-add": (lambda x: x.at[0].add(1), A),
    "complex": (lambda x: lax.complex(x, x + 1), A), "real": (lambda x: jnp.real(lax.complex(x, x)), A),
    "imag": (lambda x: jnp.imag(lax.complex(x, x)), A), "mul": (lambda x: (x * 1j, 2 * x), A),
    "erf": (lax.erf, A), "clamp": (lambda x: lax.clamp(0.0, x, 1.0), A),
}  # fmt: skip
UNMADE = {
    "copy_p",
    "stop_gradient",
    "expand_dims",
    "unstack",
    "stack",
    "tile",
}  # which a version of JAX writes otherwise


def primitives(jaxpr):
    found = {equation.primitive.name for equation in jaxpr.eqns}
    for equation in jaxpr.eqns:
        for inner in jaxprs_in_params(equation.params):
            found |= primitives(inner)
    return found


def test_every_rule_has_a_case():
    assert {*RULES, *INNER, *COPIES} <= set(CASES)


@pytest.mark.parametrize("name", sorted(CASES))
def test_results_have_the_shapes_of_the_function(name):
    function, array = CASES[name]
    closed = jax.make_jaxpr(function)(array)
    assert name in primitives(closed.jaxpr) | UNMADE
    walk = Walk()
    results = replay(walk, closed.jaxpr, closed.consts, [walk.input(array.shape)])
    shapes = [leaf.shape for leaf in jax.tree.leaves(jax.eval_shape(function, array))]
    assert all(sound(value, shape) for value, shape in zip(results, shapes, strict=True))


def traced(function, params, *args):
    return trace_port(port_model((function, params), args, {}, {}), args, {})


def units(function, params, *args):
    return {path.removeprefix("params/"): unit for path, unit in traced(function, params, *args).walk.units.items()}


@jax.custom_vjp
def product(x, w):
    return x @ w


product.defvjp(lambda x, w: (x @ w, (x, w)), lambda saved, g: (g @ saved[1].T, saved[0].T @ g))


@jax.custom_jvp
def smooth(x, w):
    return jnp.tanh(x) @ w


smooth.defjvp(lambda primals, tangents: (smooth(*primals), tangents[0] @ primals[1]))


def branches(x, w):
    return lax.cond(x[0, 0] > 0, lambda y, v: y @ v, lambda y, v: (y + 1) @ v, x, w)


def loop_until(x, w):
    limit = x[0, 0]
    return lax.while_loop(lambda y: y.sum() < limit, lambda y: y @ w, x)


def loop(x, w):
    return lax.while_loop(lambda state: state[1] < 3, lambda state: (state[0] @ w, state[1] + 1), (x, 0))[0]


@pytest.mark.parametrize(
    "inner",
    [
        jax.jit(jnp.matmul), jax.checkpoint(jnp.matmul), product, smooth, branches, loop, loop_until,
        jax.checkpoint(jax.jit(product)), lambda x, w: lax.fori_loop(0, 3, lambda i, y: y @ w, x),
        lambda x, w: (jax.debug.print("an effect, and no output"), x @ w)[1],
    ],
)  # fmt: skip
def test_a_weight_inside_a_call_is_used_as_outside(inner):
    found = traced(lambda params, x: inner(x, params["w"]), {"w": jnp.ones((6, 6))}, np.ones((2, 6)))
    unit = found.walk.units["params/w"]
    assert (unit.kind, roles(unit)) == ("matrix", [("in", 6), ("out", 6)])
    assert sound(found.outputs["output"], (2, 6))
    assert found.outputs["output"].last, "the result comes from the weight"


@pytest.mark.parametrize(
    ("function", "shape"),
    [
        (lax.linalg.householder_product, (3,)),  # no rule, and no one rank
        (lambda w, x: w[:, x.astype(int)], (2, 4)),  # a gather that takes no rows
        (lambda w, x: lax.scatter(w, x.astype(int), w, lax.ScatterDimensionNumbers((0, 1), (), ())), (0,)),
    ],
)
def test_what_is_not_understood_is_used_loosely_and_makes_new_axes(function, shape):
    closed = jax.make_jaxpr(function)(jnp.ones((3, 3)), jnp.ones(shape))
    walk = Walk()
    w, x = walk.weight("w", (3, 3)), walk.input(shape)
    (result,) = replay(walk, closed.jaxpr, closed.consts, [w, x])
    assert (walk.units["w"].kind, roles(walk.units["w"])) == ("loose", [("along", 3), ("along", 3)])
    assert sound(result, closed.out_avals[0].shape)
    assert not any(same_atoms(axis, own) for axis in result.axes for own in w.axes)
    assert result.moving
    assert result.last == {walk.units["w"].uses[-1]}


def test_a_scan_over_stacked_weights_uses_each_layer_in_its_turn():
    def forward(params, x):
        return lax.scan(lambda h, w: (h @ w, None), x, params["w"])[0]

    def backward(params, x):
        return lax.scan(lambda h, w: (h @ w, None), x, params["w"], reverse=True)[0]

    for function, order in ((forward, [0, 1, 2]), (backward, [2, 1, 0])):
        unit = units(function, {"w": jnp.ones((3, 4, 4))}, np.ones((2, 4)))["w"]
        starts = [piece.factors[0].start for piece in sorted(unit.pieces, key=lambda piece: piece.uses[0])]
        assert starts == order
        assert all([factor.role for factor in piece.factors] == ["", "in", "out"] for piece in unit.pieces)
        assert all(len(piece.uses) == 1 for piece in unit.pieces)


def test_a_scan_over_an_activation_is_walked_once():
    def forward(params, x, reverse=False):
        return lax.scan(lambda h, row: (row @ params["w"] + h, h), jnp.zeros(4), x, reverse=reverse)[1]

    found = traced(forward, {"w": jnp.ones((4, 4))}, np.ones((5, 4)))
    (unit,) = found.walk.units.values()
    assert (len(unit.uses), unit.hints) == (1, frozenset())
    assert same_atoms(found.outputs["output"].axes[0], found.inputs[0].axes[0]), "the steps' axis is the input's"
    (unit,) = units(lambda params, x: forward(params, x, True), {"w": jnp.ones((4, 4))}, np.ones((5, 4))).values()
    assert unit.hints == {"reversed"}


def test_a_weight_turned_before_its_product_is_followed():
    found = units(lambda params, x: x @ params["w"].T, {"w": jnp.ones((4, 4))}, np.ones((2, 4)))
    assert roles(found["w"]) == [("out", 4), ("in", 4)]
    found = units(lambda params, x: x @ params["w"], {"w": jnp.ones((4, 4))}, np.ones((2, 4)))
    assert roles(found["w"]) == [("in", 4), ("out", 4)]


def test_products_and_tables_get_their_roles():
    params = {"w": jnp.ones((3, 5)), "t": jnp.ones((7, 3)), "k": jnp.ones((2, 5, 4)), "b": jnp.ones(4)}

    def function(params, ids):
        x = params["t"][ids] @ params["w"]
        return jnp.einsum("nti,hio->hto", x, params["k"]) + params["b"]

    found = units(function, params, np.zeros((2, 3), np.int32))
    assert (found["t"].kind, roles(found["t"])) == ("table", [("in", 7), ("out", 3)])
    assert (found["w"].kind, roles(found["w"])) == ("matrix", [("in", 3), ("out", 5)])
    assert (found["b"].kind, roles(found["b"])) == ("shift", [("along", 4)])
    assert [role for role, _ in roles(found["k"])] == ["out", "in", "out"]


def test_a_convolution_is_read_by_its_dimension_numbers():
    def function(params, x):
        return lax.conv_general_dilated(
            x, params["k"], (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"), feature_group_count=2
        )

    found = traced(function, {"k": jnp.ones((3, 3, 2, 6))}, np.ones((1, 5, 7, 4), np.float32))
    unit = found.walk.units["params/k"]
    assert roles(unit) == [("space", 3), ("space", 3), ("in", 2), ("group", 2), ("out", 3)]
    assert [[atom.label for atom in axis] for axis in found.inputs[0].axes] == [[], ["s0"], ["s1"], ["c"]]
    assert {atom.label for atom in found.outputs["output"].axes[3]} == {"c"}


def test_a_literal_start_says_which_piece_is_taken():
    def function(params, x):
        return x @ lax.dynamic_slice(params["w"], (2, 0), (4, 6))

    unit = units(function, {"w": jnp.ones((6, 6))}, np.ones((2, 4)))["w"]
    assert [(piece.factors[0].start, piece.factors[0].size) for piece in unit.pieces] == [(2, 4)]


def test_outputs_have_names_and_inputs_their_order():
    found = traced(lambda params, x, y: {"a": x.T, "b": (y, 3)}, {}, np.ones((2, 3)), np.ones(4))
    assert [value.shape for value in found.inputs] == [(2, 3), (4,)]
    assert {name: value.shape for name, value in found.outputs.items()} == {"output/a": (3, 2), "output/b/0": (4,)}


def test_a_port_that_raises_is_told_in_one_line():
    with pytest.raises(UsageError, match="the port raised ValueError: two lines") as caught:
        traced(broken, {}, np.ones(2))
    assert "\n" not in str(caught.value)


def broken(params, x):
    raise ValueError("two\n  lines")
