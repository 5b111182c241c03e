"""ATen's operations in the common form.

A rule by name says what no schema says: which axes a product contracts, which argument is a table. An operation without
one is told by its arguments and shapes (``Operation``).
"""

from collections.abc import Callable

from compare.weights.mapping import torch_norms
from compare.weights.mapping.operation import PARTS, Operation
from compare.weights.mapping.units import Value
from compare.weights.mapping.walk import Walk

# From the walk and the operation, its results in order; those that nobody reads may be left out.
TorchRule = Callable[[Walk, Operation], list[Value]]

# What an operation is called on both sides, where that tells weights apart.
COMMON_NAMES = {
    "rsub": "sub", "gelu": "erf", "sqrt": "rsqrt",
    "_softmax": "softmax", "_log_softmax": "softmax", "_safe_softmax": "softmax",
}  # fmt: skip


def run(walk: Walk, operation: Operation) -> list[Value]:
    """What the operation makes of its arguments, a value for each result."""
    shapes, tensors = operation.shapes, operation.tensors
    rule = RULES.get(operation.name) or torch_norms.by_arguments(operation)
    if rule is not None and tensors:
        return rule(walk, operation)
    if operation.result == PARTS and tensors:
        return _parts(walk, operation)
    if operation.seen_otherwise:
        return [walk.reshape(tensors[0], shapes[0])]
    if (axes := operation.reduced) is not None:
        return [walk.reduce(tensors[0], axes, keep=len(shape) == len(tensors[0].shape)) for shape in shapes]
    if operation.entrywise and "linalg_" not in operation.name:
        name = COMMON_NAMES.get(operation.name, operation.name)
        values = [*tensors, *(walk.constant((), number) for number in operation.more)]
        return [walk.elementwise(name, values, shape) for shape in shapes]
    if operation.resized and "linalg_" not in operation.name:
        return [walk.window(tensors[0], shape) for shape in shapes]
    return [walk.opaque(tensors, shape) for shape in shapes]


def _copy(walk: Walk, operation: Operation) -> list[Value]:
    """The same entries in memory of their own."""
    return [operation.tensors[0], *map(walk.constant, operation.shapes[1:])]


def _unsafe_view(walk: Walk, operation: Operation) -> list[Value]:
    """A view of what nobody else holds, which the schema therefore does not call one."""
    return [walk.reshape(operation.tensors[0], operation.shapes[0])]


def _strided(walk: Walk, operation: Operation) -> list[Value]:
    """A view whose entries may be in any order."""
    return [walk.opaque(operation.tensors, operation.shapes[0])]


def _t(walk: Walk, operation: Operation) -> list[Value]:
    (value,) = operation.tensors
    return [walk.permute(value, range(len(value.shape))[::-1])]


def _transpose(walk: Walk, operation: Operation) -> list[Value]:
    (value,) = operation.tensors
    order = list(range(len(value.shape)))
    first, second = operation.arguments["dim0"], operation.arguments["dim1"]
    if order:
        order[first], order[second] = order[second], order[first]
    return [walk.permute(value, order)]


def _permute(walk: Walk, operation: Operation) -> list[Value]:
    (value,) = operation.tensors
    return [walk.permute(value, [axis % len(value.shape) for axis in operation.arguments["dims"]])]


def _expand(walk: Walk, operation: Operation) -> list[Value]:
    (value,), (shape,) = operation.tensors, operation.shapes
    return [walk.broadcast(value, shape, range(len(shape) - len(value.shape), len(shape)))]


def _select(walk: Walk, operation: Operation) -> list[Value]:
    (value,) = operation.tensors
    axis = operation.axis(len(value.shape))
    place = operation.arguments["index"] % value.shape[axis]
    return [walk.reshape(walk.cut(value, axis, place, place + 1), operation.shapes[0])]


def _slice(walk: Walk, operation: Operation) -> list[Value]:
    (value,), given = operation.tensors, operation.arguments
    axis = operation.axis(len(value.shape))
    start, stop, step = slice(given["start"], given["end"], given["step"]).indices(value.shape[axis])
    return [walk.cut(value, axis, start, max(start, stop), step)]


def _parts(walk: Walk, operation: Operation) -> list[Value]:
    """Consecutive ranges of an axis; the axis is gone where each is a single entry (``unbind``)."""
    value = operation.tensors[0]
    axis, start = operation.axis(len(value.shape)), 0
    parts = []
    for shape in operation.shapes:
        size = shape[axis] if len(shape) == len(value.shape) else 1
        parts.append(walk.reshape(walk.cut(value, axis, start, start + size), shape))
        start += size
    return parts


def _cat(walk: Walk, operation: Operation) -> list[Value]:
    (shape,) = operation.shapes
    values = [value for value in operation.tensors if len(value.shape) == len(shape)]  # torch lets empty ones pass
    return [walk.concatenate(values, operation.axis(len(shape)), shape)]


