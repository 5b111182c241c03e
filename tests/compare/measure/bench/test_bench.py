"""The benchmark judges before it times, and never times what is another function."""

import pytest

from compare.measure.bench import bench as run
from compare.measure.bench.bench import bench
from compare.measure.bench.variants import AGAIN, EAGER, OP_BY_OP, VARIANTS, TorchRunner
from compare.pair.pairs import find
from compare.verdict.verdict import Verdict


@pytest.fixture(autouse=True)
def without_threads(monkeypatch):
    """This process has its threads already; their own test runs in a process of its own."""
    monkeypatch.setattr(run, "verify_threads", lambda threads, device: {})


@pytest.fixture(scope="module")
def made(cpu):
    """A short benchmark of the small case."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "verify_threads", lambda threads, device: {})
        return bench(find("loose"), cpu, threads=1, rounds=3, compiled=False)


def test_every_variant_is_judged_and_timed(made):
    """All of them match torch eager, and have a time, quartiles and a compile time."""
    assert [row.name for row in made.rows] == [name for name in VARIANTS if name != "torch.compile"]
    for row in made.rows:
        assert row.verdict is Verdict.MATCH
        assert row.median is not None
        assert row.quartiles is not None
        assert 0 < row.quartiles[0] <= row.quartiles[1]


def test_a_ratio_stands_only_between_like_and_like(made):
    """Neither op by op nor the scan over many steps is in one."""
    assert {row.name for row in made.rows if row.against_eager} == {AGAIN, "jax.jit"}
    assert {row.name for row in made.rows if row.break_even is not None} <= {"jax.jit"}
    assert {row.name for row in made.rows if row.against_eager and row.against_eager.word} == {"jax.jit"}


def test_another_function_is_not_timed(cpu, monkeypatch):
    """A variant with a wrong learning rate is a mismatch, has no time, and says why."""

    def faulty(pair, entering, precision, device):
        from dataclasses import replace

        hyper = {**entering.hyper, "learning_rate": 0.1 * (1 + 1e-5)}
        return TorchRunner(pair, replace(entering, hyper=hyper), precision, device)

    monkeypatch.setattr(run, "VARIANTS", {EAGER: TorchRunner, AGAIN: TorchRunner, "faulty": faulty})
    row = bench(find("loose"), cpu, threads=1, rounds=3).rows[-1]
    assert (row.name, row.verdict, row.median, row.against_eager) == ("faulty", Verdict.MISMATCH, None, None)
    assert row.reason == "not timed: another function than torch eager"


def test_a_variant_that_cannot_be_built_says_why(cpu, monkeypatch):
    """No C++ compiler, for one: its own row, and the others are timed."""

    def broken(*given):
        raise RuntimeError("no working C++ compiler\nwas found")

    monkeypatch.setattr(run, "VARIANTS", {EAGER: TorchRunner, AGAIN: TorchRunner, OP_BY_OP: broken})
    rows = bench(find("loose"), cpu, threads=1, rounds=3).rows
    assert rows[0].median is not None
    assert rows[-1].reason == "unavailable, RuntimeError: no working C++ compiler was found"
    assert rows[-1].verdict is Verdict.INCOMPLETE
