"""Features of training in torch: the perceptron in low precision, the walk."""

import pytest
import torch

from torchref.features import LowMLP, early_stopping, walk
from torchref.optimizers import sgd, step_lr


@pytest.mark.parametrize("low", [torch.bfloat16, torch.float16])
def test_only_the_layers_are_low(low):
    """Weights, logits and gradients are float32; in float64 nothing is lowered."""
    model, inside = LowMLP(6, 5, 3, low), []
    model.net[1].register_forward_hook(lambda layer, inputs, output: inside.append(output.dtype))
    logits = model(torch.ones(2, 6))
    logits.sum().backward()
    assert (inside, logits.dtype, model.net[1].weight.grad.dtype) == ([low], torch.float32, torch.float32)
    assert model.double()(torch.ones(2, 6, dtype=torch.float64)).dtype == torch.float64
    assert inside[1] == torch.float64


def test_a_walk_goes_to_its_minimum():
    """Which is 1; the rates are those of its steps."""
    w, rates = walk(torch.zeros(2), lambda p: sgd(p, 0.5, 0.0), lambda o: step_lr(o, 10))
    assert w.tolist() == pytest.approx([1, 1], abs=1e-2)
    assert (len(rates), rates[9], rates[10]) == (30, 0.5, pytest.approx(0.05))


def test_the_best_epoch_is_kept():
    """Not the last, and not what the dictionary without a copy has come to."""
    torch.manual_seed(0)
    x, held_out = torch.randn(6, 8), torch.randn(20, 8)
    losses, best, kept, last = early_stopping(x, torch.randn(6), held_out, torch.randn(20))
    assert losses.argmin() + 1 == len(losses) - 3
    assert torch.equal(kept, last)
    assert not torch.equal(best, last)
