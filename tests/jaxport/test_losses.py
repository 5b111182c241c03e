"""The port's cross-entropy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxport.losses import cross_entropy, learn, softmax_then_log, softmax_twice


def _by_numpy(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """-log of the softmax at the label, one for each row, without the fused form."""
    odds = np.exp(logits)
    return -np.log(odds / odds.sum(axis=1, keepdims=True))[np.arange(len(labels)), labels]


@pytest.mark.parametrize("rows", [1, 5, 64])
def test_it_is_the_mean_negative_log_softmax(rows: int) -> None:
    """Equal to the definition in NumPy float64: the mean over the batch, no sum, natural logarithm."""
    rng = np.random.default_rng(rows)
    logits, labels = rng.standard_normal((rows, 10)), rng.integers(0, 10, rows)
    with jax.enable_x64(True):
        loss = float(cross_entropy(jnp.array(logits), jnp.array(labels)))
    np.testing.assert_allclose(loss, _by_numpy(logits, labels).mean(), rtol=1e-13)


def test_its_gradient_is_softmax_minus_one_hot() -> None:
    """Divided by the rows of the batch."""
    logits, labels = np.random.default_rng(0).standard_normal((4, 3)), np.array([0, 2, 1, 2])
    with jax.enable_x64(True):
        gradient = np.asarray(jax.grad(cross_entropy)(jnp.array(logits), jnp.array(labels)))
    odds = np.exp(logits)
    wanted = (odds / odds.sum(axis=1, keepdims=True) - np.eye(3)[labels]) / 4
    np.testing.assert_allclose(gradient, wanted, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(("label", "loss"), [(0, 0.0), (1, 1e4), (2, 2e4)])
def test_huge_logits_stay_finite(label: int, loss: float) -> None:
    """With logits of 1e4 in float32 the softmax alone is 0 or 1; the fused loss is exact."""
    assert float(cross_entropy(jnp.array([[1e4, 0.0, -1e4]]), jnp.array([label]))) == loss


def test_equal_logits_cost_the_logarithm_of_the_classes() -> None:
    """Knowing nothing of ten classes costs log 10."""
    assert float(cross_entropy(jnp.full((3, 10), 7.0), jnp.array([0, 4, 9]))) == pytest.approx(np.log(10))


@pytest.mark.parametrize("label", [-100, 3, 1000])
@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "jit"])
def test_a_label_out_of_range_gives_nan(label: int, compiled: bool) -> None:
    """It cannot raise under ``jit``; NaN is how it says so."""
    function = jax.jit(cross_entropy) if compiled else cross_entropy
    assert jnp.isnan(function(jnp.zeros((2, 3)), jnp.array([label, 0])))


def test_a_negative_label_counts_from_the_end() -> None:
    """As an index does in NumPy: -1 is the last class, and no error. torch raises."""
    logits = jnp.array([[3.0, 0.0, 1.0]])
    assert cross_entropy(logits, jnp.array([-1])) == cross_entropy(logits, jnp.array([2]))


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32"])
def test_any_signed_integer_labels_do(dtype: str) -> None:
    """Unlike torch, which takes int64 only."""
    assert float(cross_entropy(jnp.zeros((2, 4)), jnp.array([0, 3], dtype))) == pytest.approx(np.log(4))


@pytest.mark.parametrize(
    ("logits", "labels"),
    [((3,), (1,)), ((2, 3, 4), (2, 3)), ((2, 3), (3,)), ((2, 3), (2, 1))],
    ids=["one axis", "three axes", "other rows", "a column of labels"],
)
def test_shapes_are_enforced(logits: tuple[int, ...], labels: tuple[int, ...]) -> None:
    """A wrong rank or other rows raise, though optax itself takes three axes."""
    pytest.importorskip("beartype")
    from jaxtyping import TypeCheckError

    with pytest.raises(TypeCheckError):
        cross_entropy(jnp.zeros(logits), jnp.zeros(labels, jnp.int32))


def test_a_second_softmax_cannot_be_certain() -> None:
    """Right without a doubt still costs log(1 + 9/e) on ten classes, and wrong without a doubt has no gradient."""
    wrong = jnp.full((1, 10), -500.0).at[0, 3].set(500.0)
    assert float(softmax_twice(wrong, jnp.array([3]))) == pytest.approx(np.log(1 + 9 / np.e))
    for loss, size in ((softmax_twice, 0.0), (cross_entropy, 2**0.5)):
        assert float(jnp.linalg.norm(jax.grad(loss)(wrong, jnp.array([0])))) == pytest.approx(size)


@pytest.mark.parametrize(("label", "loss"), [(0, np.nan), (1, np.inf)])
def test_written_out_it_overflows(label: int, loss: float) -> None:
    """NaN where the label's own exp overflows, infinity where another's does."""
    found = softmax_then_log(jnp.array([[1000.0, 0.0, -1.0]]), jnp.array([label]))
    np.testing.assert_equal(np.asarray(found), np.array([loss], np.float32))


def test_learning_lowers_the_loss() -> None:
    """Two images of two classes are told apart."""
    images, labels = jnp.eye(2), jnp.array([4, 7])
    assert (images @ learn(cross_entropy, images, labels)).argmax(axis=1).tolist() == [4, 7]
