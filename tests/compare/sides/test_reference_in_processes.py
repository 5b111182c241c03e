"""The reference's steps in a group of processes, here of one; two are in tests/compare/cli/processes."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import numpy as np
import optax
import pytest
import torch
import torch.distributed as dist
from flax import linen

from compare import Batch, Pair
from compare.errors import UsageError
from compare.frameworks.devices import Device
from compare.frameworks.dropout.masks import draw
from compare.pair.prepare import prepare
from compare.sides.reference import ReferenceSide
from compare.sides.reference_in_processes import ReferenceInProcesses
from compare.verdict.precision import FLOAT64


@pytest.fixture
def group(tmp_path: Path) -> Iterator[None]:
    """Of this process alone."""
    dist.init_process_group("gloo", init_method=f"file://{tmp_path / 'meet'}", rank=0, world_size=1)
    yield
    dist.destroy_process_group()


def square(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    return ((outputs - targets) ** 2).mean()


class Port(linen.Module):
    @linen.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        return linen.Dropout(0.5, deterministic=not train)(linen.Dense(3)(x))


def pair() -> Pair:
    reference = torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.Dropout(0.5))
    return Pair(
        reference, Port(), lambda rng: Batch.of(*rng.standard_normal((2, 4, 3), np.float32)), loss=(square, square),
        optimizers=(lambda p: torch.optim.SGD(p, 0.1, momentum=0.9), optax.sgd(0.1, momentum=0.9)), modes=("train",),
    )  # fmt: skip


def test_a_group_of_one_takes_the_steps_of_a_process_alone(group: None, cpu: Device):
    """Loss, updates and the optimizer's state, to the bit."""
    prepared = prepare(pair(), 0)
    entering = prepared.enter(0, 3)
    one, other = (side(prepared, FLOAT64, cpu.torch).steps(entering) for side in (ReferenceSide, ReferenceInProcesses))
    assert [*one] == [*other]
    for name in one:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)


