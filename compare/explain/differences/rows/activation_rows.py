"""Activations."""

from compare.explain.differences.difference_row import Counterpart as Port
from compare.explain.differences.difference_row import Row

X = {"x": "wide(20, 8)"}
NOT_DRAWN_ALIKE = "drawn from another generator: equal as a distribution"


def _formula(reference: tuple[str, ...], formula: str, note: str = "") -> Row:
    return Row(reference, (Port(equal=formula),), X, note)


def _named(reference: tuple[str, ...], code: str, equal: str = "", note: str = "", apart: str = "") -> Row:
    return Row(reference, (Port(code, equal, apart),), X, note)


ROWS = (
    _named(("F.relu(x)", "nn.ReLU()(x)", "F.relu_(x.clone())"), "jax.nn.relu(x)"),
    _named(("F.relu6(x)", "nn.ReLU6()(x)"), "jax.nn.relu6(x)"),
    _named(("F.leaky_relu(x)", "nn.LeakyReLU()(x)", "F.leaky_relu_(x.clone())"), "jax.nn.leaky_relu(x)"),
    Row(
        ("F.prelu(x, weight)",),
        (Port(equal="jnp.where(x > 0, x, weight * x)"),),
        X | {"weight": "positive(8)"},
        "the weight lies along axis 1",
    ),
    Row(
        ("nn.PReLU()(x)",),
        (
            Port("linen.PReLU().apply(params(negative_slope=weight[0]), x)"),
            Port("filled(nnx.PReLU(), negative_slope=weight[0])(x)"),
        ),
        X,
        "one slope for each channel (num_parameters=C) is torch's alone",
    ),
    _formula(
        ("F.rrelu(x)", "nn.RReLU().eval()(x)", "F.rrelu_(x.clone())"),
        "jax.nn.leaky_relu(x, (1 / 8 + 1 / 3) / 2)",
        "in training each slope is drawn from lower to upper",
    ),
    _named(("F.elu(x)", "nn.ELU()(x)", "F.elu_(x.clone())"), "jax.nn.elu(x)"),
    _named(("F.celu(x)", "nn.CELU()(x)", "F.celu_(x.clone())"), "jax.nn.celu(x)"),
    _named(
        ("F.celu(x, 0.3)", "nn.CELU(0.3)(x)"),
        "jax.nn.celu(x, 0.3)",
        apart="torch's gradient divides by an alpha that is rounded to float32 first",
    ),
    _named(("F.selu(x)", "nn.SELU()(x)", "F.selu_(x.clone())"), "jax.nn.selu(x)"),
    _named(("F.gelu(x)", "nn.GELU()(x)"), "jax.nn.gelu(x, $)", "approximate=False"),
    _named(("F.gelu(x, approximate='tanh')", "nn.GELU('tanh')(x)"), "jax.nn.gelu(x)"),
    _named(("F.silu(x)", "nn.SiLU()(x)"), "jax.nn.silu(x)"),
    _named(("F.mish(x)", "nn.Mish()(x)"), "jax.nn.mish(x)"),
    _named(("F.sigmoid(x)", "nn.Sigmoid()(x)"), "jax.nn.sigmoid(x)"),
    _named(("F.logsigmoid(x)", "nn.LogSigmoid()(x)"), "jax.nn.log_sigmoid(x)"),
    _named(("F.tanh(x)", "nn.Tanh()(x)"), "jnp.tanh(x)"),
    _named(("F.softsign(x)", "nn.Softsign()(x)"), "jax.nn.soft_sign(x)"),
    _named(
        ("F.softplus(x)", "nn.Softplus()(x)"),
        "jax.nn.softplus(x)",
        "jnp.where(x > 20, x, jax.nn.softplus(x))",
        "torch is the identity above its threshold",
    ),
    _named(
        ("F.softplus(x, beta=2.0, threshold=5.0)", "nn.Softplus(2.0, 5.0)(x)"),
        "jax.nn.softplus(2.0 * x) / 2.0",
        "jnp.where(2.0 * x > 5.0, x, jax.nn.softplus(2.0 * x) / 2.0)",
        "beta * x is held against the threshold",
    ),
    _named(
        ("F.hardsigmoid(x)", "nn.Hardsigmoid()(x)"),
        "jax.nn.hard_sigmoid(x)",
        apart="torch's gradient multiplies by 1/6 rounded to float32; its outputs are equal",
    ),
    _named(("F.hardswish(x)", "nn.Hardswish()(x)"), "jax.nn.hard_swish(x)"),
    _named(("F.hardtanh(x)", "nn.Hardtanh()(x)", "F.hardtanh_(x.clone())"), "jax.nn.hard_tanh(x)"),
    _named(("F.hardtanh(x, -2.0, 3.0)", "nn.Hardtanh(-2.0, 3.0)(x)"), "jnp.clip(x, -2.0, 3.0)"),
    _formula(("F.hardshrink(x)", "nn.Hardshrink()(x)"), "jnp.where(jnp.abs(x) > 0.5, x, 0)"),
    _formula(("F.softshrink(x)", "nn.Softshrink()(x)"), "jnp.sign(x) * jax.nn.relu(jnp.abs(x) - 0.5)"),
    _formula(("F.tanhshrink(x)", "nn.Tanhshrink()(x)"), "x - jnp.tanh(x)"),
    _formula(
        ("F.threshold(x, 0.1, 20.0)", "nn.Threshold(0.1, 20.0)(x)", "F.threshold_(x.clone(), 0.1, 20.0)"),
        "jnp.where(x > 0.1, x, 20.0)",
    ),
    _named(("F.glu(x)", "nn.GLU()(x)"), "jax.nn.glu(x)"),
    Row(
        ("F.softmax(x, dim=-1)", "nn.Softmax(dim=-1)(x)"),
        (Port("jax.nn.softmax(x)"),),
        {"x": "normal(2, 3, 4)"},
        "an axis must be said to torch; without one it warns, and takes axis 0 of one or three axes, axis 1 of two",
    ),
    Row(("F.softmax(x)", "nn.Softmax()(x)"), (Port("jax.nn.softmax(x, $)", "axis=0"),), {"x": "normal(2, 3, 4)"}),
    Row(("nn.Softmax2d()(x)",), (Port("jax.nn.softmax(x, $)", "axis=-3"),), {"x": "normal(2, 3, 4, 4)"}),
    Row(
        ("F.log_softmax(x, dim=-1)", "nn.LogSoftmax(dim=-1)(x)"),
        (Port("jax.nn.log_softmax(x)"),),
        {"x": "normal(2, 3, 4)"},
    ),
    Row(
        ("F.softmin(x, dim=-1)", "nn.Softmin(dim=-1)(x)"),
        (Port(equal="jax.nn.softmax(-x)"),),
        {"x": "normal(2, 3, 4)"},
    ),
    Row(
        ("F.gumbel_softmax(torch.zeros(20_000, 4), tau=0.5)",),
        (Port(equal="jax.nn.softmax(jax.random.gumbel(key, (20_000, 4)) / 0.5)"),),
        note="hard=True adds the one-hot of the largest and subtracts the soft result under stop_gradient",
        sampled=True,
    ),
    Row(
        ("F.normalize(x)",),
        (
            Port(
                "x / jnp.linalg.norm(x, axis=1, keepdims=True)",
                "(lambda s: x / jnp.maximum(jnp.where(s > 0, jnp.sqrt(jnp.where(s > 0, s, 1)), 0), 1e-12))"
                "(jnp.sum(x * x, axis=1, keepdims=True))",
            ),
        ),
        {"x": "normal(3, 4, 2)"},
        "the norm along axis 1, bounded by eps; torch's gradient of a norm at 0 is 0",
    ),
    Row(
        ("F.one_hot(labels)",),
        (Port("jax.nn.one_hot(labels, 5)"),),
        {"labels": "np.arange(5)[::-1].copy()"},
        "integers in torch, floating in JAX; torch counts the classes if it is not told, and refuses a label outside",
    ),
)
