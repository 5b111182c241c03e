"""A side of a lesson that a student wrote: run in the place of the answer, held to the parts of what that returns."""

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Never

import numpy as np

from compare.arrays.arrays import from_jax, from_torch
from compare.errors import swallowed
from compare.frameworks.devices import Device
from compare.lessons.returned_parts import numbers, parts, unlike
from compare.lessons.row import Lesson, nothing
from compare.lessons.run import LessonReport, Returned, SideError, entering_of, function_of, gathered, programs_of, run
from compare.lessons.shown import shown
from compare.lessons.sources import SIDES
from compare.verdict.precision import FLOAT32, FLOAT64, Precision
from compare.verdict.verdict import Judgement, Verdict, judge

Function = Callable[..., object]
Numbers = list[dict[str, np.ndarray]]  # of each call, by place


class AnswerCalledError(Exception):
    """A student's function called the function that it is to be."""


def marked(lesson: Lesson, side: str, written: object, device: Device, seed: int = 0) -> LessonReport:
    """What came out of the lesson with ``written`` in the place of one side's function.

    Args:
        written: what a student's file has under the name of the lesson's function; None where it has nothing.

    Returns:
        The lesson's report. What no quantity says (a part too many, other arguments, the answer itself) is a quantity
        of its own, the first, called like the function, and ``invalid``; and of what the function returns, each array
        that is not the answer's is one of its own, at the end, unless the lesson draws or promises nothing of it.

    Raises:
        UsageError: the function raises, or the other side does not run.
    """
    if not callable(written):
        came = "nothing of that name" if written is None else f"{type(written).__name__}, which cannot be called"
        return _alone(lesson, side, device, f"expected a function {lesson.function}(), found {came}")
    expected, (narrow, wide) = _expected(lesson, side, device, seed)
    held = _Held(written, expected, [function_of(lesson, one) for one in SIDES], _back(side))
    try:
        report = run(lesson, device, seed, {side: held})
    except SideError as error:
        if error.side != side or (held.raised and not held.fault):
            raise
        swallowed(error)
        return _alone(lesson, side, device, held.fault or error.reason, held.returned)
    if held.fault:
        return replace(report, quantities=(_fault(lesson, side, held.fault, held.returned), *report.quantities))
    if lesson.reference is not nothing or lesson.port is not nothing:  # in which order it draws is the student's
        return report
    own = (held.numbers[: len(narrow)], held.numbers[len(narrow) :])
    return replace(report, quantities=(*report.quantities, *_others(lesson, side, own, (narrow, wide))))


def _expected(lesson: Lesson, side: str, device: Device, seed: int) -> tuple[list[object], tuple[Numbers, Numbers]]:
    """What the answer returns at each call, and the arrays in it: in float32, and in float64."""
    answer, entering, back = function_of(lesson, side), entering_of(lesson, seed), _back(side)
    returned: list[object] = []

    def of(precision: Precision) -> Numbers:
        found: Numbers = []

        def kept(*arguments: object, **named: object) -> object:
            returned.append(answer(*arguments, **named))
            found.append(numbers(returned[-1], back))
            return returned[-1]

        gathered(lesson, side, kept, entering, precision, device, seed)
        return found

    with programs_of(lesson):
        return returned, (of(FLOAT32), of(FLOAT64))


def _others(
    lesson: Lesson, side: str, own: tuple[Numbers, Numbers], answers: tuple[Numbers, Numbers]
) -> list[Returned]:
    """The arrays that were returned and are not the answer's: those that no quantity of the lesson need show."""
    found: dict[str, Returned] = {}
    for mine, mine_wide, right, right_wide in zip(*own, *answers, strict=True):
        for place in right:
            if place in lesson.unpromised or place in found:
                continue
            name, told = f"{lesson.function}(){place}", shown(mine[place]) if place in mine else "no number"
            if place in mine and place in mine_wide:
                judgement = judge(right[place], mine[place], right_wide[place], mine_wide[place], FLOAT32)
            else:
                judgement = Judgement(Verdict.INVALID)
            if judgement.verdict is not Verdict.MATCH:
                reason = judgement.reason or f"expected {shown(right[place])}"
                found[place] = Returned(name, *_column(side, told), judgement, reason)
    return list(found.values())


def _column(side: str, told: str) -> tuple[str, str]:
    """What is told of one side, and nothing of the other: in the order of a quantity's texts."""
    return (told, "") if side == "reference" else ("", told)


def _back(side: str) -> Callable[..., np.ndarray]:
    return from_torch if side == "reference" else from_jax


class _Held:
    """A student's function: call by call what it returns is held to what the answer returned.

    Attributes:
        fault: what was wrong first, in one line; empty while nothing was.
        returned: the parts of what it returned then.
        raised: whether it raised. numbers: of each call the arrays that it returned.
    """

    def __init__(
        self, written: Function, expected: list[object], answers: list[Function], back: Callable[..., np.ndarray]
    ) -> None:
        self.written, self.expected, self.answers, self.back = written, expected, answers, back
        self.numbers: Numbers = []
        self.fault = self.returned = ""
        self.raised = False
        inner = inspect.unwrap(written)
        self.__code__ = getattr(inner, "__code__", None)  # by which what it raises is found in its file

    def __call__(self, *arguments: object, **named: object) -> object:
        expected = self.expected[len(self.numbers) % len(self.expected)]
        try:
            self._takes(arguments, named)
            with _withheld(self.answers):
                returned = self.written(*arguments, **named)
        except AnswerCalledError as error:
            self.fault, self.raised = str(error), True
            raise
        except Exception:
            self.raised = True
            raise
        if not self.fault and (fault := unlike(expected, returned)):
            self.fault, self.returned = fault, parts(returned)
        self.numbers.append(numbers(returned, self.back))
        return returned

    def _takes(self, arguments: tuple[object, ...], named: dict[str, object]) -> None:
        """Refuse a function that cannot be called as the lesson calls it."""
        try:
            signature = inspect.signature(self.written)
        except (TypeError, ValueError):  # a callable that does not say what it takes
            return
        try:
            signature.bind(*arguments, **named)
        except TypeError as error:
            self.fault = f"expected a function that takes what the handout's takes, got {signature}: {error}"
            raise


@contextmanager
def _withheld(answers: list[Function]) -> Iterator[None]:
    """While it lasts each of ``answers`` refuses to be called, by whatever name it was imported."""
    inner = [inspect.unwrap(answer) for answer in answers]
    before = [function.__code__ for function in inner]
    for function, answer in zip(inner, answers, strict=True):
        function.__code__ = _refuse.__code__
        getattr(answer, "clear_cache", lambda: None)()  # a jitted one would answer from what it compiled before
    try:
        yield
    finally:
        for function, code in zip(inner, before, strict=True):
            function.__code__ = code


def _refuse(*_: object, **__: object) -> Never:
    import sys  # it runs in the place of a side's function, among that file's names

    here = sys.modules["compare.lessons.written_side"]
    raise here.AnswerCalledError("it calls the answer: the body is to be written, not imported")


def _alone(lesson: Lesson, side: str, device: Device, fault: str, returned: str = "") -> LessonReport:
    """The report of a lesson of which nothing could be judged."""
    return LessonReport(lesson.name, device.name, (_fault(lesson, side, fault, returned),))


def _fault(lesson: Lesson, side: str, fault: str, returned: str) -> Returned:
    return Returned(f"{lesson.function}()", *_column(side, returned), Judgement(Verdict.INVALID), fault)
