"""The reference's steps judged one by one, in a group of this process alone; tests/compare/cli/processes has two."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import optax
import pytest
import torch
import torch.distributed as dist
from flax import linen

from compare import Batch, Pair
from compare.frameworks.devices import Device
from compare.measure.reference_steps import _alone, train_in_processes


def square(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    return ((outputs - targets) ** 2).mean()


def test_a_step_that_leaves_one_process_is_the_first_to_be_told(tmp_path: Path, cpu: Device):
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
        wrong = train_in_processes(replace(pair, spread=spread), 0, 3, cpu)
    finally:
        dist.destroy_process_group()
    assert (sound.verdict, sound.cause, sound.processes) == ("match", "", 1)
    assert [step.verdict for step in sound.steps] == ["match"] * 3
    assert (wrong.verdict, wrong.cause) == ("mismatch", "")
    assert [step.verdict for step in wrong.steps] == ["match", "mismatch", "mismatch"]
    assert wrong.steps[1].worst == "step2/update/weight"


def test_who_is_alone_belongs_to_no_group(tmp_path: Path):
    """What gathers where there is a group does not; a collective raises, and hangs nobody; then there is one again."""
    dist.init_process_group("gloo", init_method=f"file://{tmp_path / 'meet'}", rank=0, world_size=1)
    try:
        with _alone():
            assert not dist.is_initialized()
            with pytest.raises(ValueError, match="has not been initialized"):
                dist.all_reduce(torch.ones(1))
        assert dist.get_world_size() == 1
    finally:
        dist.destroy_process_group()
