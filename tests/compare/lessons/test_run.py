"""Both sides on identical arrays, and what is said where they differ."""

import re
from dataclasses import replace

import numpy as np
import pytest

from compare.errors import UsageError
from compare.lessons import LESSONS
from compare.lessons import run as running
from compare.lessons.run import run
from compare.verdict.verdict import Verdict

USERS_MODELS = True
LESSON = LESSONS["broadcasting"]


def told(report):
    return {one.name: one for one in report.quantities}


@pytest.fixture
def named(monkeypatch):
    """Have what is judged of a side be what a function makes of what is judged of it."""
    judged_of = running.judged_of

    def set_change(**change):
        def changed(lesson, side):
            gather, make = judged_of(lesson, side), change.get(side, lambda made: made)
            return lambda function, **given: make(gather(function, **given))

        monkeypatch.setattr(running, "judged_of", changed)

    return set_change


def test_both_sides_get_the_same_values(cpu):
    """Bit for bit, in both precisions: each side hands back what it got."""
    seen = {}

    def keep(side):
        def function(table, bias):
            seen.setdefault(side, []).append(np.array(table.tolist()))
            return table, table

        return function

    run(LESSON, cpu, replaced={"reference": keep("reference"), "port": keep("port")})
    for one, other in zip(seen["reference"], seen["port"], strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(*seen["port"])  # rounded once


@pytest.mark.parametrize(
    ("change", "name", "reason"),
    [
        (lambda made: made | {"added": made["added"] * 2}, "added", "the port's is 2 times the reference's"),
        (lambda made: made | {"added": made["added"] * (1 + 1e-6)}, "added", "the port's is 1.000001 times"),
        (lambda made: made | {"added": made["added"].T}, "added", r"shape \(4, 3\) in the reference, \(3, 4\)"),
        (lambda made: made | {"shape": (3, 4)}, "shape", ""),
        (
            lambda made: {name: one for name, one in made.items() if name != "shape"},
            "shape",
            "the port does not return",
        ),
        (lambda made: made | {"more": 1}, "more", "the reference does not return it"),
    ],
)
def test_what_is_wrong_is_named(cpu, named, change, name, reason):
    named(port=change)
    report = run(LESSON, cpu)
    assert report.verdict in (Verdict.MISMATCH, Verdict.INVALID)
    wrong = [one for one in report.quantities if one.verdict not in (None, Verdict.MATCH)]
    assert [one.name for one in wrong] == [name]
    assert re.search(reason, wrong[0].reason)


def test_what_is_said_to_differ_must_differ(cpu):
    """A reason for a difference that is none is a wrong row."""
    lesson = replace(LESSON, differs=LESSON.differs | {"shape": "it does not"})
    one = told(run(lesson, cpu))["shape"]
    assert one.verdict is Verdict.INVALID
    assert one.reason == "the same on both sides, and said not to be: it does not"


def test_a_side_that_raises_is_one_clear_line(cpu):
    def broken(table, bias):
        raise ValueError("no\nluck {of} mine")

    with pytest.raises(
        UsageError, match=r"lesson broadcasting: the port raised ValueError, line \d+: no luck .of. mine"
    ):
        run(LESSON, cpu, replaced={"port": broken})


def test_a_side_that_returns_something_else_is_told_what_to_return(cpu):
    """By the annotation of the lesson's own side."""
    wanted = r"expected the port to return tuple\[Float.*\]; what it returned gave TypeError: cannot unpack"
    with pytest.raises(UsageError, match=wanted):
        run(LESSON, cpu, replaced={"port": lambda table, bias: 3})


def test_a_students_function_is_judged(cpu):
    """What it returns is named, and compared with the other side's."""
    report = run(LESSON, cpu, replaced={"port": lambda table, bias: (2 * (table + bias), table[:3] + bias[:, None])})
    assert [one.name for one in report.quantities if one.verdict is Verdict.MISMATCH] == ["added"]


@pytest.mark.parametrize(
    ("reference", "port", "verdict"),
    [
        (True, np.True_, Verdict.MATCH),
        (True, np.array(True), Verdict.MATCH),
        (3, np.int32(3), Verdict.MATCH),
        ((4, 3), [4, np.int64(3)], Verdict.MATCH),
        ({"a": (1, 2)}, {"a": [1, 2]}, Verdict.MATCH),
        ([np.ones(2)], [np.ones(2)], Verdict.MATCH),
        ([np.ones(2)], [np.zeros(2)], Verdict.MISMATCH),
        (True, False, Verdict.MISMATCH),
        (3, 4, Verdict.MISMATCH),
        ({"a": 1}, {"b": 1}, Verdict.MISMATCH),
        (np.ones(2), [1.0, 1.0], Verdict.INVALID),
        (0.5, "0.5", Verdict.INVALID),
    ],
)
def test_what_counts_as_equal(cpu, named, reference, port, verdict):
    """True may be a JAX array, a shape a list; a list of numbers is no array."""
    named(reference=lambda made: {"it": reference}, port=lambda made: {"it": port})
    (one,) = run(LESSON, cpu).quantities
    assert one.verdict is verdict
    if verdict is Verdict.INVALID:
        assert "in the reference" in one.reason
