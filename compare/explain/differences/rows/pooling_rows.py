"""Pooling and its inverse."""

from compare.explain.differences.difference_row import Counterpart as Port
from compare.explain.differences.difference_row import Row

SIDES = {1: "8", 2: "6, 8", 3: "4, 6, 8"}
WINDOW = "a stride is the window's size in torch, 1 in Flax"

FIRST_LARGEST = "lambda w, axis: jnp.take_along_axis(w, w.argmax(axis, keepdims=True), axis).squeeze(axis)"
POOLED = {"avg": "jnp.mean", "max": FIRST_LARGEST}  # of equal entries torch gives the gradient to the first


def _windows(length: int, parts: int) -> list[tuple[int, int]]:
    """Where adaptive pooling's windows begin and end."""
    return [(place * length // parts, -(-(place + 1) * length // parts)) for place in range(parts)]


def _adaptive(kind: str, axes: int) -> Row:
    """Two parts along every axis, of a length that they do not divide along the last."""
    code = "x"
    for axis in range(-1, -1 - axes, -1):
        length = 7 if axis == -1 else 4
        before, after = "..., ", ", :" * (-1 - axis)
        windows = _windows(length, 3 if axis == -1 else 2)
        parts = ", ".join(f"{kind}(y[{before}{a}:{b}{after}], {axis})" for a, b in windows)
        code = f"(lambda y: jnp.stack([{parts}], {axis}))({code})"
    code = f"(lambda {kind}: {code})({POOLED[kind]})"
    size = (2,) * (axes - 1) + (3,)
    named = f"{kind.capitalize()}Pool{axes}d"
    return Row(
        (f"F.adaptive_{kind}_pool{axes}d(x, {size})", f"nn.Adaptive{named}({size})(x)"),
        (Port(equal=code),),
        {"x": f"normal(2, 3, {', '.join(['4'] * (axes - 1) + ['7'])})"},
        "windows of unequal length, which overlap",
    )


def _pools(axes: int) -> tuple[Row, ...]:
    image, window = {"x": f"normal(2, 3, {SIDES[axes]})"}, (2,) * axes
    strides, padding = f"strides={window}", f"padding={((1, 1),) * axes}"
    return (
        Row(
            (f"F.max_pool{axes}d(x, 2)", f"nn.MaxPool{axes}d(2)(x)"),
            (Port(f"first(linen.max_pool(last(x), {window}, $))", strides),),
            image,
            WINDOW,
        ),
        Row(
            (f"F.avg_pool{axes}d(x, 2)", f"nn.AvgPool{axes}d(2)(x)"),
            (Port(f"first(linen.avg_pool(last(x), {window}, $))", strides),),
            image,
            WINDOW,
        ),
        Row(
            (f"F.avg_pool{axes}d(x, 2, padding=1)", f"nn.AvgPool{axes}d(2, padding=1)(x)"),
            (Port(f"first(linen.avg_pool(last(x), {window}, {strides}, {padding}))"),),
            image,
            "both count what is padded (count_include_pad)",
        ),
        Row(
            (f"F.lp_pool{axes}d(x, 2, 2)", f"nn.LPPool{axes}d(2, 2)(x)"),
            (
                Port(
                    equal="(lambda s: jnp.where(s > 0, jnp.sqrt(jnp.where(s > 0, s, 1)), 0))"
                    f"({2**axes} * first(linen.avg_pool(last(x) ** 2, {window}, {strides})))"
                ),
            ),
            image,
        ),
        _adaptive("avg", axes),
        _adaptive("max", axes),
    )


def _with_indices(axes: int) -> Row:
    """torch gives the place of each largest entry in the flattened image."""
    sides = [int(side) for side in SIDES[axes].split(",")]
    split = ", ".join(f"{side // 2}, 2" for side in sides)
    order = (0, 1, *range(2, 2 + 2 * axes, 2), *range(3, 3 + 2 * axes, 2))
    halves = ", ".join(str(side // 2) for side in sides)
    grid = f"jnp.arange({' * '.join(map(str, sides))})"
    windows = [f"{{}}.transpose{order}.reshape({first}, {halves}, -1)" for first in ("2, 3", "1, 1")]
    made = windows[0].format(f"x.reshape(2, 3, {split})")
    places = windows[1].format(f"{grid}.reshape(1, 1, {split})")
    code = (
        f"(lambda w, at: [jnp.take_along_axis(w, w.argmax(-1, keepdims=True), -1)[..., 0], "
        f"jnp.take_along_axis(jnp.broadcast_to(at, w.shape), w.argmax(-1, keepdims=True), -1)[..., 0]])"
        f"({made}, {places})"
    )
    ordinary, adaptive = f"F.max_pool{axes}d_with_indices(x, 2)", tuple(side // 2 for side in sides)
    return Row(
        (ordinary, f"F.adaptive_max_pool{axes}d_with_indices(x, {adaptive})"),
        (Port(equal=code),),
        {"x": f"normal(2, 3, {SIDES[axes]})"},
    )


def _unpool(axes: int) -> Row:
    halves = (3,) * axes
    whole = 6**axes
    return Row(
        (f"F.max_unpool{axes}d(x, ids, 2)", f"nn.MaxUnpool{axes}d(2)(x, ids)"),
        (
            Port(
                equal=f"jnp.zeros((6, {whole})).at[jnp.arange(6)[:, None], ids.reshape(6, -1)].set(x.reshape(6, -1))"
                f".reshape(2, 3, {', '.join(['6'] * axes)})"
            ),
        ),
        {
            "x": f"normal(2, 3, *{halves})",
            "ids": f"np.arange({3**axes}).reshape({halves}) * 2 + np.zeros((2, 3, *{halves}), int)",
        },
        "indices that torch's max_pool returned",
    )


DRAWN = "the windows are drawn; nothing like it in JAX or Flax"
ROWS = (
    *(row for axes in (1, 2, 3) for row in _pools(axes)),
    Row(
        ("F.max_pool2d(x, 3, stride=3, ceil_mode=True)",),
        (
            Port(
                "first(linen.max_pool(last(x), (3, 3), strides=(3, 3), $))",
                "padding=((0, 1), (0, 2))",
            ),
        ),
        {"x": "normal(2, 3, 5, 7)"},
        "a last window that is cut off: padding at the end, by -inf in Flax",
    ),
    *(_with_indices(axes) for axes in (1, 2, 3)),
    *(_unpool(axes) for axes in (1, 2, 3)),
    *(
        Row(
            (
                f"F.fractional_max_pool{axes}d(x, 2, output_ratio=0.5)",
                f"nn.FractionalMaxPool{axes}d(2, output_ratio=0.5)(x)",
                f"F.fractional_max_pool{axes}d_with_indices(x, 2, output_ratio=0.5)[0]",
            ),
            note=DRAWN,
        )
        for axes in (2, 3)
    ),
)
