"""Normalisations."""

from compare.explain.differences.difference_row import Counterpart as Port
from compare.explain.differences.difference_row import Row

IMAGES = {1: "normal(4, 3, 5)", 2: "normal(4, 3, 5, 4)", 3: "normal(4, 3, 2, 3, 4)"}
STATISTICS = "'batch_stats': {'mean': running_mean, 'var': running_var}"
EPSILON = "epsilon=1e-5"


def _linen_batch(settings: str, variance: str = "new['batch_stats']['var']") -> str:
    return (
        f"(lambda y, new: [first(y), *lax.stop_gradient([new['batch_stats']['mean'], {variance}])])"
        f"(*linen.BatchNorm(use_running_average=False{settings})"
        f".apply({{**params(scale=weight, bias=bias), {STATISTICS}}}, last(x), mutable=['batch_stats']))"
    )


def _nnx_batch(settings: str, variance: str = "m.var[...]") -> str:
    return (
        f"(lambda m: [first(m(last(x))), *lax.stop_gradient([m.mean[...], {variance}])])"
        f"(filled(nnx.BatchNorm(3{settings}, rngs=rngs), scale=weight, bias=bias, mean=running_mean, var=running_var))"
    )


def _batch(axes: int) -> tuple[Row, ...]:
    named, rows = (f"nn.BatchNorm{axes}d(3)", f"nn.LazyBatchNorm{axes}d()"), {"x": IMAGES[axes]}
    corrected = "0.9 * running_var + (VAR - 0.9 * running_var) * (x.size / 3) / (x.size / 3 - 1)"
    return (
        Row(
            tuple(f"[(m := {one})(x), m.running_mean, m.running_var]" for one in named),
            (
                Port(
                    _linen_batch(""),
                    _linen_batch(", momentum=0.9", corrected.replace("VAR", "new['batch_stats']['var']")),
                ),
                Port(_nnx_batch(""), _nnx_batch(", momentum=0.9", corrected.replace("VAR", "m.var[...]"))),
            ),
            rows,
            "in training, with the running statistics afterwards: momentum is the new's share in "
            "torch, the old's in Flax; "
            "torch's running variance is unbiased, n / (n - 1) times Flax's",
        ),
        Row(
            (f"nn.BatchNorm{axes}d(3).eval()(x)", *(("nn.SyncBatchNorm(3).eval()(x)",) if axes == 2 else ())),
            (
                Port(
                    "first(linen.BatchNorm(use_running_average=True)"
                    f".apply({{**params(scale=weight, bias=bias), {STATISTICS}}}, last(x)))"
                ),
                Port(
                    "first(filled(nnx.BatchNorm(3, use_running_average=True, rngs=rngs), scale=weight, bias=bias, "
                    "mean=running_mean, var=running_var)(last(x)))"
                ),
            ),
            rows,
            "in evaluation",
        ),
    )


def _instance(axes: int) -> tuple[Row, Row]:
    return (
        Row(
            (f"nn.InstanceNorm{axes}d(3)(x)",),
            (
                Port("first(linen.InstanceNorm(use_scale=False, use_bias=False, $).apply({}, last(x)))", EPSILON),
                Port("first(nnx.InstanceNorm(3, use_scale=False, use_bias=False, rngs=rngs, $)(last(x)))", EPSILON),
            ),
            {"x": IMAGES[axes]},
            "no scale and no bias by default in torch, both in Flax",
        ),
        Row(
            (f"nn.LazyInstanceNorm{axes}d()(x)",),
            (
                Port("first(linen.InstanceNorm($).apply(params(scale=weight, bias=bias), last(x)))", EPSILON),
                Port("first(filled(nnx.InstanceNorm(3, rngs=rngs, $), scale=weight, bias=bias)(last(x)))", EPSILON),
            ),
            {"x": IMAGES[axes]},
            "the lazy one has scale, bias and running statistics by default; its eager twin has none of them",
        ),
    )


SQUARES = "lax.reduce_window(x**2, 0.0, lax.add, (1, 3, 1, 1), (1, 1, 1, 1), ((0, 0), (1, 1), (0, 0), (0, 0)))"


