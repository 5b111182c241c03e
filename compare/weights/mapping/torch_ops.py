"""ATen's operations in the common form: one function for each family, by name."""

from collections.abc import Callable, Sequence
from typing import Any

from compare.weights.mapping.units import Value
from compare.weights.mapping.walk import Walk

Shape = tuple[int, ...]
# An operation gets the walk, its arguments with every tensor replaced by a ``Given``, and the shapes of its results.
Rule = Callable[[Walk, list[Any], dict[str, Any], list[Shape]], Any]

RULES: dict[str, Rule] = {}

SAME = (
    "clone", "detach", "alias", "contiguous", "_to_copy", "to", "lift_fresh", "lift_fresh_copy", "dropout",
    "native_dropout",
)  # fmt: skip
NAMED = {
    "add": "add", "sub": "sub", "rsub": "sub", "mul": "mul", "div": "div", "true_divide": "div",
    "sigmoid": "sigmoid", "silu": "silu", "tanh": "tanh", "exp": "exp", "erf": "erf", "gelu": "erf",
    "_softmax": "softmax", "_log_softmax": "softmax", "_safe_softmax": "softmax", "rsqrt": "rsqrt", "sqrt": "rsqrt",
    "pow": "pow",
}  # fmt: skip
REDUCING = (
    "sum", "mean", "amax", "amin", "argmax", "argmin", "var", "std", "prod", "logsumexp", "any", "all",
    "norm", "linalg_vector_norm", "var_mean",
)  # fmt: skip
WINDOWS = (
    "avg_pool1d", "avg_pool2d", "avg_pool3d", "max_pool1d", "max_pool2d_with_indices",
    "max_pool3d_with_indices", "_adaptive_avg_pool2d", "_adaptive_avg_pool3d", "adaptive_max_pool2d",
    "adaptive_max_pool3d", "constant_pad_nd", "reflection_pad1d", "reflection_pad2d", "replication_pad1d",
    "replication_pad2d", "upsample_nearest1d", "upsample_nearest2d", "upsample_bilinear2d",
    "upsample_linear1d", "upsample_bicubic2d", "cumsum", "cumprod", "roll", "sort", "triu", "tril",
    "_upsample_bilinear2d_aa", "upsample_nearest3d",
)  # fmt: skip


def rule(*names: str) -> Callable[[Rule], Rule]:
    def note(function: Rule) -> Rule:
        for name in names:
            RULES[name] = function
        return function

    return note


@rule(*SAME)
def same(walk: Walk, args: list, kwargs: dict, shapes: list[Shape]) -> Value:
    return args[0]


@rule("t")
def t(walk: Walk, args: list, kwargs: dict, shapes: list[Shape]) -> Value:
    return walk.permute(args[0], (1, 0)) if len(args[0].shape) == 2 else args[0]


@rule("transpose")
def transpose(walk: Walk, args: list, kwargs: dict, shapes: list[Shape]) -> Value:
    value, one, two = args[:3]
    order = list(range(len(value.shape)))
    if order:
        order[one], order[two] = order[two], order[one]
    return walk.permute(value, order)


@rule("permute")
def permute(walk: Walk, args: list, kwargs: dict, shapes: list[Shape]) -> Value:
    value, order = args[:2]
    return walk.permute(value, [axis % len(value.shape) for axis in order])


@rule("view", "_unsafe_view", "reshape", "_reshape_alias", "unsqueeze", "squeeze", "unflatten", "flatten")
def reshape(walk: Walk, args: list, kwargs: dict, shapes: list[Shape]) -> Value:
    return walk.reshape(args[0], shapes[0])


@rule("expand", "repeat", "expand_as")
def expand(walk: Walk, args: list, kwargs: dict, shapes: list[Shape]) -> Value:
    shape = shapes[0]
    missing = len(shape) - len(args[0].shape)
    return walk.broadcast(args[0], shape, range(missing, len(shape)))


@rule("select")
def select(walk: Walk, args: list, kwargs: dict, shapes: list[Shape]) -> Value:
    value, axis, at = args[:3]
    axis, at = axis % len(value.shape), at % value.shape[axis]
    return walk.reshape(walk.cut(value, axis, at, at + 1), shapes[0])


@rule("slice")
def slice_(walk: Walk, args: list, kwargs: dict, shapes: list[Shape]) -> Value:
    value = args[0]
    axis = (args[1] if len(args) > 1 else 0) % len(value.shape)
    start, stop, step = slice(*[*args[2:], None, None, None][:3]).indices(value.shape[axis])
    return walk.cut(value, axis, start, max(start, stop), step)


@rule("narrow")
def narrow(walk: Walk, args: list, kwargs: dict, shapes: list[Shape]) -> Value:
    value, axis, start, length = args[:4]
    return walk.cut(value, axis % len(value.shape), start, start + length)


