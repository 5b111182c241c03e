"""Layers with weights, what rearranges axes, and containers."""

from compare.explain.differences.difference_row import Counterpart as Port
from compare.explain.differences.difference_row import Row

SIDES = {1: "(8,)", 2: "(6, 5)", 3: "(4, 5, 3)"}
LETTERS = {1: "W", 2: "HW", 3: "DHW"}


def _image(axes: int, channels: int = 3) -> dict[str, str]:
    return {"x": f"normal(2, {channels}, *{SIDES[axes]})"}


def _convolutions(axes: int) -> tuple[Row, ...]:
    kernel, size = "jnp.moveaxis(weight, (0, 1), (-1, -2))", (2,) * axes
    turned = f"jnp.flip(jnp.moveaxis(weight, (0, 1), (-2, -1)), {tuple(range(axes))})"
    moved, ones, wide = "jnp.moveaxis(weight, (0, 1), (-2, -1))", (1,) * axes, (None,) * axes
    numbers = tuple(spec + LETTERS[axes] for spec in ("NC", "OI", "NC"))
    functional = {"weight": f"normal(4, 3, *{size})", "bias": "normal(4)"}
    over = {"weight": f"normal(3, 4, *{size})", "bias": "normal(4)"}
    return (
        Row(
            (f"F.conv{axes}d(x, weight, bias)",),
            (Port(f"lax.conv(x, weight, {ones}, 'VALID') + bias[(..., {', '.join(map(str, wide))})]"),),
            _image(axes) | functional,
            "lax.conv has torch's layout, and correlates as torch does; NumPy's and SciPy's convolve turn the kernel",
        ),
        Row(
            (f"nn.Conv{axes}d(3, 4, 2)(x)", f"nn.LazyConv{axes}d(4, 2)(x)"),
            (
                Port(
                    f"first(linen.Conv(4, {size}, $).apply(params(kernel={kernel}, bias=bias), last(x)))",
                    "padding='VALID'",
                ),
                Port(
                    f"first(filled(nnx.Conv(3, 4, {size}, rngs=rngs, $), kernel={kernel}, bias=bias)(last(x)))",
                    "padding='VALID'",
                ),
            ),
            _image(axes),
            "channels last in Flax; padding is 0 in torch, SAME in Flax",
        ),
        Row(
            (f"F.conv_transpose{axes}d(x, weight, bias)",),
            (
                Port(
                    f"lax.conv_transpose(x, weight, {ones}, 'VALID', dimension_numbers={numbers}, "
                    f"transpose_kernel=True)"
                    f" + bias[(..., {', '.join(map(str, wide))})]"
                ),
            ),
            _image(axes) | over,
            "transpose_kernel=True takes torch's kernel as it is; without it, the kernel is turned on every axis",
        ),
        Row(
            (f"nn.ConvTranspose{axes}d(3, 4, 2)(x)", f"nn.LazyConvTranspose{axes}d(4, 2)(x)"),
            (
                Port(
                    f"first(linen.ConvTranspose(4, {size}, "
                    f"padding='VALID').apply(params(kernel={moved}, bias=bias), last(x)))",
                    f"first(linen.ConvTranspose(4, {size}, "
                    f"padding='VALID').apply(params(kernel={turned}, bias=bias), last(x)))",
                ),
                Port(
                    f"first(filled(nnx.ConvTranspose(3, 4, {size}, padding='VALID', rngs=rngs), "
                    f"kernel={moved}, bias=bias)"
                    "(last(x)))",
                    f"first(filled(nnx.ConvTranspose(3, 4, {size}, padding='VALID', transpose_kernel=True, rngs=rngs), "
                    f"kernel={kernel}, bias=bias)(last(x)))",
                ),
            ),
            _image(axes),
            "Flax does not turn the kernel as torch does: turn it, or say transpose_kernel=True",
        ),
    )


