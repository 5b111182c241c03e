"""What is read of torch's schedulers is what they were told."""

import pytest
import torch
from torch.optim import lr_scheduler as torchs

from compare.frameworks.torch_schedulers import Shadow, count_of, inner_of, milestones_of, one_cycle_settings


def _optimizer():
    return torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=0.1, momentum=0.9)


def test_a_sequence_says_its_parts_and_where_they_meet():
    """A chain has a step through its first part alone."""
    optimizer = _optimizer()
    parts = [torchs.ConstantLR(optimizer), torchs.ExponentialLR(optimizer, 0.9)]
    sequence = torchs.SequentialLR(optimizer, parts, [4])
    assert (list(inner_of(sequence)), list(milestones_of(sequence))) == (parts, [4])
    optimizer.step()
    sequence.step()
    assert count_of(sequence) == 1
    assert count_of(torchs.ChainedScheduler(parts)) == count_of(parts[0])


@pytest.mark.parametrize("told", [{"pct_start": 0.25}, {"anneal_strategy": "linear", "three_phase": True}])
def test_a_cycle_says_its_phases(told):
    """By the names of its arguments."""
    made = torchs.OneCycleLR(_optimizer(), 1.0, 40, **told)
    plain = {"pct_start": 0.3, "anneal_strategy": "cos", "three_phase": False}
    assert one_cycle_settings(made) == pytest.approx({**plain, **told})


def test_a_shadow_is_an_optimizer_to_a_scheduler():
    """It is stepped without a warning, on groups alone."""
    optimizer = _optimizer()
    shadow = Shadow([dict(optimizer.param_groups[0])], dict(optimizer.defaults))
    scheduler = torchs.StepLR(optimizer, 1, 0.5)
    scheduler.optimizer = shadow
    scheduler.step()
    assert shadow.param_groups[0]["lr"] == 0.05