def _stack(walk: Walk, operation: Operation) -> list[Value]:
    (shape,) = operation.shapes
    axis = operation.axis(len(shape))
    single = [*shape[:axis], 1, *shape[axis + 1 :]]
    return [walk.concatenate([walk.reshape(value, single) for value in operation.tensors], axis, shape)]


def _product(walk: Walk, operation: Operation) -> list[Value]:
    *added, left, right = operation.tensors
    batched = len(left.shape) == 3
    contract = [(len(left.shape) - 1, 1 if batched else 0)]
    result = walk.dot(left, right, contract, [(0, 0)] if batched else [])
    return [walk.elementwise("add", [result, *added], operation.shapes[0]) if added else result]


def _trilinear(walk: Walk, operation: Operation) -> list[Value]:
    left, weight, right = operation.tensors
    first = walk.dot(left, weight, [(1, 1)], [])  # (rows, out, right)
    walk.dot(right, weight, [(1, 2)], [])
    return [walk.reduce(first, [2])]


def _convolution(walk: Walk, operation: Operation) -> list[Value]:
    value, kernel, *bias = operation.tensors
    transposed, groups = operation.arguments["transposed"], operation.arguments["groups"]
    natural = range(len(value.shape))
    of_kernel = (1, 0, *natural[2:]) if transposed else natural
    result = walk.conv(value, kernel, (natural, of_kernel, natural), operation.shapes[0], groups, transposed)
    return [torch_norms.along(walk, "add", result, bias[0], 1) if bias else result]


def _rows(walk: Walk, operation: Operation) -> list[Value]:
    table, picks = operation.tensors[:2]
    return [walk.take(table, picks, [0], operation.shapes[0]), *map(walk.constant, operation.shapes[1:])]


def _index_select(walk: Walk, operation: Operation) -> list[Value]:
    value = operation.tensors[0]
    if value.moving or operation.axis(len(value.shape)):
        return [_picked(walk, operation, operation.axis(len(value.shape)))]
    return _rows(walk, operation)


def _index(walk: Walk, operation: Operation) -> list[Value]:
    picks = operation.arguments["indices"]
    if len(operation.tensors) == 2 and picks[0] is not None and not operation.tensors[0].moving:
        return _rows(walk, operation)
    (axis,) = [at for at, pick in enumerate(picks) if pick is not None][:1] or [0]
    return [_picked(walk, operation, axis)]


def _picked(walk: Walk, operation: Operation, axis: int) -> Value:
    """Of an activation the entries with certain numbers along one axis; anything else is opaque."""
    value, *picks = operation.tensors
    (shape,) = operation.shapes
    if not value.moving or len(picks) != 1 or len(picks[0].shape) != 1 or len(shape) != len(value.shape):
        return walk.opaque(operation.tensors, shape)
    kept = {at: at for at in range(len(shape)) if at != axis}
    return walk.picked(value, picks[0], kept, [axis], shape)


def _weight_norm(walk: Walk, operation: Operation) -> list[Value]:
    """A direction, and the length along one axis."""
    shapes = operation.shapes
    return [walk.elementwise("mul", operation.tensors, shapes[0]), *map(walk.constant, shapes[1:])]


def _flip(walk: Walk, operation: Operation) -> list[Value]:
    (value,) = operation.tensors
    return [walk.flip(value, [axis % len(value.shape) for axis in operation.arguments["dims"]])]


def _glu(walk: Walk, operation: Operation) -> list[Value]:
    (value,) = operation.tensors
    axis = operation.axis(len(value.shape))
    half = value.shape[axis] // 2
    halves = [walk.cut(value, axis, start, start + half) for start in (0, half)]
    return [walk.elementwise("mul", halves, operation.shapes[0])]


def _in_parts(walk: Walk, operation: Operation) -> list[Value]:
    return [walk.in_parts(operation.tensors[0], operation.shapes[0])]


def _of_parts(walk: Walk, operation: Operation) -> list[Value]:
    return [walk.of_parts(operation.tensors[0], operation.shapes[0])]


def _complex(walk: Walk, operation: Operation) -> list[Value]:
    real, imaginary = operation.tensors
    return [walk.joined(real, imaginary, operation.shapes[0])]


RULES: dict[str, TorchRule] = {
    **dict.fromkeys(("clone", "_to_copy", "lift_fresh_copy", "native_dropout"), _copy),
    "_unsafe_view": _unsafe_view, "as_strided": _strided, "t": _t, "transpose": _transpose, "permute": _permute,
    "expand": _expand, "repeat": _expand, "select": _select, "slice": _slice, "cat": _cat, "stack": _stack,
    **dict.fromkeys(("mm", "dot", "vdot", "mv", "bmm", "baddbmm", "addmm", "addmv"), _product),
    "_trilinear": _trilinear, "convolution": _convolution, "_convolution": _convolution,
    "embedding": _rows, "_embedding_bag": _rows, "_embedding_bag_forward_only": _rows, "index_select": _index_select,
    "view_as_real": _in_parts, "view_as_complex": _of_parts, "complex": _complex,
    "index": _index, "_weight_norm_interface": _weight_norm, "flip": _flip, "glu": _glu,
}  # fmt: skip
