"""A question answered in a process of its own, and every way in which it may not be."""

import os
import sys

import pytest

from compare.errors import UsageError
from compare.measure.bench.processes import in_fresh_process
from compare.sides.progress import say_nothing

FRAMEWORKS = ("torch", "jax", "flax")


def whose(question, progress):
    progress("looking")
    progress("looking again")
    return os.getpid(), os.environ.get("JAXPORT_TEST"), question, [name for name in FRAMEWORKS if name in sys.modules]


def refuse(question, progress):
    raise UsageError(f"expected one thing, got {question}")


def fall(question, progress):
    raise ZeroDivisionError("a\nb")


def vanish(question, progress):
    os._exit(3)


def test_it_is_answered_elsewhere(monkeypatch):
    """In another process, with what is set here, without what is imported here, telling what it is at."""
    monkeypatch.setenv("JAXPORT_TEST", "inherited")
    said = []
    process, inherited, question, imported = in_fresh_process(whose, ("a", 1), said.append)
    assert process != os.getpid()
    assert (inherited, question) == ("inherited", ("a", 1))
    assert said == ["looking", "looking again"]
    assert imported == []


@pytest.mark.parametrize(
    ("ask", "line"),
    [
        (refuse, "expected one thing, got another"),
        (fall, "the benchmark raised ZeroDivisionError: a b"),
        (vanish, "a process of the benchmark ended with code 3 and no answer"),
    ],
)
def test_one_line_for_whatever_goes_wrong(ask, line):
    """As it was refused, what was raised, or that it is gone."""
    with pytest.raises(UsageError, match=line):
        in_fresh_process(ask, "another", say_nothing)
