"""Adam and its relatives: what they are told reaches torch's optimizer."""

import pytest
import torch

from torchref.optimizers import adam, adamax, adamw, nadam, radam


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (adam, torch.optim.Adam),
        (adamw, torch.optim.AdamW),
        (adamax, torch.optim.Adamax),
        (nadam, torch.optim.NAdam),
        (radam, torch.optim.RAdam),
    ],
)
def test_the_defaults_are_torchs_and_what_is_told_arrives(make, kind):
    """The same group as torch's own constructor makes, but for what is said."""
    one = [torch.nn.Parameter(torch.ones(2))]
    own, torchs = ({k: v for k, v in o.param_groups[0].items() if k != "params"} for o in (make(one), kind(one)))
    assert own == torchs
    group = make(one, learning_rate=0.5, b1=0.1, b2=0.2, eps=0.3, weight_decay=0.4, maximize=True).param_groups[0]
    keys = ("lr", "betas", "eps", "weight_decay", "maximize")
    assert [group[key] for key in keys] == [0.5, (0.1, 0.2), 0.3, 0.4, True]
