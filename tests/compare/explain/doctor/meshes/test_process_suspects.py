"""What one process would have to do to train as several do: found on runs that are made so."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import optax
import pytest
import torch
from flax import linen

from compare import Batch, Pair
from compare.explain.doctor.meshes.process_suspects import LOSS, named_cause
from compare.explain.doctor.meshes.reference_in_shards import InShards, ReferenceInShards
from compare.frameworks.devices import Device
from compare.pair.pair import Entering
from compare.pair.prepare import prepare
from compare.sides.quartet import Quartet
from compare.sides.side import Result
from compare.verdict.precision import FLOAT32, FLOAT64


def square(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    return ((outputs - targets) ** 2).mean()


@pytest.fixture(scope="module")
def quartet(cpu: Device) -> Quartet:
    pair = Pair(
        torch.nn.Linear(3, 3), linen.Dense(3), lambda rng: Batch.of(*rng.standard_normal((2, 5, 3), np.float32)),
        loss=(square, square), optimizers=(lambda p: torch.optim.SGD(p, 0.1), optax.sgd(0.1)),
    )  # fmt: skip
    return Quartet(prepare(pair, 0), FLOAT32, cpu, cpu)


def made_so(quartet: Quartet, entering: Entering, **how: Any) -> tuple[Result, Result]:
    prepared, device = quartet.prepared, quartet.device.torch
    one, other = (ReferenceInShards(InShards(2, **how), prepared, at, device) for at in (FLOAT32, FLOAT64))
    return one.steps(entering), other.steps(entering)


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"scored_apart": True}, "the mean of the processes' means"),
        ({"every_factor": 2.0}, "each gradient is 2 times that of one process"),
        ({"every_factor": 0.5}, "each gradient is 1/2 of that of one process"),
        ({"every_factor": 3.0}, ""),
    ],
)
def test_the_way_that_closes_all_steps_is_named(quartet: Quartet, how: dict[str, Any], said: str):
    """And none where none does."""
    entering = quartet.prepared.enter(0, 2).at(FLOAT32)
    cause = named_cause(quartet, entering, made_so(quartet, entering, **how), 2)
    assert said in cause
    assert bool(said) == bool(cause)


def test_rows_of_another_process_are_named(quartet: Quartet):
    """Of five rows the first process has three, so it cannot take the two of the second."""
    entering = quartet.prepared.enter(0, 2).at(FLOAT32)
    twice: Callable[[Batch], Batch] = lambda batch: batch.taking(np.array([0, 1, 2, 0, 1]))  # noqa: E731
    run = quartet.run_reference(replace(entering, batches=tuple(map(twice, entering.batches))), "steps")
    assert named_cause(quartet, entering, run, 2).startswith("process 1 takes the rows of process 0")
    assert LOSS == "loss"
