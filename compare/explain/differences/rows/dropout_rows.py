"""Dropouts: compared as distributions."""

from compare.explain.differences.difference_row import Counterpart as Port
from compare.explain.differences.difference_row import Row

SIDES = {1: (4,), 2: (4, 4), 3: (2, 2, 4)}
# What alpha dropout sets an entry to, and the affine map after it, at p = 0.5.
ALPHA = "(-1.7580993408473766)"
SCALE = f"1 / np.sqrt(0.5 * (1 + 0.5 * {ALPHA} ** 2))"


def _channels(axes: int) -> Row:
    sides, inner = SIDES[axes], tuple(range(2, 2 + axes))
    flax, averaged = (8000, *sides, 4), tuple(range(1, 1 + axes))
    ones = f"torch.ones({(8000, 4, *sides)})"
    call = (
        f"linen.Dropout(0.5, deterministic=False, $).apply({{}}, jnp.ones({flax}), "
        f"rngs={{'dropout': key}}).mean({averaged})"
    )
    return Row(
        (f"F.dropout{axes}d({ones}).mean({inner})", f"nn.Dropout{axes}d()({ones}).mean({inner})"),
        (
            Port(call, f"broadcast_dims={averaged}"),
            Port(f"nnx.Dropout(0.5, rngs=rngs, $)(jnp.ones({flax})).mean({averaged})", f"broadcast_dims={averaged}"),
        ),
        note="the mean of each channel: torch drops it whole",
        sampled=True,
    )


def _alpha(reference: tuple[str, ...], shape: str, drawn: str) -> Row:
    return Row(
        reference,
        (
            Port(
                equal=f"(lambda keep: ({SCALE}) * (jnp.where(keep, 1.0, {ALPHA}) - 0.5 * {ALPHA}) * jnp.ones({shape}))"
                f"(jax.random.bernoulli(key, 0.5, {drawn}))"
            ),
        ),
        sampled=True,
    )


ROWS = (
    Row(
        ("F.dropout(torch.ones(100_000))", "nn.Dropout()(torch.ones(100_000))"),
        (
            Port("linen.Dropout(0.5, deterministic=False).apply({}, jnp.ones(100_000), rngs={'dropout': key})"),
            Port("nnx.Dropout(0.5, rngs=rngs)(jnp.ones(100_000))"),
        ),
        note="no rate by default in Flax; Linen must be told deterministic=False",
        sampled=True,
    ),
    *(_channels(axes) for axes in (1, 2, 3)),
    _alpha(
        ("F.alpha_dropout(torch.ones(100_000), training=True)", "nn.AlphaDropout()(torch.ones(100_000))"),
        "100_000",
        "(100_000,)",
    ),
    _alpha(
        (
            "F.feature_alpha_dropout(torch.ones(8000, 4, 3), training=True)",
            "nn.FeatureAlphaDropout()(torch.ones(8000, 4, 3))",
        ),
        "(8000, 4, 3)",
        "(8000, 4, 1)",
    ),
)
