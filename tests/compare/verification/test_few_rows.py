"""Probes and mutants of a large model on few rows: taken where both sides take them, and judged as on all."""

from dataclasses import replace

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
import pytest
import torch

from compare.arrays.batch import Batch
from compare.arrays.probes import BASE, FEW_ROWS
from compare.pair.pair import Entering, Pair
from compare.sides.judging import Judged
from compare.verdict.quantity import Quantity
from compare.verdict.verdict import Judgement, Verdict
from compare.verification import few_rows
from compare.verification.few_rows import are_taken
from compare.verification.probing import Outcome
from compare.verification.verification import Plan, verify

USERS_MODELS = True
PLAN = Plan(locate=False)
ENTERING = Entering({}, (Batch.of(np.zeros((4, 4), np.float32)),), 1.0, {})


@pytest.fixture(autouse=True)
def everything_is_large(monkeypatch):
    """A model of any size counts as a large one."""
    monkeypatch.setattr(few_rows, "LARGE", 1)


class Reference(torch.nn.Module):
    """``rows``: what number of them alone it takes."""

    def __init__(self, rows: int | None = None) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer, self.rows = torch.nn.Linear(4, 3), rows

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = torch.tanh(self.layer(x))
        return h if self.rows is None else h.reshape(self.rows, 3)


class Port(nn.Module):
    wrong: float = 1.0

    @nn.compact
    def __call__(self, x):
        return jnp.tanh(self.wrong * nn.Dense(3, name="layer")(x))


def pair(rows: int = 4, fixed: int | None = None, wrong: float = 1.0) -> Pair:
    x = np.random.default_rng(0).standard_normal((rows, 4), dtype=np.float32)
    return Pair(Reference(fixed), Port(wrong), Batch.of(x))


def rows_on(report) -> dict[str, str]:
    return {quantity.probe: str(quantity.verdict) for quantity in report.quantities}


def test_probes_and_mutants_are_on_the_first_rows(cpu):
    """The pair's own batch is judged whole, everything else on two rows, which can be exchanged; mutants are caught."""
    report = verify(pair(), cpu, plan=PLAN)
    assert report.verdict == "match"
    assert {BASE, FEW_ROWS, "saturated", "equal_rows"} <= set(report.coverage.probes)
    assert report.teeth.toothless == ()
    assert "second row replaced by the first" in report.teeth.mutants
    assert any("on the first 2 of 4 rows" in text for text in report.notices)


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


def outcome(**sizes: float) -> Outcome:
    """One mode's, of quantities of these sizes, rounded at 1e-7 of an ordinary one."""
    judgements = {
        name: Judgement(Verdict.MATCH, scale=size, bits_reference=20.0 if size > 1e-9 else 0.0)
        for name, size in sizes.items()
    }
    quantities = tuple(Quantity(name, "gradient", BASE, one) for name, one in judgements.items())
    return Outcome(BASE, None, ENTERING, quantities, Judged(judgements))


@pytest.mark.parametrize(
    ("few", "taken"),
    [
        (outcome(weight=0.1, bias=0.0), True),
        (outcome(weight=0.0, bias=0.0), False),
        (outcome(weight=1e-17, bias=0.0), False),
        (replace(outcome(weight=0.1), skipped={FEW_ROWS: "does not run"}), False),
        (replace(outcome(weight=0.1), judged=None), False),
    ],
    ids=["as it is", "zero", "zero but for rounding", "skipped", "not judged"],
)
def test_rows_on_which_something_vanishes_are_not_taken(few, taken):
    """A zero agrees with any zero; what is rounding alone on the whole batch may vanish."""
    assert are_taken([few], [outcome(weight=1.0, bias=1e-17)]) is taken


class ReferenceGated(torch.nn.Module):
    """A row's last entry is what its result is multiplied by."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer = torch.nn.Linear(4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x[:, 3:] * self.layer(x)


class Gated(nn.Module):
    @nn.compact
    def __call__(self, x):
        return x[:, 3:] * nn.Dense(3, name="layer")(x)


def test_all_rows_where_few_show_nothing(cpu):
    """As of an expert to whom they are not sent: probes run on all rows, where the gradient is none of zeros."""
    x = np.random.default_rng(0).standard_normal((4, 4), dtype=np.float32)
    x[:2, 3] = 0
    report = verify(Pair(ReferenceGated(), Gated(), Batch.of(x)), cpu, plan=PLAN)
    assert FEW_ROWS not in report.coverage.probes
    assert not any("on the first 2" in text for text in report.notices)
    assert report.verdict == "match"


def test_a_small_model_has_all_rows(cpu, monkeypatch):
    """What compiling anew would cost more than it saves."""
    monkeypatch.setattr(few_rows, "LARGE", 1 << 23)
    assert FEW_ROWS not in verify(pair(), cpu, plan=PLAN).coverage.probes
