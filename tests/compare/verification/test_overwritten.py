"""A buffer that the port lacks counts for nothing where no run reads what it was, and counts where one does."""

import numpy as np
import torch
from jax import numpy as jnp
from torch import nn

from compare import verify

X = np.random.default_rng(0).standard_normal((4, 3), dtype=np.float32)


class Kept(nn.Module):
    """Keeps the mean of what it last saw, or a running one."""

    def __init__(self, running: float) -> None:
        super().__init__()
        self.dense, self.running = nn.Linear(3, 2), running
        self.register_buffer("seen", torch.full((3,), 0.3))

    def forward(self, x):
        self.seen = self.running * self.seen + x.detach().mean(0)
        return self.dense(x)


def port(params, x):
    return x @ params["kernel"] + params["bias"]


def report_of(running):
    parameters = {"kernel": jnp.zeros((3, 2)), "bias": jnp.zeros(2)}
    return verify(Kept(running), (port, parameters), X, device="cpu", quick=True)


def test_what_is_written_before_it_is_read_is_no_gap():
    report = report_of(0.0)
    assert str(report.verdict) == "match"
    assert report.found.coverage.overwritten == ("seen",)
    assert "written before it is read, so that nothing depends on it: seen" in str(report)


def test_what_is_read_is_one():
    report = report_of(0.9)
    assert str(report.verdict) == "incomplete"
    assert report.found.coverage.not_compared == ("buffer seen",)