def _over_channels(squares: str) -> str:
    return f"x / (1 + 1e-4 / 3 * {squares}) ** 0.75"


ROWS = (
    *(row for axes in (1, 2, 3) for row in _batch(axes)),
    Row(
        ("F.batch_norm(x, mean, var)",),
        (Port(equal="(x - mean[:, None, None]) / jnp.sqrt(var[:, None, None] + 1e-5)"),),
        {"x": IMAGES[2], "mean": "normal(3)", "var": "positive(3)"},
        "torch has no gradient for the statistics that it is given",
        constant=("mean", "var"),
    ),
    Row(
        ("nn.LayerNorm(5)(x)",),
        (
            Port("linen.LayerNorm($).apply(params(scale=weight, bias=bias), x)", EPSILON),
            Port("filled(nnx.LayerNorm(5, rngs=rngs, $), scale=weight, bias=bias)(x)", EPSILON),
        ),
        {"x": "normal(4, 3, 5)"},
        "Flax takes the variance as E[x^2] - E[x]^2 unless use_fast_variance=False: more rounding "
        "where the mean is large",
    ),
    Row(
        ("F.layer_norm(x, (5,), weight, bias)",),
        (Port("jax.nn.standardize(x) * weight + bias"),),
        {"x": "normal(4, 3, 5)", "weight": "positive(5)", "bias": "normal(5)"},
    ),
    Row(
        ("nn.GroupNorm(2, 4)(x)",),
        (
            Port("first(linen.GroupNorm(num_groups=2, $).apply(params(scale=weight, bias=bias), last(x)))", EPSILON),
            Port(
                "first(filled(nnx.GroupNorm(4, num_groups=2, rngs=rngs, $), scale=weight, bias=bias)(last(x)))", EPSILON
            ),
        ),
        {"x": "normal(4, 4, 5, 3)"},
        "32 groups unless Flax is told",
    ),
    Row(
        ("F.group_norm(x, 2)",),
        (Port("first(linen.GroupNorm(num_groups=2, use_scale=False, use_bias=False, $).apply({}, last(x)))", EPSILON),),
        {"x": "normal(4, 4, 5, 3)"},
    ),
    Row(
        ("nn.RMSNorm(5)(x)",),
        (
            Port("linen.RMSNorm($).apply(params(scale=weight), x)", "epsilon=jnp.finfo(x.dtype).eps"),
            Port("filled(nnx.RMSNorm(5, rngs=rngs, $), scale=weight)(x)", "epsilon=jnp.finfo(x.dtype).eps"),
        ),
        {"x": "normal(4, 3, 5)"},
        "eps=None is the machine epsilon of the input's type in torch",
    ),
    Row(
        ("F.rms_norm(x, (5,))",),
        (Port("linen.RMSNorm(use_scale=False, $).apply({}, x)", "epsilon=jnp.finfo(x.dtype).eps"),),
        {"x": "normal(4, 3, 5)"},
    ),
    *(row for axes in (1, 2, 3) for row in _instance(axes)),
    Row(
        ("F.instance_norm(x)",),
        (Port("first(linen.InstanceNorm(use_scale=False, use_bias=False, $).apply({}, last(x)))", EPSILON),),
        {"x": IMAGES[2]},
    ),
    Row(
        ("F.local_response_norm(x, 3)", "nn.LocalResponseNorm(3)(x)"),
        (Port(equal=_over_channels(SQUARES)),),
        {"x": "normal(2, 5, 3, 4)"},
        "alpha is divided by the size of the window",
    ),
    Row(
        ("nn.CrossMapLRN2d(3)(x)",),
        (
            Port(
                equal=_over_channels(f"({SQUARES} + (x[:, :1] ** 2) * (jnp.arange(5) > 1)[:, None, None])"),
                apart="the outputs are equal; torch's gradient is not that of its own outputs (gradcheck refuses it)",
            ),
        ),
        {"x": "normal(2, 5, 3, 4)"},
        "not LocalResponseNorm: from the third channel on, the first channel's square is in the sum as well",
    ),
)
