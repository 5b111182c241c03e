"""A side of a lesson that a student wrote: run in the place of the answer, held to the parts of what that returns."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Never

from compare.errors import swallowed
from compare.frameworks.devices import Device
from compare.lessons.row import Lesson
from compare.lessons.run import LessonReport, Returned, SideError, entering_of, function_of, gathered, programs_of, run
from compare.lessons.sources import SIDES
from compare.verdict.precision import FLOAT32
from compare.verdict.verdict import Judgement, Verdict

Function = Callable[..., object]


class AnswerCalledError(Exception):
    """A student's function called the function that it is to be."""


def marked(lesson: Lesson, side: str, written: object, device: Device, seed: int = 0) -> LessonReport:
    """What came out of the lesson with ``written`` in the place of one side's function.

    Args:
        written: what a student's file has under the name of the lesson's function; None where it has nothing.

    Returns:
        The lesson's report. What no quantity says (a part too many, other arguments, the answer itself) is a quantity
        of its own, the first, called like the function, and ``invalid``.

    Raises:
        UsageError: the function raises, or the other side does not run.
    """
    if not callable(written):
        came = "nothing of that name" if written is None else f"{type(written).__name__}, which cannot be called"
        return _alone(lesson, side, device, f"expected a function {lesson.function}(), found {came}")
    answer = function_of(lesson, side)
    expected: list[object] = []

    def kept(*arguments: object, **named: object) -> object:
        expected.append(answer(*arguments, **named))
        return expected[-1]

    with programs_of(lesson):
        gathered(lesson, side, kept, entering_of(lesson, seed), FLOAT32, device, seed)
    held = _Held(written, expected, [function_of(lesson, one) for one in SIDES])
    try:
        report = run(lesson, device, seed, {side: held})
    except SideError as error:
        if error.side != side or (held.raised and not held.fault):
            raise
        swallowed(error)
        return _alone(lesson, side, device, held.fault or error.reason, held.returned)
    if not held.fault:
        return report
    return replace(report, quantities=(_fault(lesson, side, held.fault, held.returned), *report.quantities))


def unlike(answer: object, written: object, where: str = "") -> str:
    """In one line, where ``written`` has other parts than ``answer``; empty where both have the same.

    Parts are a dictionary's entries by key, and what a tuple or a list holds by place: either may stand for the other.
    What has no parts is not looked at: quantities are judged of it.
    """
    at = f" at {where}" if where else ""
    if isinstance(answer, Mapping):
        if not isinstance(written, Mapping) or answer.keys() != written.keys():
            return f"expected what it returns to be {parts(answer)}{at}, got {parts(written)}"
        pairs = [(answer[key], written[key], f"[{key!r}]") for key in answer]
    elif isinstance(answer, tuple | list):
        if not isinstance(written, tuple | list) or len(answer) != len(written):
            return f"expected what it returns to be {parts(answer)}{at}, got {parts(written)}"
        pairs = [(one, other, f"[{place}]") for place, (one, other) in enumerate(zip(answer, written, strict=True))]
    else:
        several = isinstance(written, Mapping | tuple | list)
        return f"expected what it returns to be {parts(answer)}{at}, got {parts(written)}" if several else ""
    return next(filter(None, (unlike(one, other, f"{where}{place}") for one, other, place in pairs)), "")


def parts(value: object) -> str:
    """What a value is made of, down to what has no parts: ``(array, {W1, b1})``."""
    if isinstance(value, Mapping):
        return f"{{{', '.join(map(str, value))}}}"
    if isinstance(value, tuple | list):
        return f"({', '.join(map(parts, value))})"
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return "array"
    return "None" if value is None else type(value).__name__


class _Held:
    """A student's function: call by call what it returns is held to what the answer returned.

    Attributes:
        fault: what was wrong first, in one line; empty while nothing was.
        returned: the parts of what it returned then.
        raised: whether it raised.
    """

    def __init__(self, written: Function, expected: list[object], answers: list[Function]) -> None:
        self.written, self.expected, self.answers = written, expected, answers
        self.fault = self.returned = ""
        self.raised = False
        self.calls = 0
        inner = inspect.unwrap(written)
        self.__code__ = getattr(inner, "__code__", None)  # by which what it raises is found in its file

    def __call__(self, *arguments: object, **named: object) -> object:
        expected = self.expected[self.calls % len(self.expected)]  # once more in float64
        self.calls += 1
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
    texts = (returned, "") if side == "reference" else ("", returned)
    return Returned(f"{lesson.function}()", *texts, Judgement(Verdict.INVALID), fault)
