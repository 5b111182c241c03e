"""The reference's training step and evaluation."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from torchref.losses import cross_entropy
from torchref.mlp import MLP
from torchref.optimizers import sgd
from torchref.train import evaluate, fit, main, train_step

IMAGES = torch.linspace(-1, 1, 5 * 12, dtype=torch.float64).sin().reshape(5, 1, 3, 4)
LABELS = torch.tensor([0, 2, 1, 1, 0])


@pytest.fixture
def model() -> MLP:
    """A small one, in double."""
    torch.manual_seed(0)
    return MLP(in_dim=12, hidden=6, n_classes=3).double()


class Watcher(nn.Module):
    """Its input is its output; it notes the mode and whether a tape would be built."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[bool, bool]] = []

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        self.seen.append((self.training, torch.is_grad_enabled()))
        return images.flatten(1)


def _gradients(model: nn.Module) -> list[torch.Tensor]:
    """By ``torch.autograd.grad``, which leaves no trace in ``.grad``."""
    return list(torch.autograd.grad(cross_entropy(model(IMAGES), LABELS), list(model.parameters())))


def test_two_steps_are_what_the_gradients_say(model: MLP) -> None:
    """v = 0.9 v + g, w = w - 0.1 v, each step's gradient taken at that step's weights."""
    optimizer, velocity = sgd(model.parameters()), [torch.zeros_like(w) for w in model.parameters()]
    for _ in range(2):
        velocity = [0.9 * v + g for v, g in zip(velocity, _gradients(model), strict=True)]
        wanted = [w.detach() - 0.1 * v for w, v in zip(model.parameters(), velocity, strict=True)]
        train_step(model, optimizer, IMAGES, LABELS)
        torch.testing.assert_close([w.detach() for w in model.parameters()], wanted, rtol=1e-13, atol=1e-15)


def test_a_stale_gradient_leaves_no_trace(model: MLP) -> None:
    """The step starts from zero: a poisoned ``.grad`` changes nothing, bit for bit."""
    clean = copy.deepcopy(model)
    for parameter in model.parameters():
        parameter.grad = torch.full_like(parameter, 1e6)
    for one in (model, clean):
        train_step(one, sgd(one.parameters()), IMAGES, LABELS)
    for poisoned, wanted in zip(model.parameters(), clean.parameters(), strict=True):
        assert torch.equal(poisoned, wanted)


def test_the_model_is_changed_in_place(model: MLP) -> None:
    """The parameters are the same objects with other values, and the batch is as it was."""
    before, images = {name: (w, w.detach().clone()) for name, w in model.named_parameters()}, IMAGES.clone()
    train_step(model, sgd(model.parameters()), IMAGES, LABELS)
    for name, parameter in model.named_parameters():
        same, values = before[name]
        assert parameter is same
        assert not torch.equal(parameter, values), name
    assert torch.equal(IMAGES, images)


def test_the_loss_is_from_before_the_step_and_off_the_tape(model: MLP) -> None:
    """What comes back keeps no graph alive."""
    with torch.no_grad():
        wanted = cross_entropy(model(IMAGES), LABELS)
    loss = train_step(model, sgd(model.parameters()), IMAGES, LABELS)
    assert torch.equal(loss, wanted)
    assert loss.grad_fn is None
    assert not loss.requires_grad


def test_steps_lower_the_loss(model: MLP) -> None:
    """Downhill, not up."""
    optimizer = sgd(model.parameters())
    losses = [train_step(model, optimizer, IMAGES, LABELS).item() for _ in range(20)]
    assert losses[-1] < 0.8 * losses[0]


@pytest.mark.parametrize(("labels", "share"), [([0, 1, 2, 0], 1.0), ([0, 1, 2, 1], 0.75), ([1, 2, 0, 1], 0.0)])
def test_accuracy_is_the_share_of_largest_logits(labels: list[int], share: float) -> None:
    """On a model whose logits are its pixels, the share is known."""
    pixels = torch.tensor([[3.0, 1, 2], [-5, -1, -2], [0, 0, 1], [9, 8, 7]]).reshape(4, 1, 1, 3)
    assert evaluate(nn.Flatten(), pixels, torch.tensor(labels)).item() == share


def test_the_share_is_exact() -> None:
    """In float64: 1/3 is the nearest double, not the nearest float."""
    assert evaluate(nn.Flatten(), torch.eye(3).reshape(3, 1, 1, 3), torch.tensor([0, 0, 0])).item() == 1 / 3


@pytest.mark.parametrize("training", [True, False])
def test_evaluation_runs_in_eval_mode_without_a_tape(training: bool) -> None:
    """The mode before is the mode after."""
    watcher = Watcher().train(training)
    share = evaluate(watcher, torch.zeros(2, 1, 1, 3), torch.tensor([0, 0]))
    assert watcher.seen == [(False, False)]
    assert watcher.training is training
    assert not share.requires_grad


def test_evaluation_changes_nothing(model: MLP) -> None:
    """Neither the state nor any gradient."""
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    evaluate(model, IMAGES, LABELS)
    for name, tensor in model.state_dict().items():
        np.testing.assert_array_equal(tensor, state[name])
    assert all(parameter.grad is None for parameter in model.parameters())


@pytest.mark.parametrize("images", [torch.zeros(5, 12), torch.zeros(5, 3, 4), torch.zeros(4, 1, 3, 4)])
def test_shapes_are_enforced(images: torch.Tensor) -> None:
    """Flattened images, images without a channel, and a row without a label raise, in both functions."""
    pytest.importorskip("beartype")
    from jaxtyping import TypeCheckError

    model = MLP(in_dim=12, hidden=2, n_classes=3)
    with pytest.raises(TypeCheckError):
        train_step(model, sgd(model.parameters()), images, LABELS)
    with pytest.raises(TypeCheckError):
        evaluate(model, images, LABELS)


def test_fit_takes_every_row_once_an_epoch(model: MLP) -> None:
    """Three epochs of two batches and a rest: each mean loss, which falls; the model changes in place."""
    before = copy.deepcopy(model.state_dict())
    torch.manual_seed(0)
    losses = list(fit(model, sgd(model.parameters()), IMAGES, LABELS, epochs=3, batch=2))
    assert len(losses) == 3
    assert losses[-1] < losses[0]
    assert not any(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())


def test_it_runs_alone(capsys: pytest.CaptureFixture[str]) -> None:
    """`python -m torchref.train`: after three epochs most digits are right."""
    main()
    assert float(capsys.readouterr().out.splitlines()[-1].split()[4].rstrip("%")) > 85
