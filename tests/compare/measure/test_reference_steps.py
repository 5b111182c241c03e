"""The reference's steps judged one by one, in a group of this process alone; tests/compare/cli/processes has two."""

from contextlib import nullcontext
from pathlib import Path

import numpy as np
import optax
import pytest
import torch
import torch.distributed as dist
from flax import linen

import torchref.distributed
from compare import Batch, Pair
from compare.errors import UsageError
from compare.frameworks.devices import Device
from compare.measure.reference_steps import check_rows, train_in_processes
from compare.pair.pair import Entering


def square(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    return ((outputs - targets) ** 2).mean()


def test_a_step_that_leaves_one_process_is_the_first_to_be_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cpu: Device
):
    """Planted: from the second step on a gradient is halved; no way to work in several processes closes that."""
    made = (lambda p: torch.optim.SGD(p, 0.1), optax.sgd(0.1))
    pair = Pair(
        torch.nn.Linear(3, 3), linen.Dense(3), lambda rng: Batch.of(*rng.standard_normal((2, 4, 3), np.float32)),
        loss=(square, square), optimizers=made,
    )  # fmt: skip

    def halving(gradient: torch.Tensor) -> torch.Tensor:
        return gradient / 2 if len(halved) > 1 else gradient

    halved = list[object]()

    def spread(module: torch.nn.Module) -> torch.nn.Module:
        halved.clear()
        module.weight.register_hook(halving)
        module.register_forward_pre_hook(lambda *given: halved.append(given))
        return module

    dist.init_process_group("gloo", init_method=f"file://{tmp_path / 'meet'}", rank=0, world_size=1)
    try:
        sound = train_in_processes(pair, 0, 3, cpu)
        monkeypatch.setattr(torchref.distributed, "spread", spread)
        wrong = train_in_processes(pair, 0, 3, cpu)
    finally:
        dist.destroy_process_group()
    assert (sound.verdict, sound.cause, sound.processes) == ("match", "", 1)
    assert [step.verdict for step in sound.steps] == ["match"] * 3
    assert (wrong.verdict, wrong.cause) == ("mismatch", "")
    assert [step.verdict for step in wrong.steps] == ["match", "mismatch", "mismatch"]
    assert wrong.steps[1].worst == "step2/update/weight"


@pytest.mark.parametrize(
    ("rows", "processes", "idle"),
    [(1, 2, 1), (5, 4, 3), (9, 6, 5), (8, 2, None), (7, 4, None), (2, 2, None), (0, 2, None)],
)
def test_a_process_without_rows_is_refused(rows: int, processes: int, idle: int | None):
    """Its mean over nothing is NaN, which was told as a loss that is a sum; without any row all run the same."""
    batch = (
        Batch.of(np.zeros((rows, 3), np.float32)) if rows else Batch({"x": np.zeros(3, np.float32)}, axes={"x": None})
    )
    assert batch.rows == rows
    told = pytest.raises(UsageError, match=rf"a batch of {rows} rows? leaves process {idle} of {processes} without any")
    with nullcontext() if idle is None else told:
        check_rows("own", Entering({}, (batch,), 1.0, {}), processes)
