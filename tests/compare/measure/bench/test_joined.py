"""What several processes measured, joined: on answers that are made up."""

from dataclasses import replace

import numpy as np
import pytest

from compare.measure.bench.joined import joined
from compare.measure.bench.question import Process, Question, RowTimes
from compare.verdict.verdict import Verdict

RNG = np.random.default_rng(0)
QUESTION = Question("mlp", None, "cpu", threads=1, rounds=10)


def seconds(step: float, noise: float = 0.005) -> tuple[float, ...]:
    return tuple(step * (1 + noise * RNG.standard_normal(10)))


def row(name: str, step: float, first_call: float = 0.0, noise: float = 0.005, **more) -> RowTimes:
    wall = seconds(step, noise)
    timed = {"calls": 20, "first_call": first_call, "wall": wall, "processor": tuple(0.9 * np.array(wall))}
    return RowTimes(name, "torch" if "torch" in name else "jax", Verdict.MATCH, **(timed | more))


def process(first_call: float, again: float = 1e-3, noise: float = 0.005, **more) -> Process:
    rows = (
        row("torch eager", 1e-3, noise=noise),
        row("torch eager, again", again),
        row("jax op by op", 1e-2, explains=True),
        row("jax.jit", 5e-4, first_call, compiles=True),
        row("jax.jit, lax.scan", 4e-4, first_call, steps_per_call=8),
        RowTimes("torch.compile", "torch", Verdict.MATCH, stopped={"work": "work: it does less"}),
        RowTimes("CUDA graph", "torch", Verdict.INCOMPLETE, "there is no GPU"),
    )
    floors = {"products, torch": (seconds(3e-4), seconds(3e-4)), "products, jax": (seconds(2e-4), seconds(2.5e-4)),
              "copy": (seconds(1e-5), seconds(1e-5))}  # fmt: skip
    measured = Process(
        "mlp", "a title", "cpu", 16, 64, {"torch": 1.0, "jax": 1.0}, rows, floors, 2, "", {"device": "cpu"}
    )
    return replace(measured, **more)


@pytest.fixture(scope="module")
def three():
    """The first process compiles in a second; the two after it find what it compiled."""
    return joined([process(1.0), process(0.2), process(0.2)], QUESTION)


def named(bench):
    return {one.name: one for one in bench.rows}


def test_a_row_is_the_median_of_its_processes(three):
    """Wall and processor time, and every sample beside them."""
    jit = named(three)["jax.jit"]
    assert jit.wall.median == pytest.approx(5e-4, rel=0.01)
    assert jit.processor.median == pytest.approx(4.5e-4, rel=0.01)
    assert [len(wall) for wall, _ in jit.samples] == [10, 10, 10]


def test_ratios_stand_between_like_and_like(three):
    """One step a call, and nothing that only explains; the A/A row has no word."""
    rows = named(three)
    assert {name for name, one in rows.items() if one.against_eager} == {"torch eager, again", "jax.jit"}
    assert rows["jax.jit"].against_eager.value == pytest.approx(2.0, rel=0.01)
    assert rows["jax.jit"].against_eager.word == rows["jax.jit"].by_processor.word == "FAST"
    assert rows["torch eager, again"].against_eager.word == ""


def test_compiling_is_cold_once_and_warm_afterwards(three):
    """The first process's caches are empty; break-even is reckoned by that."""
    jit = named(three)["jax.jit"]
    assert jit.compile == pytest.approx(1.0, rel=0.01)
    assert jit.warm == pytest.approx(0.2, rel=0.01)
    assert jit.break_even == pytest.approx(1.0 / 5e-4, rel=0.03)


def test_the_floor_is_the_faster_library(three):
    """By processor time; every row says how far above it is."""
    assert three.floor == "products, jax"
    assert named(three)["jax.jit"].above_floor == pytest.approx(4.5e-4 / 2.5e-4, rel=0.02)
    assert named(three)["jax.jit, lax.scan"].above_floor == pytest.approx(3.6e-4 / 2.5e-4, rel=0.02)


def test_what_was_not_timed_says_why(three):
    """A gate's sentence, or the reason; and no figures."""
    rows = named(three)
    assert rows["torch.compile"].stopped == {"work": "work: it does less"}
    assert rows["CUDA graph"].reason == "there is no GPU"
    assert rows["torch.compile"].wall is rows["CUDA graph"].above_floor is None


