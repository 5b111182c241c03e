"""The reference's steps judged one by one, in a group of this process alone; tests/compare/cli/processes has two."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import optax
import pytest
import torch
import torch.distributed as dist
from flax import linen

from compare import Batch, Pair
from compare.frameworks.devices import Device
from compare.measure import reference_steps
from compare.measure.reference_steps import _alone, train_in_processes


def square(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    return ((outputs - targets) ** 2).mean()


@pytest.fixture
def group(tmp_path: Path) -> Iterator[None]:
    """Of this process alone."""
    dist.init_process_group("gloo", init_method=f"file://{tmp_path / 'meet'}", rank=0, world_size=1)
    yield
    dist.destroy_process_group()


def pair(**fields: Any) -> Pair:
    return Pair(
        torch.nn.Linear(3, 3), linen.Dense(3), lambda rng: Batch.of(*rng.standard_normal((2, 4, 3), np.float32)),
        loss=(square, square), optimizers=(lambda p: torch.optim.SGD(p, 0.1), optax.sgd(0.1)), **fields,
    )  # fmt: skip


def test_a_step_that_leaves_one_process_is_the_first_to_be_told(group: None, cpu: Device):
    """Planted: from the second step on a gradient is halved; no way to work in several processes closes that."""

    def halving(gradient: torch.Tensor) -> torch.Tensor:
        return gradient / 2 if len(halved) > 1 else gradient

    halved = list[object]()

    def spread(module: torch.nn.Module) -> torch.nn.Module:
        halved.clear()
        module.weight.register_hook(halving)
        module.register_forward_pre_hook(lambda *given: halved.append(given))
        return module

    sound = train_in_processes(pair(), 0, 3, cpu)
    wrong = train_in_processes(pair(spread=spread), 0, 3, cpu)
    assert (sound.verdict, sound.cause, sound.processes) == ("match", "", 1)
    assert [step.verdict for step in sound.steps] == ["match"] * 3
    assert (wrong.verdict, wrong.cause) == ("mismatch", "")
    assert [step.verdict for step in wrong.steps] == ["match", "mismatch", "mismatch"]
    assert wrong.steps[1].worst == "step2/update/weight"


@pytest.mark.parametrize(("factor", "verdict", "asked"), [(1 + 1e-9, "float32_only", 0), (1.5, "mismatch", 1)])
def test_why_is_asked_of_what_does_not_pass(
    factor: float, verdict: str, asked: int, group: None, cpu: Device, monkeypatch: pytest.MonkeyPatch
):
    """What agrees to float32 passes."""
    calls = list[object]()

    def spread(module: torch.nn.Module) -> torch.nn.Module:
        module.weight.register_hook(lambda gradient: gradient * factor)
        return module

    def named_cause(*given: object) -> str:
        calls.append(given)
        return "why"

    monkeypatch.setattr(reference_steps, "named_cause", named_cause)
    found = train_in_processes(pair(spread=spread), 0, 1, cpu)
    assert (found.verdict, found.cause, len(calls)) == (verdict, "why" * asked, asked)


def test_who_is_alone_belongs_to_no_group(group: None):
    """What gathers where there is a group does not; a collective raises, and hangs nobody; then there is one again."""
    with _alone():
        assert not dist.is_initialized()
        with pytest.raises(ValueError, match="has not been initialized"):
            dist.all_reduce(torch.ones(1))
    assert dist.get_world_size() == 1


def test_one_process_gathers_nothing(group: None, cpu: Device):
    """Planted: a loss that is another one where there is a group is no match, since it is not in one process."""

    def loss(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return square(outputs, targets) * (3 if dist.is_initialized() else 1)

    found = train_in_processes(replace(pair(), loss=(loss, square)), 0, 1, cpu)
    assert (found.verdict, found.steps[0].verdict) == ("mismatch", "mismatch")