ROWS = (
    Row(
        ("F.linear(x, weight, bias)",),
        (Port("x @ weight.T + bias"),),
        {"x": "normal(2, 3, 5)", "weight": "normal(4, 5)", "bias": "normal(4)"},
    ),
    Row(
        ("nn.Linear(5, 4)(x)", "nn.LazyLinear(4)(x)"),
        (
            Port("linen.Dense(4).apply(params(kernel=weight.T, bias=bias), x)"),
            Port("filled(nnx.Linear(5, 4, rngs=rngs), kernel=weight.T, bias=bias)(x)"),
        ),
        {"x": "normal(2, 3, 5)"},
        "the kernel is transposed",
    ),
    Row(
        ("F.bilinear(x, y, weight, bias)",),
        (Port(equal="jnp.einsum('bi,oij,bj->bo', x, weight, y) + bias"),),
        {"x": "normal(2, 3)", "y": "normal(2, 5)", "weight": "normal(4, 3, 5)", "bias": "normal(4)"},
    ),
    Row(
        ("nn.Bilinear(3, 5, 4)(x, y)",),
        (Port(equal="jnp.einsum('bi,oij,bj->bo', x, weight, y) + bias"),),
        {"x": "normal(2, 3)", "y": "normal(2, 5)"},
    ),
    *(row for axes in (1, 2, 3) for row in _convolutions(axes)),
    Row(
        ("F.conv_tbc(x, weight, bias)",),
        (
            Port(
                "lax.conv_general_dilated(x, weight, (1,), 'VALID', dimension_numbers=('WNC', 'WIO', 'WNC')) + bias",
            ),
        ),
        {"x": "normal(7, 2, 3)", "weight": "normal(2, 3, 4)", "bias": "normal(4)"},
    ),
    Row(
        ("F.embedding(ids, weight)",),
        (Port("jnp.take(weight, ids, axis=0)"),),
        {"ids": "integers(7, 2, 3)", "weight": "normal(7, 4)"},
    ),
    Row(
        ("F.embedding(ids, weight)",),
        (Port("jnp.take(weight, ids, axis=0)", apart="JAX raises nothing: a row of NaN, and no gradient"),),
        {"ids": "np.array([1, 7])", "weight": "normal(7, 4)"},
        "an index too large",
    ),
    Row(
        ("F.embedding(ids, weight)",),
        (Port("jnp.take(weight, ids, axis=0)", apart="JAX counts a negative index from the end"),),
        {"ids": "np.array([-1, 1])", "weight": "normal(7, 4)"},
        "a negative index",
    ),
    Row(
        ("F.embedding(ids, weight, padding_idx=0)",),
        (
            Port(
                "jnp.take(weight, ids, axis=0)",
                "jnp.take(weight.at[0].set(lax.stop_gradient(weight[0])), ids, axis=0)",
            ),
        ),
        {"ids": "np.array([[0, 1, 4], [5, 0, 0]])", "weight": "normal(7, 4)"},
        "the padding's row is looked up, and gets no gradient; nn.Embedding also starts it at 0",
    ),
    Row(
        ("nn.Embedding(7, 4)(ids)",),
        (
            Port("linen.Embed(7, 4).apply(params(embedding=weight), ids)"),
            Port("filled(nnx.Embed(7, 4, rngs=rngs, $), embedding=weight)(ids)", "param_dtype=jnp.float64"),
        ),
        {"ids": "integers(7, 2, 3)"},
        "padding_idx, max_norm (which rescales the weight in place) and sparse have no counterpart; "
        "nnx.Embed keeps the type "
        "that it was made with, whatever weights it is given",
    ),
    Row(
        ("F.embedding_bag(ids, weight)",),
        (Port(equal="jnp.mean(jnp.take(weight, ids, axis=0), axis=1)"),),
        {"ids": "integers(7, 2, 3)", "weight": "normal(7, 4)"},
        "the mean unless mode says otherwise",
    ),
    Row(
        ("nn.EmbeddingBag(7, 4)(ids)",),
        (Port(equal="jnp.mean(jnp.take(weight, ids, axis=0), axis=1)"),),
        {"ids": "integers(7, 2, 3)"},
    ),
    Row(("nn.Identity()(x)",), (Port("jax.nn.identity(x)"),), {"x": "normal(2, 3)"}),
    Row(("nn.Flatten()(x)",), (Port(equal="x.reshape(x.shape[0], -1)"),), {"x": "normal(2, 3, 4)"}),
    Row(("nn.Unflatten(1, (3, 4))(x)",), (Port(equal="x.reshape(2, 3, 4)"),), {"x": "normal(2, 12)"}),
    Row(
        ("F.pixel_shuffle(x, 2)", "nn.PixelShuffle(2)(x)"),
        (Port(equal="x.reshape(1, 3, 2, 2, 4, 5).transpose(0, 1, 4, 2, 5, 3).reshape(1, 3, 8, 10)"),),
        {"x": "normal(1, 12, 4, 5)"},
    ),
    Row(
        ("F.pixel_unshuffle(x, 2)", "nn.PixelUnshuffle(2)(x)"),
        (Port(equal="x.reshape(1, 3, 4, 2, 5, 2).transpose(0, 1, 3, 5, 2, 4).reshape(1, 12, 4, 5)"),),
        {"x": "normal(1, 3, 8, 10)"},
    ),
    Row(
        ("F.channel_shuffle(x, 2)", "nn.ChannelShuffle(2)(x)"),
        (Port(equal="jnp.swapaxes(x.reshape(1, 2, 3, 4, 5), 1, 2).reshape(x.shape)"),),
        {"x": "normal(1, 6, 4, 5)"},
    ),
    Row(
        ("F.native_channel_shuffle(x, 2)",),
        (Port(equal="jnp.swapaxes(x.reshape(1, 2, 3, 4, 5), 1, 2).reshape(x.shape)"),),
        {"x": "normal(1, 6, 4, 5)"},
        "has no gradient in torch",
        constant=("x",),
    ),
    Row(
        ("F.unfold(x, 2)", "nn.Unfold(2)(x)"),
        (Port("lax.conv_general_dilated_patches(x, (2, 2), (1, 1), 'VALID').reshape(2, 12, -1)"),),
        {"x": "normal(2, 3, 4, 5)"},
        "windows in rows of one axis",
    ),
    Row(
        ("F.fold(x, (4, 5), 2)", "nn.Fold((4, 5), 2)(x)"),
        (
            Port(
                equal="jax.vjp(lambda image: lax.conv_general_dilated_patches(image, (2, 2), (1, 1), 'VALID')"
                ".reshape(2, 12, -1), jnp.zeros((2, 3, 4, 5)))[1](x)[0]"
            ),
        ),
        {"x": "normal(2, 12, 12)"},
        "the transpose of unfold: overlapping windows add up",
    ),
    Row(
        ("nn.Sequential(nn.Linear(5, 3), nn.Tanh())(x)",),
        (
            Port(
                "linen.Sequential([linen.Dense(3), jnp.tanh]).apply("
                "params(layers_0={'kernel': layer_0_weight.T, 'bias': layer_0_bias}), x)"
            ),
            Port(
                "nnx.Sequential(filled(nnx.Linear(5, 3, rngs=rngs), kernel=layer_0_weight.T, "
                "bias=layer_0_bias), jnp.tanh)(x)"
            ),
        ),
        {"x": "normal(2, 5)"},
    ),
    Row(("F.grouped_mm(x, y)",), note="products of groups of rows: jax.lax.ragged_dot"),
    Row(("F.scaled_mm(x, y)",), note="a product of 8-bit numbers with scales: jax.nn.scaled_matmul"),
    Row(("F.scaled_grouped_mm(x, y)",), note="as scaled_mm, of groups of rows"),
    Row(("nn.Module()",), note="linen.Module (parameters apart from it), nnx.Module (parameters inside, as in torch)"),
    Row(("nn.Container()",), note="deprecated in torch: Module"),
    Row(("nn.ModuleList()",), note="a Python list of layers in Linen; nnx.List"),
    Row(("nn.ModuleDict()",), note="a Python dict of layers in Linen; nnx.Dict"),
    Row(("nn.ParameterList()",), note="several self.param in Linen; nnx.List of nnx.Param"),
    Row(("nn.ParameterDict()",), note="several self.param in Linen; nnx.Dict of nnx.Param"),
)
