"""The reference's perceptron with batch norm and dropout."""

import torch
from torch import nn

from torchref.mlp_regularized import RegularizedMLP


def test_batch_norm_adds_two_parameters_and_two_statistics_a_unit() -> None:
    """101,770 and 2 x 128; dropout has nothing."""
    model = RegularizedMLP()
    assert sum(parameter.numel() for parameter in model.parameters()) == 101_770 + 2 * 128
    assert {name for name, _ in model.named_buffers()} == {
        "net.2.running_mean",
        "net.2.running_var",
        "net.2.num_batches_tracked",
    }


def test_a_new_module_trains_and_eval_reaches_every_layer() -> None:
    """In eval mode two passes agree and the statistics stay."""
    model = RegularizedMLP(in_dim=12, hidden=50, n_classes=3)
    images = torch.arange(72.0).reshape(6, 1, 3, 4) / 72
    assert model.training
    assert not torch.equal(model(images), model(images))
    before = model.eval().get_buffer("net.2.running_mean").clone()
    assert not any(module.training for module in model.modules() if not isinstance(module, nn.Sequential))
    assert torch.equal(model(images), model(images))
    assert torch.equal(before, model.get_buffer("net.2.running_mean"))


def test_the_share_dropped_is_the_rate() -> None:
    """At rate 0 only batch norm tells the modes apart; with neutral statistics it is nearly the identity."""
    assert RegularizedMLP(rate=0.8).net[4].p == 0.8
    model = RegularizedMLP(in_dim=12, hidden=5, n_classes=3, rate=0.0).eval()
    images = torch.rand(6, 1, 3, 4)
    hidden = model.net[1](images.flatten(1)) / (1 + 1e-5) ** 0.5
    torch.testing.assert_close(model(images), model.net[5](hidden.relu()))
