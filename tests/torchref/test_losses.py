"""The reference's cross-entropy."""

import numpy as np
import pytest
import torch

from torchref.losses import cross_entropy, learn, softmax_then_log, softmax_twice


def _by_numpy(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """-log of the softmax at the label, one for each row, without the fused form."""
    odds = np.exp(logits)
    return -np.log(odds / odds.sum(axis=1, keepdims=True))[np.arange(len(labels)), labels]


@pytest.mark.parametrize("rows", [1, 5, 64])
def test_it_is_the_mean_negative_log_softmax(rows: int) -> None:
    """Equal to the definition in NumPy float64: the mean over the batch, no sum, natural logarithm."""
    rng = np.random.default_rng(rows)
    logits, labels = rng.standard_normal((rows, 10)), rng.integers(0, 10, rows)
    loss = cross_entropy(torch.tensor(logits), torch.tensor(labels))
    np.testing.assert_allclose(loss.item(), _by_numpy(logits, labels).mean(), rtol=1e-13)


def test_its_gradient_is_softmax_minus_one_hot() -> None:
    """Divided by the rows of the batch."""
    rng = np.random.default_rng(0)
    logits, labels = torch.tensor(rng.standard_normal((4, 3)), requires_grad=True), np.array([0, 2, 1, 2])
    cross_entropy(logits, torch.tensor(labels)).backward()
    odds = np.exp(logits.detach().numpy())
    wanted = (odds / odds.sum(axis=1, keepdims=True) - np.eye(3)[labels]) / 4
    np.testing.assert_allclose(logits.grad.numpy(), wanted, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(("label", "loss"), [(0, 0.0), (1, 1e4), (2, 2e4)])
def test_huge_logits_stay_finite(label: int, loss: float) -> None:
    """With logits of 1e4 in float32 the softmax alone is 0 or 1; the fused loss is exact."""
    assert cross_entropy(torch.tensor([[1e4, 0.0, -1e4]]), torch.tensor([label])).item() == loss


def test_equal_logits_cost_the_logarithm_of_the_classes() -> None:
    """Knowing nothing of ten classes costs log 10."""
    assert cross_entropy(torch.full((3, 10), 7.0), torch.tensor([0, 4, 9])).item() == pytest.approx(np.log(10))


@pytest.mark.parametrize("label", [-1, 3, 1000])
def test_a_label_out_of_range_raises(label: int) -> None:
    """Labels are class indices."""
    with pytest.raises((IndexError, ValueError)):
        cross_entropy(torch.zeros(2, 3), torch.tensor([label, 0]))


def test_minus_100_is_left_out_of_the_mean() -> None:
    """The one label outside the range that torch takes, and JAX does not: ``ignore_index``."""
    logits = torch.tensor([[3.0, 0.0, 1.0], [0.0, 2.0, 0.0]])
    assert cross_entropy(logits, torch.tensor([-100, 1])) == cross_entropy(logits[1:], torch.tensor([1]))


def test_labels_are_int64() -> None:
    """torch refuses int32 labels, so the conversion must happen before."""
    with pytest.raises(RuntimeError, match="Long"):
        cross_entropy(torch.zeros(2, 3), torch.tensor([0, 1], dtype=torch.int32))


@pytest.mark.parametrize(
    ("logits", "labels"),
    [
        (torch.zeros(3), torch.tensor([0])),
        (torch.zeros(2, 3, 4), torch.zeros(2, 4, dtype=torch.int64)),
        (torch.zeros(2, 3), torch.zeros(3, dtype=torch.int64)),
        (torch.zeros(2, 3), torch.zeros(2, 3)),
    ],
    ids=["one axis", "three axes", "other rows", "probabilities for labels"],
)
def test_shapes_are_enforced(logits: torch.Tensor, labels: torch.Tensor) -> None:
    """A wrong rank, other rows or float labels raise, though torch itself takes two of these four."""
    pytest.importorskip("beartype")
    from jaxtyping import TypeCheckError

    with pytest.raises(TypeCheckError):
        cross_entropy(logits, labels)


def test_a_second_softmax_cannot_be_certain() -> None:
    """Right without a doubt still costs log(1 + 9/e) on ten classes, and wrong without a doubt has no gradient."""
    wrong = torch.full((1, 10), -500.0)
    wrong[0, 3] = 500.0
    assert softmax_twice(wrong, torch.tensor([3])).item() == pytest.approx(np.log(1 + 9 / np.e))
    for loss, size in ((softmax_twice, 0.0), (cross_entropy, 2**0.5)):
        logits = wrong.clone().requires_grad_()
        loss(logits, torch.tensor([0])).backward()
        assert logits.grad.norm().item() == pytest.approx(size)


@pytest.mark.parametrize(("label", "loss"), [(0, np.nan), (1, np.inf)])
def test_written_out_it_overflows(label: int, loss: float) -> None:
    """NaN where the label's own exp overflows, infinity where another's does."""
    found = softmax_then_log(torch.tensor([[1000.0, 0.0, -1.0]]), torch.tensor([label]))
    np.testing.assert_equal(found.numpy(), np.array([loss], np.float32))


def test_learning_lowers_the_loss() -> None:
    """Two images of two classes are told apart."""
    images, labels = torch.eye(2), torch.tensor([4, 7])
    assert (images @ learn(cross_entropy, images, labels)).argmax(dim=1).tolist() == [4, 7]
