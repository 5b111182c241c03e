"""What one process would have to do to train as several do: found on runs that are made so."""

from dataclasses import replace
from typing import Any

import jax
import numpy as np
import optax
import pytest
import torch
from flax import linen

from compare import Batch, Pair
from compare.explain.doctor.meshes.process_suspects import named_cause, wrong_rows
from compare.explain.doctor.meshes.reference_in_shards import InShards, ReferenceInShards
from compare.frameworks.devices import Device
from compare.pair.pair import Entering
from compare.pair.prepare import prepare
from compare.sides.quartet import Quartet
from compare.sides.side import Result
from compare.verdict.precision import FLOAT32, FLOAT64


def square(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    return ((outputs - targets) ** 2).mean()


class Deviation(torch.nn.Module):
    """How far rows lie apart, in every row."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + x.std(0, unbiased=False).mean()


class Port(linen.Module):
    """Prepared, and never run: a batch norm has leaves of its own there."""

    normalizes: bool

    @linen.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        x = linen.Dense(3)(x)
        return linen.BatchNorm(use_running_average=not train)(x) if self.normalizes else x


def contrastive(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.cross_entropy(outputs @ targets.T, torch.arange(len(outputs)))


def of(cpu: Device, behind: torch.nn.Module, rows: int = 4, loss: Any = square) -> Quartet:
    norm = isinstance(behind, torch.nn.BatchNorm1d)
    pair = Pair(
        torch.nn.Sequential(torch.nn.Linear(3, 3), behind), Port(norm), modes=("train",), loss=(loss, loss),
        batch=lambda rng: Batch.of(*rng.standard_normal((2, rows, 3), np.float32)),
        optimizers=(lambda p: torch.optim.SGD(p, 0.1), optax.sgd(0.1)),
    )  # fmt: skip
    return Quartet(prepare(pair, 0), FLOAT32, cpu, cpu)


def made_so(quartet: Quartet, entering: Entering, **how: Any) -> tuple[Result, Result]:
    prepared, device = quartet.prepared, quartet.device.torch
    one, other = (ReferenceInShards(InShards(2, **how), prepared, at, device) for at in (FLOAT32, FLOAT64))
    return one.steps(entering), other.steps(entering)


def rows_of(*own: list[int]) -> list[list[np.ndarray]]:
    return [[np.array(rows, np.int64) for rows in own]] * 2


def cause_of(quartet: Quartet, own: list[list[np.ndarray]], **how: Any) -> str:
    entering = quartet.prepared.enter(0, 2).at(FLOAT32)
    return named_cause(quartet, entering, made_so(quartet, entering, **how), own)


APART, SCORED = {"apart": True}, {"scored_apart": True}
NORM, NOTHING, DROPOUT = torch.nn.BatchNorm1d(3), torch.nn.Identity(), torch.nn.Dropout(0.5)
HALVES, OF_FIVE = rows_of([0, 1], [2, 3]), rows_of([0, 1, 2], [3, 4])
UNEVEN = "2 does not divide 5 rows, or some rows count for nothing in it, or rows are scored against each other"


@pytest.mark.parametrize(
    ("behind", "how", "said"),
    [
        (NOTHING, {"every_factor": 2.0}, ["each gradient is 2 times that of one process"]),
        (NOTHING, {"every_factor": 0.5}, ["each gradient is 1/2 of that of one process"]),
        (NOTHING, {"every_factor": 3.0}, []),
        (DROPOUT, {"every_factor": 2.0}, ["each gradient is 2 times that of one process"]),
        (DROPOUT, {"one_mask": True}, []),
        (NORM, APART, ["batch norm's statistics are those of each process's 2 rows alone", "convert_sync_batchnorm"]),
        (Deviation(), APART, ["what rows have in common is that of each process's 2 rows alone", "all_gather"]),
    ],
)
def test_the_way_that_closes_all_steps_is_named(
    behind: torch.nn.Module, how: dict[str, Any], said: list[str], cpu: Device
):
    """And none where none does. A batch norm is blamed where there is one alone."""
    cause = cause_of(of(cpu, behind), HALVES, **how)
    assert all(words in cause for words in said), cause
    assert bool(said) == bool(cause)
    assert ("batch norm" in cause) == (behind is NORM)


@pytest.mark.parametrize(
    ("behind", "rows", "loss", "how", "said", "never"),
    [
        (NOTHING, 4, contrastive, SCORED, "rows are scored against each other", "divide 4"),
        (NOTHING, 5, square, SCORED, UNEVEN, "batch norm"),
        (NORM, 5, square, APART | SCORED, f"of each process's rows (at most 3), since {UNEVEN}", "what rows have"),
    ],
)
def test_a_loss_that_is_no_mean_of_the_processes_losses(
    behind: torch.nn.Module, rows: int, loss: Any, how: dict[str, Any], said: str, never: str, cpu: Device
):
    """Whether rows divide is claimed where it is so alone; with a batch norm in front, both are said."""
    cause = cause_of(of(cpu, behind, rows, loss), HALVES if rows == 4 else OF_FIVE, **how)
    assert said in cause
    assert never not in cause
    assert ("batch norm" in cause) == (behind is NORM)


def test_a_sampler_may_deal_rows_in_turns(cpu: Device):
    """What each process has is taken from its own rows, wherever they lie."""
    quartet, own = of(cpu, NORM), rows_of([0, 2], [1, 3])
    entering = quartet.prepared.enter(0, 2).at(FLOAT32)
    dealt = replace(entering, batches=[batch.taking(np.array([0, 2, 1, 3])) for batch in entering.batches])
    assert "batch norm" in named_cause(quartet, entering, made_so(quartet, dealt, **APART), own)
    assert not named_cause(quartet, entering, made_so(quartet, dealt, **APART), HALVES)


@pytest.mark.parametrize(
    ("own", "said"),
    [
        (([0, 1], [2, 3]), ""),
        (([0, 2], [1, 3]), ""),
        (([0, 1], [0, 1]), "processes 0 and 1 both take rows 0 to 1 of 4, and no process takes rows 2 to 3 of 4: "),
        (([0, 1], [3, 0]), "processes 0 and 1 both take row 0 of 4, and no process takes row 2 of 4: "),
        (([0, 1], [2]), "no process takes row 3 of 4: "),
        (([1, 1], [2, 3]), "process 0 takes twice row 1 of 4, and no process takes row 0 of 4: "),
        (([0], []), "no process takes rows 1 to 3 of 4: "),
    ],
)
def test_rows_that_are_not_one_process_s_are_read_off(own: tuple[list[int], ...], said: str):
    """Of several, or of none."""
    assert wrong_rows(4, rows_of(*own)[0]).startswith(said)
    assert bool(wrong_rows(4, rows_of(*own)[0])) == bool(said)


def test_many_rows_are_named_by_the_first():
    """Where they do not lie one behind the other."""
    assert "no process takes rows 1, 3, 5 and 1 more of 8" in wrong_rows(8, rows_of([0, 2], [4, 6])[0])
