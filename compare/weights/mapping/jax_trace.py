"""The port, replayed into the common form: its jaxpr, equation by equation. Nothing is computed."""

from collections.abc import Callable, Sequence

import jax
import numpy as np
from jax import lax
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal, Primitive, Var

from compare.arrays.batch import named_leaves
from compare.errors import UsageError, WholeBatchError, swallowed
from compare.frameworks.blame import described
from compare.frameworks.meshes.own_meshes import as_on_one_device
from compare.frameworks.models.ports import PortModel
from compare.weights.mapping.complaints import not_followed
from compare.weights.mapping.jax_ops import RULES, JaxRule
from compare.weights.mapping.units import Value
from compare.weights.mapping.walk import Trace, Walk

UNROLLED = 256  # a scan over stacked layers is unrolled up to so many of them


def trace_port(model: PortModel, args: tuple, kwargs: dict) -> Trace:
    """The jaxpr of ``model.apply`` in evaluation mode, replayed.

    Raises:
        UsageError: the port raises while it is traced.
    """
    names = list(model.leaves)
    given, structure = jax.tree.flatten((args, kwargs))
    arrays = [at for at, leaf in enumerate(given) if isinstance(leaf, np.ndarray | np.generic)]
    output_names: list[str] = []

    def call(weights: list[jax.Array], inputs: list[jax.Array]) -> list[jax.Array]:
        output_names.clear()
        filled = list(given)
        for at, leaf in zip(arrays, inputs, strict=True):
            filled[at] = leaf
        own_args, own_kwargs = jax.tree.unflatten(structure, filled)
        outputs, _ = model.apply(dict(zip(names, weights, strict=True)), own_args, own_kwargs, False)
        named = [(name, item) for name, item in named_leaves(outputs, "output") if hasattr(item, "shape")]
        output_names.extend(name for name, _ in named)
        return [item for _, item in named]

    try:
        closed = _traced(call, [model.leaves[name] for name in names], [given[at] for at in arrays])
    except UsageError:
        raise
    except WholeBatchError as error:
        raise UsageError(str(error)) from error
    except Exception as error:
        swallowed(error)
        raise UsageError(f"the port raised {described(error)}") from error
    walk = Walk()
    weights = [
        walk.weight(name, model.leaves[name].shape, is_complex=model.leaves[name].dtype.kind == "c") for name in names
    ]
    inputs = [walk.input(np.shape(given[at])) for at in arrays]
    try:
        outputs = replay(walk, closed.jaxpr, closed.consts, [*weights, *inputs])
    except UsageError:
        raise
    except Exception as error:
        swallowed(error)
        raise not_followed("the port", error) from error
    return Trace(walk, tuple(inputs), dict(zip(output_names, outputs, strict=True)))


def _traced(call: Callable[..., list[jax.Array]], *args: list) -> ClosedJaxpr:
    """Where a port is run on a mesh, as on one device of it if it stands that: so that what is done to a shard is seen
    of the whole array."""
    if not jax.sharding.get_abstract_mesh().empty:
        try:
            with as_on_one_device():
                # A new function each time: JAX would otherwise give a program that it traced before, for another mesh.
                return jax.make_jaxpr(lambda *given: call(*given))(*args)
        except Exception as error:  # what it says of a mesh that it was not written for is of no interest
            swallowed(error)
    return jax.make_jaxpr(call)(*args)


def replay(walk: Walk, jaxpr: Jaxpr, consts: Sequence[jax.Array | Value], given: Sequence[Value]) -> list[Value]:
    """The results of a jaxpr; ``consts`` are arrays or values."""
    known: dict[Var, Value] = {}

    def read(var: Var | Literal) -> Value:
        return walk.constant(np.shape(var.val), _number(var.val)) if isinstance(var, Literal) else known[var]

    for var, const in zip(jaxpr.constvars, consts, strict=True):
        known[var] = const if isinstance(const, Value) else walk.constant(np.shape(const))
    known.update(zip(jaxpr.invars, given, strict=True))
    for equation in jaxpr.eqns:
        values = [read(var) for var in equation.invars]
        shapes = [_shape(var) for var in equation.outvars]
        literals = [var.val if isinstance(var, Literal) else None for var in equation.invars]
        name, params = equation.primitive.name, dict(equation.params, _literals=literals)
        rule = RULES.get(name) or INNER.get(name)
        results = rule(walk, values, params, shapes) if rule else _other(walk, name, values, params, shapes)
        known.update(zip(equation.outvars, results, strict=True))
    return [read(var) for var in jaxpr.outvars]


