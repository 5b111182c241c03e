"""Probes and mutants of a large model on few rows: taken where both sides take them, and judged as on all."""

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
import pytest
import torch

from compare.arrays.batch import Batch
from compare.arrays.probes import BASE, FEW_ROWS
from compare.pair.pair import Pair
from compare.verification import few_rows
from compare.verification.verification import Plan, verify

USERS_MODELS = True
PLAN = Plan(locate=False)


@pytest.fixture(autouse=True)
def everything_is_large(monkeypatch):
    """A model of any size counts as a large one."""
    monkeypatch.setattr(few_rows, "LARGE", 1)


class Reference(torch.nn.Module):
    """``rows``: what number of them alone it takes; ``several``: it refuses one."""

    def __init__(self, rows: int | None = None, several: bool = False) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer, self.rows, self.several = torch.nn.Linear(4, 3), rows, several

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.several and len(x) == 1:
            raise ValueError("Expected more than 1 value per channel")
        h = torch.tanh(self.layer(x))
        return h if self.rows is None else h.reshape(self.rows, 3)


class Port(nn.Module):
    wrong: float = 1.0

    @nn.compact
    def __call__(self, x):
        return jnp.tanh(self.wrong * nn.Dense(3, name="layer")(x))


def pair(rows: int = 4, fixed: int | None = None, wrong: float = 1.0, several: bool = False) -> Pair:
    x = np.random.default_rng(0).standard_normal((rows, 4), dtype=np.float32)
    return Pair(Reference(fixed, several), Port(wrong), Batch.of(x))


def rows_on(report) -> dict[str, str]:
    return {quantity.probe: str(quantity.verdict) for quantity in report.quantities}


def test_probes_and_mutants_are_on_the_first_rows(cpu):
    """The pair's own batch is judged whole, everything else on one row; mutants are caught all the same."""
    report = verify(pair(), cpu, plan=PLAN)
    assert report.verdict == "match"
    assert {BASE, FEW_ROWS, "saturated"} <= set(report.coverage.probes)
    assert report.teeth.toothless == ()
    assert "second row replaced by the first" not in report.teeth.mutants  # there is none
    assert any("on the first of 4 rows" in text for text in report.notices)


def test_a_fault_is_one_on_few_rows_too(cpu):
    """Every probe shows it."""
    report = verify(pair(wrong=1 + 1e-6), cpu, plan=PLAN)
    assert rows_on(report)[FEW_ROWS] == rows_on(report)[BASE] == "mismatch"


@pytest.mark.parametrize(("rows", "fixed"), [(1, None), (4, 4)], ids=["few as it is", "takes no other number"])
def test_all_rows_where_few_do_not_do(cpu, rows, fixed):
    """A batch that is small, and a model for one number of rows: probes run on all of it, and nothing is skipped."""
    report = verify(pair(rows, fixed), cpu, plan=PLAN)
    assert FEW_ROWS not in report.coverage.probes
    assert "saturated" in report.coverage.probes
    assert not report.coverage.skipped
    assert report.verdict == "match"


def test_two_rows_where_one_is_refused(cpu):
    """As batch statistics refuse one."""
    report = verify(pair(several=True), cpu, plan=PLAN)
    assert {FEW_ROWS, "equal_rows"} <= set(report.coverage.probes)
    assert any("on the first 2 of 4 rows" in text for text in report.notices)


def test_a_small_model_has_all_rows(cpu, monkeypatch):
    """What compiling anew would cost more than it saves."""
    monkeypatch.setattr(few_rows, "LARGE", 1 << 23)
    assert FEW_ROWS not in verify(pair(), cpu, plan=PLAN).coverage.probes
