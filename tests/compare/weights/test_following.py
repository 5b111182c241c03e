"""A scheduler of torch's by functions of the step."""

import torch

from compare.weights.following import Following


def _optimizer():
    return torch.optim.Adam([{"params": [torch.nn.Parameter(torch.ones(1))], "lr": 0.5} for _ in range(2)])


def test_any_setting_follows_a_function():
    """One of a tuple too; a group without functions stays, and what is loaded goes on."""
    optimizer = _optimizer()
    told = {"lr": lambda step: 8.0**-step, "betas[0]": lambda step: 0.5**step, "weight_decay": lambda step: 2.0 * step}
    scheduler = Following(optimizer, [told, {}])
    first, second = optimizer.param_groups
    assert (first["lr"], first["betas"], first["weight_decay"]) == (1.0, (1.0, 0.999), 0.0)
    for _ in range(2):
        optimizer.step()
        scheduler.step()
    assert (first["lr"], first["betas"], first["weight_decay"]) == (1 / 64, (0.25, 0.999), 4.0)
    assert (second["lr"], second["betas"], second["weight_decay"]) == (0.5, (0.9, 0.999), 0.0)
    held = scheduler.state_dict()
    assert (held["last_epoch"], "functions" in held, scheduler.get_last_lr()) == (2, False, [1 / 64, 0.5])
    scheduler.step()
    scheduler.load_state_dict(held)
    scheduler.step()
    assert first["lr"] == 8.0**-3


def test_it_goes_on_from_a_step():
    """As torch's own do: the groups say where they began."""
    optimizer = _optimizer()
    for group in optimizer.param_groups:
        group["initial_lr"] = 0.5
    Following(optimizer, [{"lr": lambda step: step / 10}, {}], last_epoch=2)
    assert [group["lr"] for group in optimizer.param_groups] == [0.3, 0.5]
