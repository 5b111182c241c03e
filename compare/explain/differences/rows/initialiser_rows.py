"""Initialisers, and what layers start with: compared as distributions where they draw."""

from compare.explain.differences.difference_row import Counterpart as Port
from compare.explain.differences.difference_row import Row

INIT = "jax.nn.initializers"
OUT, IN = 300, 200
EMPTY, SHAPE = f"torch.empty({OUT}, {IN})", f"({IN}, {OUT})"
SCALING = f"{INIT}.variance_scaling"
TRUNCATED = "JAX's is cut off at two standard deviations"


def _drawn(reference: str, code: str, equal: str = "", note: str = "") -> Row:
    if equal and "$" not in code:
        equal = f"{equal}(key, {SHAPE})"
    return Row((reference,), (Port(f"{code}(key, {SHAPE})", equal),), note=note, sampled=True)


def _constant(reference: str, code: str, note: str = "") -> Row:
    return Row((reference,), (Port(code),), note=note)


ROWS = (
    _drawn(f"init.uniform_({EMPTY})", f"{INIT}.uniform($)", "1.0"),
    _drawn(f"init.normal_({EMPTY})", f"{INIT}.normal($)", "1.0"),
    _drawn(f"init.trunc_normal_({EMPTY})", f"{INIT}.truncated_normal($)", "1.0"),
    _drawn(
        f"init.trunc_normal_({EMPTY}, std=0.02)",
        f"{INIT}.truncated_normal(0.02, $)",
        "lower=-2 / 0.02, upper=2 / 0.02",
        "torch's a and b are lengths, JAX's lower and upper are standard deviations",
    ),
    _drawn(
        f"init.xavier_uniform_({EMPTY})",
        f"{INIT}.glorot_uniform()",
        note="of (out, in) in torch, (in, out) in JAX",
    ),
    _drawn(
        f"init.xavier_normal_({EMPTY})",
        f"{INIT}.glorot_normal()",
        f"{SCALING}(1.0, 'fan_avg', 'normal')",
        TRUNCATED,
    ),
    _drawn(f"init.xavier_uniform_({EMPTY}, gain=2.0)", f"{SCALING}(2.0**2, 'fan_avg', 'uniform')", note="gain squared"),
    _drawn(f"init.kaiming_uniform_({EMPTY})", f"{INIT}.he_uniform()"),
    _drawn(
        f"init.kaiming_normal_({EMPTY})",
        f"{INIT}.he_normal()",
        f"{SCALING}(2.0, 'fan_in', 'normal')",
        TRUNCATED,
    ),
    _drawn(
        f"init.kaiming_uniform_({EMPTY}, a=5**0.5)",
        f"{INIT}.lecun_uniform()",
        f"{SCALING}(1 / 3, 'fan_in', 'uniform')",
        "what torch's Linear and convolutions start with",
    ),
    _drawn(f"init.orthogonal_({EMPTY})", f"{INIT}.orthogonal()"),
    _constant("init.zeros_(torch.empty(3, 2))", f"{INIT}.zeros(key, (3, 2))"),
    _constant("init.ones_(torch.empty(3, 2))", f"{INIT}.ones(key, (3, 2))"),
    _constant("init.constant_(torch.empty(3, 2), 0.3)", f"{INIT}.constant(0.3)(key, (3, 2))"),
    _constant("init.eye_(torch.empty(3, 2))", "jnp.eye(3, 2)"),
    Row(
        ("init.dirac_(torch.empty(4, 3, 3))",),
        (Port(equal="jnp.zeros((4, 3, 3)).at[jnp.arange(3), jnp.arange(3), 1].set(1)"),),
    ),
    Row(
        ("init.sparse_(torch.empty(300, 200), 0.1)",),
        (
            Port(
                equal="0.01 * jax.random.normal(key, (300, 200)) * "
                "(jax.random.uniform(jax.random.key(1), (300, 200)).argsort(0).argsort(0) >= 30)"
            ),
        ),
        note="a tenth of each column is 0",
        sampled=True,
    ),
    Row(
        ("init.calculate_gain('tanh')",),
        (Port(equal="5 / 3"),),
        note="sqrt(2) for relu, 1 for linear and sigmoid, 3/4 for selu",
    ),
    Row(
        (f"nn.Linear({IN}, {OUT}).weight",),
        (
            Port(
                f"linen.Dense({OUT}, $).init(key, jnp.ones((1, {IN})))['params']['kernel']",
                f"kernel_init={SCALING}(1 / 3, 'fan_in', 'uniform')",
            ),
            Port(
                f"nnx.Linear({IN}, {OUT}, rngs=rngs, $).kernel[...]",
                f"kernel_init={SCALING}(1 / 3, 'fan_in', 'uniform')",
            ),
        ),
        note="what a layer starts with",
        sampled=True,
    ),
    Row(
        (f"nn.Linear({IN}, 30_000).bias",),
        (
            Port(
                f"linen.Dense(30_000, $).init(key, jnp.ones((1, {IN})))['params']['bias']",
                f"bias_init=lambda key, shape, dtype: jax.random.uniform(key, shape, dtype, -1, 1) / np.sqrt({IN})",
            ),
        ),
        note="a bias starts at 0 in Flax",
        sampled=True,
    ),
    Row(
        ("nn.Conv2d(20, 40, 5).weight",),
        (
            Port(
                "linen.Conv(40, (5, 5), $).init(key, jnp.ones((1, 8, 8, 20)))['params']['kernel']",
                f"kernel_init={SCALING}(1 / 3, 'fan_in', 'uniform')",
            ),
        ),
        sampled=True,
    ),
    Row(
        ("nn.Embedding(500, 100).weight",),
        (
            Port(
                "linen.Embed(500, 100, $).init(key, jnp.arange(3))['params']['embedding']",
                f"embedding_init={INIT}.normal(1.0)",
            ),
            Port("nnx.Embed(500, 100, rngs=rngs, $).embedding[...]", f"embedding_init={INIT}.normal(1.0)"),
        ),
        sampled=True,
    ),
)