@rule("split", "split_with_sizes", "unsafe_split", "unsafe_split_with_sizes", "chunk", "unsafe_chunk", "tensor_split")
def split(walk: Walk, args: list, kwargs: dict, shapes: list[Shape]) -> list[Value]:
    value = args[0]
    axis = (args[2] if len(args) > 2 else kwargs.get("dim", 0)) % len(value.shape)
    parts, start = [], 0
    for shape in shapes:
        parts.append(walk.cut(value, axis, start, start + shape[axis]))
        start += shape[axis]
    return parts


@rule("unbind")
def unbind(walk: Walk, args: list, kwargs: dict, shapes: list[Shape]) -> list[Value]:
    value = args[0]
    axis = (args[1] if len(args) > 1 else 0) % len(value.shape)
    return [walk.reshape(walk.cut(value, axis, at, at + 1), shape) for at, shape in enumerate(shapes)]


@rule("cat")
def cat(walk: Walk, args: list, kwargs: dict, shapes: list[Shape]) -> Value:
    values = [value for value in args[0] if len(value.shape) == len(shapes[0])]
    axis = args[1] if len(args) > 1 else kwargs.get("dim", 0)
    return walk.concatenate(values, axis % len(shapes[0]), shapes[0])


@rule("stack")
def stack(walk: Walk, args: list, kwargs: dict, shapes: list[Shape]) -> Value:
    axis = (args[1] if len(args) > 1 else kwargs.get("dim", 0)) % len(shapes[0])
    one = [*shapes[0][:axis], 1, *shapes[0][axis + 1 :]]
    return walk.concatenate([walk.reshape(value, one) for value in args[0]], axis, shapes[0])


@rule("mm", "dot", "mv", "bmm", "baddbmm", "addmm", "addmv", "matmul")
def product(walk: Walk, args: list, kwargs: dict, shapes: list[Shape]) -> Value:
    added, one, two = (None, *args[:2]) if len(args) == 2 else args[:3]
    batched = len(one.shape) == 3
    contract = [(len(one.shape) - 1, 1 if batched else 0)]
    result = walk.dot(one, two, contract, [(0, 0)] if batched else [])
    return result if added is None else walk.elementwise("add", [result, added], shapes[0])


@rule("_trilinear")
def bilinear(walk: Walk, args: list, kwargs: dict, shapes: list[Shape]) -> Value:
    one, weight, two = args[:3]
    first = walk.dot(one, weight, [(1, 1)], [])  # (rows, out, second)
    walk.dot(two, weight, [(1, 2)], [])
    return walk.reduce(first, [2])


@rule("convolution", "_convolution")
def convolution(walk: Walk, args: list, kwargs: dict, shapes: list[Shape]) -> Value:
    value, kernel, bias, transposed, groups = args[0], args[1], args[2], args[6], args[8]
    natural = range(len(value.shape))
    of_kernel = (1, 0, *natural[2:]) if transposed else natural
    result = walk.conv(value, kernel, (natural, of_kernel, natural), shapes[0], groups, transposed)
    return result if bias is None else _along(walk, "add", result, bias, 1)


@rule("embedding")
def embedding(walk: Walk, args: list, kwargs: dict, shapes: list[Shape]) -> Value:
    return walk.take(args[0], args[1], [0], shapes[0])


@rule("_embedding_bag", "_embedding_bag_forward_only")
def embedding_bag(walk: Walk, args: list, kwargs: dict, shapes: list[Shape]) -> list[Value]:
    return [walk.take(args[0], args[1], [0], shapes[0]), *map(walk.constant, shapes[1:])]


@rule("index_select")
def index_select(walk: Walk, args: list, kwargs: dict, shapes: list[Shape]) -> Value:
    table, axis, picks = args[:3]
    if axis % len(table.shape):
        return walk.opaque([table, picks], shapes[0])
    return walk.take(table, picks, [0], shapes[0])


@rule("index")
def index(walk: Walk, args: list, kwargs: dict, shapes: list[Shape]) -> Value:
    table, picks = args[:2]
    given = [pick for pick in picks if pick is not None]
    if len(given) == 1 and picks[0] is not None:
        return walk.take(table, given[0], [0], shapes[0])
    return walk.opaque([table, *given], shapes[0])


@rule("native_layer_norm", "_fused_rms_norm", "rms_norm")
def layer_norm(walk: Walk, args: list, kwargs: dict, shapes: list[Shape]) -> list[Value]:
    value, weight, bias = args[0], args[2], args[3]
    value = value if weight is None else walk.elementwise("mul", [value, weight], shapes[0])
    value = value if not isinstance(bias, Value) else walk.elementwise("add", [value, bias], shapes[0])
    return [value, *map(walk.constant, shapes[1:])]


@rule("native_group_norm")
def group_norm(walk: Walk, args: list, kwargs: dict, shapes: list[Shape]) -> list[Value]:
    value, weight, bias = args[:3]
    value = value if weight is None else _along(walk, "mul", value, weight, 1)
    value = value if bias is None else _along(walk, "add", value, bias, 1)
    return [value, *map(walk.constant, shapes[1:])]


