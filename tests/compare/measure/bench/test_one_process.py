"""One process's whole answer, on the small case; the clock's own tests are on a clock that is made up."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from compare.errors import UsageError
from compare.measure.bench import clock, load, one_process
from compare.measure.bench.built_rows import Refused, Setup
from compare.measure.bench.one_process import _changed, measured
from compare.measure.bench.question import Question
from compare.measure.bench.rows import AGAIN, EAGER, JIT, OP_BY_OP
from compare.pair.pairs import find
from compare.verdict.verdict import Verdict

SCAN = "jax.jit, lax.scan"
QUESTION = Question("loose", None, "cpu", threads=1, rounds=3, names=(JIT, SCAN, OP_BY_OP, "CUDA graph"))


@pytest.fixture(scope="module")
def answered():
    """This process has its threads already, and the machine may be busy: neither is asked here."""
    said: list[str] = []
    timed: dict[str, Any] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(one_process, "verify_threads", lambda threads, device: {"torch": 1.0, "jax": 1.0})
        patch.setattr(load, "quiet", lambda patience, progress: "")
        interleaved = clock.interleaved
        patch.setattr(clock, "interleaved", lambda runners, *more: timed.update(runners) or interleaved(runners, *more))
        return measured(find("loose"), QUESTION, said.append), said, timed


def test_every_row_that_was_asked_for_is_judged_and_timed(answered):
    """And torch eager twice, which the others are held against."""
    process, _, _ = answered
    rows = {row.name: row for row in process.rows}
    assert set(rows) == {EAGER, AGAIN, JIT, SCAN, OP_BY_OP, "CUDA graph"}
    for row in rows.values():
        if row.name == "CUDA graph":
            assert (row.verdict, row.wall, "CUDA" in row.reason) == (Verdict.INCOMPLETE, (), True)
            continue
        assert (row.verdict, dict(row.stopped), row.reason) == (Verdict.MATCH, {}, "")
        assert len(row.wall) == len(row.processor) == 3
        assert all(seconds > 0 for seconds in row.wall)
    assert (rows[SCAN].steps_per_call, rows[JIT].steps_per_call) == (8, 1)
    assert rows[OP_BY_OP].explains


def test_every_row_that_was_timed_is_looked_into(answered):
    """What its step is made of, and where its time goes, where somebody tells."""
    process, _, _ = answered
    rows = {row.name: row for row in process.rows}
    products = 2 * 16 * (2 * 20 * 32 + 3 * 32 * 4)
    for name in (EAGER, JIT, SCAN, OP_BY_OP):
        assert rows[name].counts.flops == products
        assert rows[name].counts.recompiles == 0
    assert rows[JIT].counts.kernels > 5
    assert (rows[EAGER].counts.kernels, rows["CUDA graph"].counts, rows[OP_BY_OP].spent) == (None, None, None)
    assert all(rows[name].spent.slowed > 0 for name in (EAGER, JIT, SCAN))


def test_floors_and_fingerprint_stand_beside_them(answered):
    """The step's own products over each library, timed in the same rounds."""
    process, _, _ = answered
    assert set(process.floors) == {"products, torch", "products, jax", "products, numpy", "copy"}
    assert all(len(wall) == len(processor) == 3 for wall, processor in process.floors.values())
    assert (process.pair, process.device, process.batches) == ("loose", "cpu", 16)
    assert process.batch == find("loose").draw(np.random.default_rng(0)).rows
    assert process.environment["device"] == "cpu"


def test_a_block_starts_where_the_row_is_warm(answered):
    """One pass after the start: torch's optimizer has its state, as JAX's always does, and makes none in a block."""
    eager = answered[2][EAGER]
    for _ in range(2):
        eager.restart()
        assert len(eager.problem.optimizer.state) == 4
        eager.call(1)


def test_a_setting_that_a_row_left_changed_is_named():
    """All others would be timed with it."""
    assert _changed({"a": "1", "b": "2"}, {"a": "1", "b": "2"}) == ""
    assert _changed({"a": "1", "torch threads": "1"}, {"a": "1", "torch threads": "2"}) == (
        "a row that was built left torch threads at 2 where it was 1"
    )


def test_it_says_what_it_is_at(answered):
    """Every stage, down to the last round."""
    _, said, _ = answered
    stages = (
        "verifying threads",
        f"{JIT}: building",
        f"{JIT}: gates",
        "floor: copy",
        "finding how many calls fill a block",
    )
    assert [stage for stage in stages if stage not in said] == []


def test_a_later_process_takes_the_length_of_blocks_from_the_first(monkeypatch):
    """And its gates do not look again; what a gate stopped in the first is not built, though it was asked for."""
    monkeypatch.setattr(one_process, "verify_threads", lambda threads, device: {})
    monkeypatch.setattr(load, "quiet", lambda patience, progress: "")
    said: list[str] = []
    stopped = "torch eager, foreach"
    question = replace(QUESTION, names=(JIT, stopped), gated=False, calls={JIT: 3}, without=(stopped,))
    process = measured(find("loose"), question, said.append)
    rows = {row.name: row for row in process.rows}
    assert rows[JIT].calls == 3
    assert stopped not in rows
    assert rows[EAGER].calls > 0
    assert (rows[JIT].counts, rows[JIT].spent) == (None, None)  # the first one's hold
    assert not any("gates" in one for one in said)


def test_without_torch_eager_there_is_nothing_to_hold_rows_against(monkeypatch):
    """It is said why, in one line, before anything is waited for."""
    monkeypatch.setattr(Setup, "build", lambda setup, row: Refused("it is gone"))
    with pytest.raises(UsageError, match="torch eager: it is gone"):
        measured(find("loose"), QUESTION, print)


def test_a_pair_without_optimizers_is_refused():
    """A training step needs one for each side."""
    with pytest.raises(UsageError, match="pair loose: a training step needs optimizers="):
        measured(replace(find("loose"), optimizers=None), QUESTION, print)
