"""The reference on loose tensors."""

import numpy as np
import pytest
import torch

from torchref.autograd import (
    accumulation,
    by_hand,
    complex_gradient,
    detach,
    distance,
    loose_mlp,
    micro_batches,
    no_grad,
    scaled_weight,
    tape,
    written_copy,
)

SHAPES = {"W1": (6, 4), "b1": (6,), "W2": (3, 6), "b2": (3,)}


@pytest.fixture
def params() -> dict[str, torch.Tensor]:
    """Leaves in double."""
    rng = np.random.default_rng(0)
    return {name: torch.tensor(rng.standard_normal(shape)).requires_grad_() for name, shape in SHAPES.items()}


@pytest.fixture
def x() -> torch.Tensor:
    """Five rows."""
    return torch.tensor(np.random.default_rng(1).standard_normal((5, 4)))


def test_it_is_two_affine_maps_with_a_relu_between(params: dict[str, torch.Tensor], x: torch.Tensor) -> None:
    """As NumPy computes it in float64; the logits are raw."""
    W1, b1, W2, b2 = (tensor.detach().numpy() for tensor in params.values())
    wanted = np.maximum(x.numpy() @ W1.T + b1, 0) @ W2.T + b2
    np.testing.assert_allclose(loose_mlp(params, x).detach().numpy(), wanted, rtol=1e-13, atol=1e-15)


def test_backward_writes_into_every_leaf(params: dict[str, torch.Tensor], x: torch.Tensor) -> None:
    """And into nothing else: the batch is no leaf that asked for it."""
    loose_mlp(params, x).sum().backward()
    assert {name: tuple(tensor.grad.shape) for name, tensor in params.items()} == SHAPES
    assert x.grad is None


def test_the_gradients_are_right(params: dict[str, torch.Tensor], x: torch.Tensor) -> None:
    """Against finite differences in float64, for every parameter and the rows."""
    arguments = (*params.values(), x.requires_grad_())
    function = lambda *args: loose_mlp(dict(zip(SHAPES, args, strict=False)), args[-1])  # noqa: E731
    assert torch.autograd.gradcheck(function, arguments)


def test_a_scaled_tensor_is_no_leaf(params: dict[str, torch.Tensor], x: torch.Tensor) -> None:
    """Marked first and scaled after, W1's ``.grad`` stays None, as the docstring warns."""
    params["W1"] = torch.randn(6, 4, dtype=torch.float64, requires_grad=True) * 0.1
    loose_mlp(params, x).sum().backward()
    assert not params["W1"].is_leaf
    with pytest.warns(UserWarning, match="not a leaf"):
        assert params["W1"].grad is None
    assert params["W2"].grad is not None


@pytest.fixture
def case() -> dict[str, torch.Tensor]:
    """The batch of a lesson on the MLP, in double: 16 rows, so that they split in four."""
    rng = np.random.default_rng(2)
    return {"x": torch.tensor(rng.standard_normal((16, 4))), "y": torch.tensor(rng.integers(0, 3, 16))}


@pytest.fixture
def regression() -> dict[str, torch.Tensor]:
    """Rows whose minimum is inside."""
    rng = np.random.default_rng(3)
    x = rng.standard_normal((64, 4))
    arrays = {"x": x, "y": x @ np.array([1.0, -2.0, 0.5, 1.5]) + 0.1 * rng.standard_normal(64), "w": np.zeros(4)}
    return {name: torch.tensor(array) for name, array in arrays.items()}


def test_the_scaled_weight_has_no_gradient_and_the_raw_one_has(
    params: dict[str, torch.Tensor], case: dict[str, torch.Tensor]
) -> None:
    """By the chain rule, the raw one's is the scaled one's, scaled; what is scaled first and marked last is a leaf."""
    drawn = {name: param.detach() for name, param in params.items()}
    _, trained = tape(**case, **drawn)
    assert all(param.is_leaf for param in trained.values())
    scaled = drawn | {"W2": trained["W2"].detach()}
    with pytest.warns(UserWarning, match="not a leaf"):
        before, after = scaled_weight(drawn["W1"], scaled, **case)
    assert after is None
    torch.testing.assert_close(before, trained["W1"].grad * (2 / 4) ** 0.5)


def test_the_derivation_by_hand_holds_in_every_entry(
    params: dict[str, torch.Tensor], case: dict[str, torch.Tensor]
) -> None:
    """To a few units in the last place."""
    written, derived = by_hand(params, **case)
    for name in SHAPES:
        torch.testing.assert_close(written[name], derived[name], rtol=0, atol=1e-15)