def _other(walk: Walk, name: str, values: list[Value], params: dict, shapes: list[tuple[int, ...]]) -> list[Value]:
    inner = next((value for value in params.values() if isinstance(value, ClosedJaxpr | Jaxpr)), None)
    if inner is not None and len(_open(inner).invars) == len(values):
        return _call(walk, inner, values)
    if name in COPIES:
        return [values[0]]
    if name in COLLECTIVES and [value.shape for value in values] == shapes:
        return values
    if name in LINEAR_ALGEBRA:
        return [walk.opaque(values, shape) for shape in shapes]
    if not shapes:  # called for its effect, as a print is
        return []
    first, *others = values or [walk.constant(())]
    axes = params.get("axes", params.get("dimensions"))
    if axes is not None and len(shapes[0]) == len(first.shape) - len(axes):
        return [walk.reduce(first, axes) for _ in shapes]
    scalars_beside = all(not other.shape for other in others)
    if scalars_beside and len(first.shape) == len(shapes[0]) and first.shape != shapes[0]:  # pooled or padded
        return [walk.window(first, shape) for shape in shapes]
    if values and all(len(value.shape) in (0, len(shapes[0])) for value in values):
        return [walk.elementwise(COMMON_NAMES.get(name, name), values, shape) for shape in shapes]
    return [walk.opaque(values, shape) for shape in shapes]


def _number(value: object) -> float | None:
    """The value of a literal that is one real number."""
    array = np.asarray(value)
    return float(array) if not array.shape and array.dtype.kind in "iuf" else None


def _shape(var: Var | Literal) -> tuple[int, ...]:
    return tuple(getattr(var.aval, "shape", ()))


def _open(jaxpr: ClosedJaxpr | Jaxpr) -> Jaxpr:
    return jaxpr.jaxpr if isinstance(jaxpr, ClosedJaxpr) else jaxpr


def _call(walk: Walk, jaxpr: ClosedJaxpr | Jaxpr, values: Sequence[Value]) -> list[Value]:
    return replay(walk, _open(jaxpr), getattr(jaxpr, "consts", ()), values)


def _scan(walk: Walk, values: list[Value], params: dict, shapes: list[tuple[int, ...]]) -> list[Value]:
    """A scan over stacked weights is unrolled; one over an activation is walked once."""
    # What is scanned has one axis more than what a step sees of it; how many are carried is told by the results.
    inner = _open(params["jaxpr"])
    scanned = sum(value.shape != _shape(var) for value, var in zip(values, inner.invars, strict=True))
    carries = sum(shape == _shape(var) for shape, var in zip(shapes, inner.outvars, strict=True))
    consts = len(values) - scanned - carries
    fixed, carry, stacked = values[:consts], values[consts : consts + carries], values[consts + carries :]
    length, layered = params["length"], any(value.units for value in stacked)
    steps = range(length) if layered and length <= UNROLLED else range(1)
    outputs: list[list[Value]] = []
    for step in reversed(steps) if params["reverse"] else steps:
        rows = [walk.reshape(walk.cut(value, 0, step, step + 1), value.shape[1:]) for value in stacked]
        if params["reverse"] and not layered:
            rows = [walk.backwards(row) for row in rows]
        results = _call(walk, params["jaxpr"], [*fixed, *carry, *rows])
        carry, ys = results[:carries], results[carries:]
        outputs.append(ys)
    joined = []
    for at, shape in enumerate(shapes[carries:]):
        moved = [outputs[step][at] for step in range(len(outputs))]
        whole = walk.broadcast(moved[-1], shape, range(1, len(shape)))
        length_axis = [value.axes[0] for value in stacked if not value.units and value.shape]
        if length_axis and len(steps) == 1:
            whole = whole.like([length_axis[0], *whole.axes[1:]], whole.shape)
        joined.append(whole)
    return [*carry, *joined]


def _while(walk: Walk, values: list[Value], params: dict, shapes: list[tuple[int, ...]]) -> list[Value]:
    skip = params["cond_nconsts"]
    consts = params["body_nconsts"]
    return _call(walk, params["body_jaxpr"], values[skip : skip + consts] + values[skip + consts :])


def _cond(walk: Walk, values: list[Value], params: dict, shapes: list[tuple[int, ...]]) -> list[Value]:
    results = [_call(walk, branch, values[1:]) for branch in params["branches"]]
    return [
        walk.elementwise("select_n", list(some), shape)
        for some, shape in zip(zip(*results, strict=True), shapes, strict=True)
    ]


# Primitives with programs inside.
INNER: dict[str, JaxRule] = {"scan": _scan, "while": _while, "cond": _cond}
# Their results have the shape of what enters, and none of its axes.
LINEAR_ALGEBRA = {one.name for one in vars(lax.linalg).values() if isinstance(one, Primitive)} | {"custom_linear_solve"}
COPIES = ("convert_element_type", "copy", "copy_p", "stop_gradient", "reduce_precision", "optimization_barrier", "name")
# Over axes of one device, as a port on a mesh is traced, they give what they get.
COLLECTIVES = {
    "all_gather", "all_gather_invariant", "all_to_all", "pcast", "pmax", "pmin", "ppermute", "psum", "psum_invariant",
    "pvary", "reduce_scatter",
}  # fmt: skip
# What a primitive is called on both sides, where that tells weights apart.
COMMON_NAMES = {"add_any": "add", "logistic": "sigmoid", "erfc": "erf", "sqrt": "rsqrt"}
