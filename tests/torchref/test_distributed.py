"""What one process of several takes of a batch, and that a group of one trains as a process alone does."""

import pytest
import torch
import torch.distributed as dist

from torchref.distributed import fit, own_rows, spread
from torchref.mlp import MLP
from torchref.optimizers import sgd
from torchref.train import fit as fit_alone


@pytest.mark.parametrize(("rows", "parts"), [(8, [4, 4]), (7, [4, 3]), (5, [2, 2, 1]), (4, [2, 1, 1]), (0, [0, 0])])
def test_every_row_is_one_processs(rows: int, parts: list[int], monkeypatch: pytest.MonkeyPatch):
    """In order, and of none two."""
    monkeypatch.setattr(dist, "get_world_size", lambda: len(parts))
    taken = []
    for process, count in enumerate(parts):
        monkeypatch.setattr(dist, "get_rank", lambda process=process: process)
        own = range(rows)[own_rows(rows)]
        assert len(own) == count
        taken += own
    assert taken == [*range(rows)]


def test_fewer_rows_than_processes_are_refused(monkeypatch: pytest.MonkeyPatch):
    """One would have the loss of none, and it would become all others'."""
    monkeypatch.setattr(dist, "get_world_size", lambda: 3)
    monkeypatch.setattr(dist, "get_rank", lambda: 0)
    with pytest.raises(ValueError, match="2 rows for 3 processes: expected one for each"):
        own_rows(2)


def test_a_group_of_one_is_a_process_alone(tmp_path):
    """To the bit; tests/compare/cli/processes has more of them."""
    images, labels = torch.linspace(-1, 1, 6 * 12).sin().reshape(6, 1, 3, 4), torch.tensor([0, 2, 1, 1, 0, 2])
    losses = []
    dist.init_process_group("gloo", init_method=f"file://{tmp_path / 'meet'}", rank=0, world_size=1)
    try:
        for wrapped, train in ((spread, fit), (lambda model: model, fit_alone)):
            torch.manual_seed(0)
            model = wrapped(MLP(in_dim=12, hidden=6, n_classes=3))
            losses.append([float(loss) for loss in train(model, sgd(model.parameters()), images, labels, 2, 4)])
    finally:
        dist.destroy_process_group()
    assert losses[0] == losses[1]
