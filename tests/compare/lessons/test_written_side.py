"""A student's side: held to the parts of what the answer returns, and refused the answer itself."""

import functools
import importlib
import re

import jax
import numpy as np
import pytest

from compare.errors import UsageError
from compare.lessons import LESSONS
from compare.lessons.run import function_of
from compare.lessons.written_side import marked
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


@pytest.mark.parametrize(("of_W2", "verdict"), [(lambda zeros: zeros + 1, "mismatch"), (lambda zeros: None, "invalid")])
def test_what_no_quantity_shows_is_held_to_the_answer(cpu, of_W2, verdict):  # as the lesson calls it
    """The lesson judges the gradients of W1 and W3; that of W2 is a part of the answer too."""

    def written(x, W1, W2, W3):
        from jaxport.autograd import head_loss

        grads = jax.grad(head_loss, argnums=(1, 2, 3))(x, W1, W2, W3, cut=True)
        return grads[0], of_W2(grads[1]), grads[2]

    report = marked(LESSONS["detach"], "port", written, cpu)
    wrong = [one for one in report.quantities if one.verdict not in (None, Verdict.MATCH)]
    assert [(one.name, one.verdict, one.reference) for one in wrong] == [("detach()[1]", verdict, "")]
    assert wrong[0].reason.startswith("expected (24, 32) float32: 0, 0, 0")


def test_a_buffer_of_which_nothing_is_promised_is_not_judged(cpu):
    """JAX may share NumPy's memory or not: a student's may hold what was written to it, or what was there before."""

    def written(array):
        copied = jax.numpy.array(array).block_until_ready()
        array[0, 0] = 100.0
        return copied, copied * 3, np.asarray(copied)

    names = [one.name for one in marked(LESSONS["bridge"], "port", written, cpu).quantities]
    assert "bridge()[1]" not in names
