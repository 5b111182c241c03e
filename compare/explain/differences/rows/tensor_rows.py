"""Functions of tensors that models are written with, where the two differ or are thought to."""

from compare.explain.differences.difference_row import Counterpart as Port
from compare.explain.differences.difference_row import Row

X = {"x": "normal(4, 6)"}
POSITIVE = {"x": "positive(4, 6)"}
TIES = "JAX shares the gradient among equal entries"

ROWS = (
    Row(("torch.abs(x)",), (Port("jnp.abs(x)"),), X),
    Row(("torch.clamp(x, -1.0, 1.0)",), (Port("jnp.clip(x, -1.0, 1.0)"),), X),
    Row(("torch.sqrt(x)",), (Port("jnp.sqrt(x)"),), POSITIVE),
    Row(("torch.maximum(x, y)",), (Port("jnp.maximum(x, y)"),), X | {"y": "normal(4, 6)"}),
    Row(("torch.amax(x, -1)",), (Port("jnp.max(x, axis=-1)"),), X, TIES),
    Row(("torch.max(x, -1)[0]",), (Port("jnp.max(x, axis=-1)"),), X, TIES),
    Row(("torch.linalg.norm(x)",), (Port("jnp.linalg.norm(x.reshape(-1))"),), X),
    Row(("torch.std(x)",), (Port("jnp.std(x, $)", "ddof=1"),), X),
    Row(("torch.var(x, -1)",), (Port("jnp.var(x, axis=-1, $)", "ddof=1"),), X),
    Row(
        ("torch.median(x)",),
        (Port("jnp.median(x)", "jnp.sort(x.reshape(-1))[(x.size - 1) // 2]"),),
        X,
        "of an even number of entries torch takes the lower of the middle two",
    ),
    Row(("torch.quantile(x, 0.3)",), (Port("jnp.quantile(x, 0.3)"),), X),
    Row(("torch.round(x)",), (Port("jnp.round(x)"),), {"x": "np.array([-1.5, -0.5, 0.5, 1.5, 2.5, 0.3])"}),
    Row(("torch.sign(x)",), (Port("jnp.sign(x)"),), {"x": "np.array([-2.0, 0.0, 3.0])"}),
    Row(
        ("torch.sign(x)",),
        (Port("jnp.sign(x)", "jnp.where(jnp.isnan(x), 0, jnp.sign(x))"),),
        {"x": "np.array([np.nan, 1.0])"},
        "of NaN",
    ),
    Row(("torch.fmod(x, 3.0)",), (Port("jnp.fmod(x, 3.0)"),), {"x": "7 * normal(8)"}),
    Row(("torch.remainder(x, 3.0)",), (Port("jnp.remainder(x, 3.0)"),), {"x": "7 * normal(8)"}),
    Row(("torch.cumprod(x, -1)",), (Port("jnp.cumprod(x, axis=-1)"),), X),
    Row(("torch.atan2(x, y)",), (Port("jnp.arctan2(x, y)"),), X | {"y": "normal(4, 6)"}),
    Row(("torch.hypot(x, y)",), (Port("jnp.hypot(x, y)"),), X | {"y": "normal(4, 6)"}),
    Row(
        ("torch.linalg.cholesky(x)",),
        (
            Port(
                "jnp.linalg.cholesky(x)",
                "jnp.linalg.cholesky(x, symmetrize_input=False)",
                "the outputs are equal; torch shares the gradient between both triangles, though it "
                "reads the lower alone",
            ),
        ),
        {"x": "np.array([[4.0, 1.0], [2.0, 5.0]])"},
        "torch reads the lower triangle, JAX makes the matrix symmetric first",
    ),
    Row(
        ("torch.linalg.cholesky(x)",),
        (Port("jnp.linalg.cholesky(x)", apart="JAX returns NaN"),),
        {"x": "np.array([[1.0, 2.0], [2.0, 1.0]])"},
        "a matrix that is not positive",
    ),
)