@rule(
    "native_batch_norm", "_native_batch_norm_legit_no_training", "_native_batch_norm_legit", "cudnn_batch_norm",
    "_batch_norm_with_update", "_batch_norm_no_update",
)  # fmt: skip
def batch_norm(walk: Walk, args: list, kwargs: dict, shapes: list[Shape]) -> list[Value]:
    value, weight, bias = args[:3]
    factor = weight
    if isinstance(args[3], Value):
        mean, variance = args[3:5]
        value = _along(walk, "sub", value, mean, 1)
        rate = walk.elementwise("rsqrt", [variance], variance.shape)
        factor = rate if weight is None else walk.elementwise("mul", [rate, weight], rate.shape)
    value = value if factor is None else _along(walk, "mul", value, factor, 1)
    value = value if bias is None else _along(walk, "add", value, bias, 1)
    return [value, *map(walk.constant, shapes[1:])]


@rule("_weight_norm", "_weight_norm_interface")
def weight_norm(walk: Walk, args: list, kwargs: dict, shapes: list[Shape]) -> list[Value]:
    return [walk.elementwise("mul", [args[0], args[1]], shapes[0]), *map(walk.constant, shapes[1:])]


@rule("flip")
def flip(walk: Walk, args: list, kwargs: dict, shapes: list[Shape]) -> Value:
    return walk.flip(args[0], [axis % len(shapes[0]) for axis in args[1]])


@rule("glu")
def glu(walk: Walk, args: list, kwargs: dict, shapes: list[Shape]) -> Value:
    value = args[0]
    axis = (args[1] if len(args) > 1 else -1) % len(value.shape)
    half = value.shape[axis] // 2
    one, two = walk.cut(value, axis, 0, half), walk.cut(value, axis, half, 2 * half)
    return walk.elementwise("mul", [one, two], shapes[0])


@rule("linalg_vector_norm", "norm")
def norm(walk: Walk, args: list, kwargs: dict, shapes: list[Shape]) -> Value | list[Value]:
    """The second argument is the order of the norm, no axis."""
    return reduce(walk, [args[0], *args[2:]], kwargs, shapes)


@rule(*REDUCING)
def reduce(walk: Walk, args: list, kwargs: dict, shapes: list[Shape]) -> Value | list[Value]:
    value = args[0]
    said: Any = next((arg for arg in args[1:] if isinstance(arg, list)), kwargs.get("dim"))
    if said is None and len(args) > 1 and type(args[1]) is int:
        said = args[1]
    axes = [said] if isinstance(said, int) else said or range(len(value.shape))
    keep = len(shapes[0]) == len(value.shape)
    result = walk.reduce(value, axes, keep)
    return [result] * len(shapes)


@rule(*WINDOWS)
def window(walk: Walk, args: list, kwargs: dict, shapes: list[Shape]) -> list[Value]:
    return [walk.window(args[0], shape) for shape in shapes]


@rule("max", "min", "topk", "cummax")
def extreme(walk: Walk, args: list, kwargs: dict, shapes: list[Shape]) -> Value | list[Value]:
    if len(args) == 1:
        return walk.reduce(args[0], range(len(args[0].shape)))
    if isinstance(args[1], Value):
        return walk.elementwise("max", args[:2], shapes[0])
    if len(shapes[0]) == len(args[0].shape):
        return [walk.window(args[0], shape) for shape in shapes]
    return [walk.reduce(args[0], [args[1]], False) for _ in shapes]


def run(walk: Walk, name: str, args: Sequence[Any], kwargs: dict[str, Any], shapes: list[Shape]) -> list[Value]:
    """What operation ``name`` makes of its arguments, one value for each result."""
    name = name.removesuffix("_") if not name.startswith("__") else name
    if name in RULES and args and isinstance(args[0], Value | list):
        made = RULES[name](walk, list(args), kwargs, shapes)
        return made if isinstance(made, list) else [made]
    values = [one for one in _flat([*args, *kwargs.values()]) if isinstance(one, Value)]
    if values and all(_broadcasts(value.shape, shapes[0]) for value in values):
        return [walk.elementwise(NAMED.get(name, name), values, shape) for shape in shapes]
    return [walk.opaque(values, shape) for shape in shapes]


def _flat(items: Any) -> list[object]:
    return [one for item in items for one in (_flat(item) if isinstance(item, list | tuple) else [item])]


def _broadcasts(shape: Shape, into: Shape) -> bool:
    short = zip(reversed(shape), reversed(into), strict=False)
    return len(shape) <= len(into) and all(own in (1, size) for own, size in short)


def _along(walk: Walk, name: str, value: Value, vector: Value, axis: int) -> Value:
    """``value`` with a vector along one of its axes."""
    shape = [1] * len(value.shape)
    shape[axis] = vector.shape[0]
    seen = walk.reshape(vector, shape)
    return walk.elementwise(name, [value, seen], value.shape)