@pytest.mark.parametrize(
    ("processes", "why"),
    [
        (
            [process(1.0), process(1.0, disturbed="other work kept 1.0 of 2 processors busy")],
            "other work kept 1.0 of 2",
        ),
        ([process(1.0, again=1.08e-3)] * 2, "torch eager against itself leaves 1 by up to 7"),
    ],
    ids=["disturbed", "noisy"],
)
def test_a_disturbed_machine_publishes_no_ratio(processes, why):
    """The times stand; no ratio does, and it is said why."""
    bench = joined(processes, QUESTION)
    assert bench.unpublished.startswith(why)
    assert [one.name for one in bench.rows if one.against_eager or one.by_processor or one.break_even] == []
    assert named(bench)["jax.jit"].wall is not None


def test_a_forced_row_is_timed_and_in_no_ratio():
    """What a gate stopped has its time, its sentence, and is compared with nothing."""
    one = process(1.0)
    forced = row("unfair", 1e-4, stopped={"work": "work: it does less"})
    bench = joined([replace(one, rows=(*one.rows, forced))], replace(QUESTION, forced=True))
    unfair = named(bench)["unfair"]
    assert (unfair.wall is not None, unfair.against_eager, unfair.break_even) == (True, None, None)
    assert bench.forced


def test_where_torch_eager_is_stopped_its_sentence_is_the_answer():
    """There is nothing to hold the others against; their times stand."""
    one = process(1.0)
    stopped = [
        RowTimes(row.name, "torch", Verdict.MATCH, stopped={"inputs": "inputs: every batch is the same"})
        if row.name.startswith("torch eager")
        else row
        for row in one.rows
    ]
    bench = joined([replace(one, rows=tuple(stopped))], QUESTION)
    assert bench.unpublished == "torch eager itself was not timed: inputs: every batch is the same"
    assert (bench.noise, bench.headlines, named(bench)["jax.jit"].against_eager) == (None, (), None)
    assert named(bench)["jax.jit"].wall is not None


def test_another_function_that_was_forced_is_in_no_ratio():
    """No gate says anything of it; the judge did."""
    one = process(1.0)
    wrong = replace(row("jax, wrong", 1e-5), verdict=Verdict.MISMATCH)
    bench = joined([replace(one, rows=(*one.rows, wrong))], replace(QUESTION, forced=True))
    assert named(bench)["jax, wrong"].against_eager is None
    assert {headline.row for headline in bench.headlines} == {"jax.jit"}


def test_on_a_card_the_floor_is_wall_time():
    """What its processors do meanwhile is waiting."""
    bench = joined([process(1.0, device="gpu")], QUESTION)
    assert bench.floors["products, jax"].median == pytest.approx(2e-4, rel=0.01)
    assert named(bench)["jax.jit"].above_floor == pytest.approx(2.5, rel=0.02)


def test_what_was_stopped_is_not_built_again():
    """A later process has no such row: the first one's sentence stands."""
    one = process(1.0)
    later = replace(one, rows=tuple(row for row in one.rows if row.name != "torch.compile"))
    assert named(joined([one, later], QUESTION))["torch.compile"].stopped == {"work": "work: it does less"}


def test_what_only_explains_is_timed_once():
    """A later process has no such row: its samples are the first one's, and are not repeated as if they were more."""
    first = process(1.0)
    later = replace(first, rows=tuple(row for row in first.rows if not row.explains))
    explains = [row for row in joined([first, later], QUESTION).rows if row.explains]
    assert [len(row.samples) for row in explains] == [1]


def test_what_may_be_quoted_is_of_rows_in_a_ratio(three):
    """The port's row against eager, with a word; nothing where no ratio is published, nor of a row that was forced."""
    assert [(one.row, one.baseline, one.by_wall.word) for one in three.headlines] == [
        ("jax.jit", "torch eager", "FAST"),
        ("jax.jit", "torch eager", "FAST"),
    ]
    assert joined([process(1.0, disturbed="busy")], QUESTION).headlines == ()
    one = process(1.0)
    forced = row("jax, unfair", 1e-5, stopped={"work": "work: it does less"})
    again = joined([replace(one, rows=(*one.rows, forced))], replace(QUESTION, forced=True))
    assert {headline.row for headline in again.headlines} == {"jax.jit"}


def test_what_compiles_nothing_has_no_break_even(three):
    """A first call of eager's is slower for other reasons."""
    eager, jit = (named(three)[name] for name in ("torch eager, again", "jax.jit"))
    assert (eager.compile, eager.warm, eager.break_even) == (None, None, None)
    assert jit.break_even > 0
