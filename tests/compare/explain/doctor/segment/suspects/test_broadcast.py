"""A column that meets a row of numbers."""

import jax.numpy as jnp
import pytest
from torch import nn
from torch.nn import functional as F

from tests.compare.explain.doctor.scenes import drawn, holds, moved, scene_of, sound

X, Y = drawn(6, 3), drawn(6, 1, seed=3)


class Column(nn.Module):
    """Residuals of a column, squared."""

    def __init__(self, loss):
        super().__init__()
        self.out, self.loss = nn.Linear(3, 1), loss

    def forward(self, x, y):
        return self.loss(self.out(x), y)


def column(join, turned=()):
    def port(p, x, y):
        out = x @ p["out.weight"].T + p["out.bias"]
        return join(out[:, 0] if 0 in turned else out, y[:, 0] if 1 in turned else y)

    return port


LOSSES = {
    "a difference": (lambda a, b: ((a - b) ** 2).mean(), lambda a, b: ((a - b) ** 2).mean()),
    "a sum": (lambda a, b: ((4 * a + b) ** 2).mean(), lambda a, b: ((4 * a + b) ** 2).mean()),
    "mse_loss": (F.mse_loss, lambda a, b: ((a - b) ** 2).mean()),
    "l1_loss": (F.l1_loss, lambda a, b: jnp.abs(a - b).mean()),
}


@pytest.mark.parametrize(("own", "port"), LOSSES.values(), ids=LOSSES)
@pytest.mark.parametrize("turned", [0, 1])
def test_every_row_meets_every_other(own, port, turned):
    """(N,) against (N, 1) is (N, N), and its mean a number like any other."""
    module = moved(Column(own))
    sound(scene_of(module, [X, Y], column(port)))
    holds(scene_of(module, [X, Y], column(port, {turned})), "broadcast", "(6,)")
