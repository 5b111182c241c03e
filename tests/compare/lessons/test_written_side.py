"""A student's side: held to the parts of what the answer returns, and refused the answer itself."""

import functools
import importlib
import re

import jax
import pytest

from compare.errors import UsageError
from compare.lessons import LESSONS
from compare.lessons.run import function_of
from compare.lessons.written_side import marked, unlike
from compare.verdict.verdict import Verdict

USERS_MODELS = True
LESSON = LESSONS["broadcasting"]


def answer(table, bias):
    return function_of(LESSON, "port")(table, bias)


def by_module(table, bias):
    return importlib.import_module("jaxport.tensors").broadcasting(table, bias)


def answer_written(table, bias):
    return table + bias, table[: len(bias)] + bias[:, None]


def one_more(table, bias):
    return *answer_written(table, bias), table


def with_a_list(table, bias):
    return list(answer_written(table, bias))


def of_none(table, bias):
    return None


def nothing_in_it(table, bias):
    return None, None


def with_an_entry_more(params, x, y):
    from jaxport.autograd import loose_mlp
    from jaxport.losses import cross_entropy

    derived = jax.grad(lambda params: cross_entropy(loose_mlp(params, x), y))(params)
    return derived | {"more": x}, derived


def first_fault(report):
    first = report.quantities[0]
    return first.reason if first.name == "broadcasting()" else ""


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (answer, "calls the answer"),
        (by_module, "calls the answer"),
        (function_of(LESSON, "port"), "calls the answer"),
        (functools.partial(function_of(LESSON, "port")), "calls the answer"),
        (one_more, r"expected what it returns to be \(array, array\), got \(array, array, array\)"),
        (of_none, r"expected what it returns to be \(array, array\), got None"),
        (nothing_in_it, "what it returned gave"),
        (lambda table: table, "takes what the handout's takes, got .table.: too many positional arguments"),
        (None, r"expected a function broadcasting\(\), found nothing of that name"),
        (3, "found int, which cannot be called"),
    ],
)
def test_what_cannot_be_the_answer_is_judged_wrong(cpu, written, said):
    """No error: a verdict, with one clear line as its first quantity."""
    report = marked(LESSON, "port", written, cpu)
    assert report.verdict is Verdict.INVALID
    assert re.search(said, first_fault(report))


@pytest.mark.parametrize("written", [answer_written, with_a_list, jax.jit(answer_written)])
def test_a_right_answer_is_right_in_any_dress(cpu, written):
    """A list for a tuple, compiled or not; and the answer itself is as it was afterwards."""
    assert marked(LESSON, "port", written, cpu).verdict is Verdict.MATCH
    assert len(answer(jax.numpy.ones((4, 3)), jax.numpy.ones(3))) == 2


def test_a_part_too_many_leaves_the_rest_judged(cpu):
    """What the lesson names comes after it."""
    report = marked(LESSONS["by_hand"], "port", with_an_entry_more, cpu)
    assert [one.name for one in report.quantities if one.verdict is not Verdict.MATCH] == ["by_hand()"]
    assert "to be {W1, b1, W2, b2} at [0], got {W1, W2, b1, b2, more}" in report.quantities[0].reason
    assert len(report.quantities) > 5


def test_a_function_that_raises_is_no_answer(cpu):
    """It could not be run: the line is said, and nothing is judged."""

    def broken(table, bias):
        raise NotImplementedError("write this body")

    with pytest.raises(UsageError, match=r"the port raised NotImplementedError, line \d+: write this body"):
        marked(LESSON, "port", broken, cpu)


def test_the_other_side_is_not_the_students_fault(cpu, monkeypatch):
    """Where the reference does not run, nothing is said of what was written."""

    def broken(table, bias):
        raise RuntimeError("no torch today")

    monkeypatch.setattr("torchref.tensors.broadcasting", broken)
    with pytest.raises(UsageError, match="the reference raised RuntimeError"):
        marked(LESSON, "port", answer_written, cpu)


@pytest.mark.parametrize(
    ("answer", "written", "said"),
    [
        ((1, {"a": 2}), [1, {"a": 3}], ""),
        ((1, {"a": 2}), (1, {"a": 2, "b": 3}), "be {a} at [1], got {a, b}"),
        ({"a": (1, 2)}, {"a": (1,)}, "be (int, int) at ['a'], got (int)"),
        ({"a": 1}, (1,), "be {a}, got (int)"),
        ((1, 2), (1, (2, 3)), "be int at [1], got (int, int)"),
        ((1, None), (1, 2.0), ""),
    ],
)
def test_parts_are_compared_down_to_what_has_none(answer, written, said):
    told = unlike(answer, written)
    assert told.endswith(said)
    assert bool(told) == bool(said)
