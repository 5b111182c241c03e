"""RMSprop, Adagrad, Adadelta, Adafactor: torch's defaults."""

import pytest
import torch

from torchref.optimizers import adadelta, adafactor, adagrad, rmsprop


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (rmsprop, torch.optim.RMSprop),
        (adagrad, torch.optim.Adagrad),
        (adadelta, torch.optim.Adadelta),
        (adafactor, torch.optim.Adafactor),
    ],
)
def test_the_defaults_are_torchs(make, kind):
    """The same group as torch's own constructor makes."""
    one = [torch.nn.Parameter(torch.ones(2))]
    own, torchs = ({k: v for k, v in o.param_groups[0].items() if k != "params"} for o in (make(one), kind(one)))
    assert own == torchs