class Told(torch.nn.Module):
    """Told the mode by an argument, which is not that of an evaluation unless somebody says so."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = torch.nn.Linear(3, 3)

    def forward(self, x: torch.Tensor, train: bool = False) -> torch.Tensor:
        return self.linear(x) * (2 if train else 1)


def test_a_model_is_told_the_mode_through_its_wrapper(group: None, cpu: Device):
    """The signature of what spreads it says nothing of it."""
    prepared = prepare(replace(pair(), reference=Told()), 0)
    entering = prepared.enter(0, 1)
    one, other = (side(prepared, FLOAT64, cpu.torch).steps(entering) for side in (ReferenceSide, ReferenceInProcesses))
    assert [*one] == [*other]
    for name in one:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)


def test_fewer_rows_than_processes_are_refused(group: None, monkeypatch: pytest.MonkeyPatch, cpu: Device):
    """In all of them, before any has run."""
    prepared = prepare(pair(), 0)
    side, entering = ReferenceInProcesses(prepared, FLOAT64, cpu.torch), prepared.enter(0, 1)
    module = side.load(entering, True)
    monkeypatch.setattr(dist, "get_world_size", lambda: 5)
    with pytest.raises(UsageError, match="4 rows in a batch for 5 processes: expected one for each"):
        side.forward(module, entering.batches[0], side.batch(entering.batches[0])[0], True)


def test_a_mask_is_the_whole_batchs(monkeypatch: pytest.MonkeyPatch, cpu: Device):
    """Of which each process takes its own rows, however many entries a row has along the first axis."""
    prepared = prepare(pair(), 0)
    side, entering = ReferenceInProcesses(prepared, FLOAT64, cpu.torch), prepared.enter(0, 1)
    side._batch = entering.batches[0]
    monkeypatch.setattr(dist, "get_world_size", lambda: 2)
    monkeypatch.setattr(dist, "get_rank", lambda: 1)
    np.testing.assert_array_equal(side._drawn(5, 1, (2, 3), 0.5), draw(5, 1, (4, 3), 0.5)[2:])
    np.testing.assert_array_equal(side._drawn(5, 1, (6, 3), 0.5), draw(5, 1, (12, 3), 0.5)[6:])


def test_the_rows_of_a_mask_lie_where_those_of_the_batch_do(monkeypatch: pytest.MonkeyPatch, cpu: Device):
    """Time first, say; where that cannot be told, it is refused."""
    side = ReferenceInProcesses(prepare(pair(), 0), FLOAT64, cpu.torch)
    x = np.zeros((6, 4, 3), np.float32)
    side._batch = Batch.of(x, axes=1)
    monkeypatch.setattr(dist, "get_world_size", lambda: 2)
    monkeypatch.setattr(dist, "get_rank", lambda: 1)
    own = draw(5, 1, (6, 4, 3), 0.5)[:, 2:]
    np.testing.assert_array_equal(side._drawn(5, 1, (6, 2, 3), 0.5), own)
    with pytest.raises(UsageError, match="rows are along axis 1: expected 2 of them there"):
        side._drawn(5, 1, (2, 6, 3), 0.5)
    side._batch = Batch.of((x, x), axes={"input0": 1, "input1": 0})
    with pytest.raises(UsageError, match="along one axis, got axes 0, 1"):
        side._drawn(5, 1, (6, 2, 3), 0.5)


def test_a_pair_without_a_loss_is_refused(cpu: Device):
    """The sum of its outputs is no mean that could be averaged."""
    bare = Pair(torch.nn.Linear(3, 3), linen.Dense(3), lambda rng: rng.standard_normal((4, 3), np.float32))
    with pytest.raises(UsageError, match="expected loss="):
        ReferenceInProcesses(prepare(bare, 0), FLOAT64, cpu.torch)


@pytest.mark.parametrize("given", [slice(1, None, 2), range(1, 4, 2), torch.tensor([1, 3]), np.array([1, 3])])
def test_own_rows_are_the_pairs(given: object, cpu: Device):
    """A slice or numbers, as the user's sampler deals them; a mask's rows are those as well."""
    own = replace(pair(), own_rows=lambda rows: given)
    side = ReferenceInProcesses(prepare(own, 0), FLOAT64, cpu.torch)
    side._batch = side.prepared.enter(0, 1).batches[0]
    assert side.own_rows(4).tolist() == [1, 3]
    np.testing.assert_array_equal(side._drawn(5, 1, (2, 3), 0.5), draw(5, 1, (4, 3), 0.5)[[1, 3]])
    np.testing.assert_array_equal(side._drawn(5, 1, (4, 3), 0.5), draw(5, 1, (8, 3), 0.5)[[2, 3, 6, 7]])


def raising(rows: int) -> object:
    raise RuntimeError("no sampler")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (lambda rows: [rows], r"own_rows= returned \[4\]: expected a slice of the 4 rows, or their numbers"),
        (lambda rows: 2, "own_rows= returned 2: expected a slice"),
        (lambda rows: "all", "own_rows= returned 'all': expected a slice"),
        (lambda rows: None, "own_rows= returned None: expected a slice"),
        (lambda rows: [0.5, 1.5], "own_rows= returned .*: expected a slice"),
        (lambda rows: [[0], [1, 2]], "own_rows= returned .*: expected a slice"),
        (lambda rows: slice("a"), "own_rows= returned .*: expected a slice"),
        (raising, "own_rows= raised RuntimeError: no sampler"),
    ],
)
def test_what_takes_no_rows_is_refused(given: Any, said: str, cpu: Device):
    """With what was expected."""
    side = ReferenceInProcesses(prepare(replace(pair(), own_rows=given), 0), FLOAT64, cpu.torch)
    with pytest.raises(UsageError, match=said):
        side.own_rows(4)


def test_a_spread_that_is_no_model_is_refused(cpu: Device):
    """Such as one that changes it in place and returns nothing."""
    prepared = prepare(replace(pair(), spread=lambda model: None), 0)
    with pytest.raises(UsageError, match="spread= returned None: expected the model, or a wrapper of it"):
        ReferenceInProcesses(prepared, FLOAT64, cpu.torch).load(prepared.enter(0, 1))