def test_what_is_applied_is_the_sum_of_all_gradients(regression: dict[str, torch.Tensor]) -> None:
    """And its norm is near its largest where the step's own is smallest: the bug's mark."""
    _, applied = accumulation(**regression)
    w, own = regression["w"].clone(), []
    for gradient in applied:
        leaf = w.clone().requires_grad_()
        torch.nn.functional.mse_loss(regression["x"] @ leaf, regression["y"]).backward()
        own.append(leaf.grad)
        w = w - 0.1 * gradient
    torch.testing.assert_close(applied, torch.stack(own).cumsum(dim=0))
    smallest, norms = int(torch.stack(own).norm(dim=1).argmin()), applied.norm(dim=1)
    assert norms[smallest] > 0.9 * norms.max() > 1.5 * norms[0]


def test_never_zeroing_is_momentum_one(regression: dict[str, torch.Tensor]) -> None:
    """The same losses as SGD that zeroes and has momentum 1; they fall for four steps and then rise."""
    w = regression["w"].clone().requires_grad_()
    optimizer = torch.optim.SGD([w], lr=0.1, momentum=1.0)
    losses = []
    for _ in range(12):
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(regression["x"] @ w, regression["y"])
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    seen, _ = accumulation(**regression)
    torch.testing.assert_close(seen, torch.stack(losses))
    assert (seen[:4].diff() < 0).all()
    assert seen[4:].max() > 5 * seen[:4].min()


def test_equal_micro_batches_make_the_full_batch(
    params: dict[str, torch.Tensor], case: dict[str, torch.Tensor]
) -> None:
    """Unequal ones, equally weighted, do not; and the step taken is the full batch's."""

    def step(*splits: tuple[int, ...]) -> tuple[torch.Tensor, torch.Tensor]:
        copies = {name: param.detach().clone().requires_grad_() for name, param in params.items()}
        stepped, grads = micro_batches(copies, *case.values(), *splits)
        return stepped["W1"].detach(), grads["W1"]

    (stepped, parts), (_, full), (_, uneven) = step(), step(()), step((4,))
    torch.testing.assert_close(parts, full)
    torch.testing.assert_close(stepped, params["W1"].detach() - 0.5 * full)
    assert (uneven - full).abs().max() > 1e-3


def test_a_loss_without_a_tape_has_none_and_recording_comes_back(
    params: dict[str, torch.Tensor], case: dict[str, torch.Tensor]
) -> None:
    """The same number either way."""
    loss, trained = no_grad(params, **case)
    assert loss.grad_fn is None
    assert trained["W1"].grad is not None
    assert torch.is_grad_enabled()


def test_what_stands_before_the_cut_has_no_gradient() -> None:
    """And what stands after it has one."""
    rng = np.random.default_rng(4)
    shapes = {"x": (5, 4), "W1": (6, 4), "W2": (3, 6), "W3": (2, 3)}
    *before, head = detach(**{name: torch.tensor(rng.standard_normal(shape)) for name, shape in shapes.items()})
    assert before == [None, None]
    assert head.any()


def test_detach_is_no_copy() -> None:
    """A write through it shows in the original, and the backward pass refuses; a clone is a copy."""
    features = torch.tanh(torch.zeros(2, 2, requires_grad=True))
    assert written_copy(features)[0, 0] == 7
    assert features[0, 0] == 0
    features.detach()[0, 0] = 7
    assert features[0, 0] == 7
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        features.sum().backward()


@pytest.mark.parametrize("shape", [(4,), (2, 5, 4)])
def test_shapes_are_enforced(params: dict[str, torch.Tensor], shape: tuple[int, ...]) -> None:
    """One row without its axis, and a batch of batches, raise."""
    pytest.importorskip("beartype")
    from jaxtyping import TypeCheckError

    with pytest.raises(TypeCheckError):
        loose_mlp(params, torch.zeros(shape, dtype=torch.float64))


def test_a_complex_gradient_is_the_way_up():
    """A step against it brings the loss down, in both parts."""
    z = torch.tensor([1 + 2j, -0.5 - 1j])
    loss, gradient, stepped = complex_gradient(z)
    torch.testing.assert_close(gradient, 2 * (z - 1j))
    assert distance(stepped) < loss
