"""A live scheduler run ahead, and brought to where a port stands."""

import pytest
import torch
from torch.optim import lr_scheduler as torchs

from compare.errors import UsageError
from compare.weights.live_scheduler import advance, ahead, check_reach


def _optimizer():
    return torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=0.05, momentum=0.9)


def test_it_is_run_ahead_on_a_copy():
    """What its groups will hold, as far as it goes; it stays where it is."""
    optimizer = _optimizer()
    scheduler = torchs.OneCycleLR(optimizer, 0.1, 5)
    begins = optimizer.param_groups[0]["lr"]
    rows = ahead([scheduler], optimizer, 20)
    assert [len(rows), rows[0][0]["lr"], optimizer.param_groups[0]["lr"]] == [6, begins, begins]
    assert scheduler.last_epoch == 0


def test_an_end_before_the_step_is_refused_and_nothing_moves():
    """Tried on a copy."""
    optimizer = _optimizer()
    scheduler = torchs.OneCycleLR(optimizer, 0.1, 5)
    with pytest.raises(UsageError, match="cannot be stepped on to 9"):
        check_reach(scheduler, optimizer, 9)
    assert scheduler.last_epoch == 0


def test_a_scheduler_does_not_go_back():
    """It says so, rather than stay where it is."""
    optimizer = _optimizer()
    scheduler = torchs.StepLR(optimizer, 1)
    advance(scheduler, 3)
    with pytest.raises(UsageError, match="stands at step 3 and cannot go back to 2"):
        advance(scheduler, 2)
