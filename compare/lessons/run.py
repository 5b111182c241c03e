"""Run both sides of a lesson on identical arrays, and judge what comes out of them."""

import ast
import importlib
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from compare.arrays.arrays import Arrays, freeze, from_jax, from_torch, rounded, to_jax, to_torch
from compare.errors import UsageError, swallowed
from compare.explain.doctor.segment.observed import between
from compare.frameworks.devices import Device
from compare.frameworks.one_thread import one_thread
from compare.frameworks.quick_programs import quick_programs
from compare.lessons.row import Lesson, Quantities
from compare.lessons.shown import shown
from compare.lessons.sources import SIDES, source
from compare.verdict.precision import FLOAT32, FLOAT64, Precision
from compare.verdict.verdict import Judgement, Verdict, judge, worst

if TYPE_CHECKING:
    import jax
    import torch

ARRAYS = (np.ndarray, np.generic)
WHOLE = ("remat",)  # files whose lessons look at what XLA makes of a program
JUDGED = {"reference": "torch", "port": "jax"}


class SideError(UsageError):
    """A side of a lesson did not go through.

    Attributes:
        side: which; reason: why, in one line without the lesson's name.
    """

    def __init__(self, lesson: str, side: str, reason: str) -> None:
        super().__init__(f"lesson {lesson}: {reason}")
        self.side, self.reason = side, reason


@dataclass(frozen=True)
class Returned:
    """One quantity of a lesson: as each side printed it, and the judgement.

    ``judgement`` is None where the two sides are not meant to agree; ``reason`` then says why, and otherwise what is
    wrong. A side that lacks the quantity shows nothing.
    """

    name: str
    reference: str
    port: str
    judgement: Judgement | None
    reason: str = ""

    @property
    def verdict(self) -> Verdict | None:
        return self.judgement.verdict if self.judgement else None


@dataclass(frozen=True)
class LessonReport:
    """What came out of both sides of a lesson, in the order in which it is named.

    ``entered``: the arrays that both were fed; ``reference``, ``port``: each side's quantities as they came out of the
    run in float32, for who wants to draw them.
    """

    lesson: str
    device: str
    quantities: tuple[Returned, ...]
    entered: Arrays = field(default_factory=dict, repr=False)
    reference: Quantities = field(default_factory=dict, repr=False)
    port: Quantities = field(default_factory=dict, repr=False)

    @property
    def verdict(self) -> Verdict:
        return worst([quantity.verdict for quantity in self.quantities if quantity.verdict is not None])


def run(
    lesson: Lesson, device: Device, seed: int = 0, replaced: Mapping[str, Callable[..., object]] | None = None
) -> LessonReport:
    """Both sides of ``lesson`` in float32 and in float64, from the same values.

    Args:
        replaced: another function in the place of the side ``reference`` or ``port``: a student's.

    Raises:
        SideError: a side raises, or returns something else than its lesson asks for.
    """
    functions = {side: function_of(lesson, side) for side in SIDES} | dict(replaced or {})
    entering = entering_of(lesson, seed)
    with programs_of(lesson):
        runs = {
            (side, precision): _run(lesson, side, functions[side], entering, precision, device, seed)
            for side in SIDES
            for precision in (FLOAT32, FLOAT64)
        }
    t, j, t64, j64 = (runs[side, precision] for precision in (FLOAT32, FLOAT64) for side in SIDES)
    names = dict.fromkeys([*t, *j])
    compared = tuple(_compared(lesson, name, t, j, t64, j64) for name in names)
    return LessonReport(lesson.name, device.name, compared, entering, t, j)


@contextmanager
def programs_of(lesson: Lesson) -> Iterator[None]:
    """Within which a lesson runs: on small arrays, most programs once; a few look at what is made of a program."""
    with one_thread(), nullcontext() if lesson.file in WHOLE else quick_programs():
        yield


def entering_of(lesson: Lesson, seed: int) -> Arrays:
    """The arrays that both sides are fed, rounded to float32."""
    drawn = {name: freeze(array) for name, array in lesson.arrays(np.random.default_rng(seed)).items()}
    return {name: rounded(array, FLOAT32) for name, array in drawn.items()}


def function_of(lesson: Lesson, side: str) -> Callable[..., object]:
    """The function of one side, by name."""
    return getattr(importlib.import_module(f"{SIDES[side]}.{lesson.file}"), lesson.function)


def judged_of(lesson: Lesson, side: str) -> Callable[..., Quantities]:
    """What calls that function, and names what is judged of it."""
    return getattr(importlib.import_module(f"compare.lessons.judged.{lesson.file}_{JUDGED[side]}"), lesson.function)


def _run(
    lesson: Lesson, side: str, function: Callable, entering: Arrays, precision: Precision, device: Device, seed: int
) -> Quantities:
    back = from_torch if side == "reference" else from_jax
    try:
        returned = gathered(lesson, side, function, entering, precision, device, seed)
        return {name: _plain(value, back) for name, value in returned.items()}
    except Exception as error:
        swallowed(error)
        raise SideError(lesson.name, side, _what_went_wrong(error, lesson, side, function)) from error


def gathered(
    lesson: Lesson, side: str, function: Callable, entering: Arrays, precision: Precision, device: Device, seed: int
) -> Quantities:
    """What is judged of one side, as its framework's arrays; what it raises goes through."""
    bring = _torch if side == "reference" else _jax
    bound = lesson.reference(seed) if side == "reference" else lesson.port(seed)
    with _precise(side, precision, device):
        arrays = {name: bring(array, precision, device) for name, array in entering.items()}
        return judged_of(lesson, side)(function, **arrays, **bound)


def _what_went_wrong(error: Exception, lesson: Lesson, side: str, function: Callable) -> str:
    """In one line: what the function raised, with the line of its own file; or that it returned something else."""
    kind, told = type(error).__name__, " ".join(str(error).split())
    own = getattr(getattr(function, "__code__", None), "co_filename", None)
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == own]
    if lines:
        return f"the {side} raised {kind}, line {lines[-1]}: {told}"
    (node,) = ast.parse(source(SIDES[side], lesson.file, lesson.function).text).body
    wanted = ast.unparse(node.returns) if isinstance(node, ast.FunctionDef) and node.returns else "something"
    return f"expected the {side} to return {wanted}; what it returned gave {kind}: {told}"


def _torch(array: np.ndarray, precision: Precision, device: Device) -> "torch.Tensor":
    return to_torch(array, precision, device.torch)


def _jax(array: np.ndarray, precision: Precision, device: Device) -> "jax.Array":
    return to_jax(array, precision, device.jax)


@contextmanager
def _precise(side: str, precision: Precision, device: Device) -> Iterator[None]:
    """What a side makes for itself: float64 in torch by its default dtype, in JAX only under x64."""
    if side == "reference":
        import torch

        before = torch.get_default_dtype()
        torch.set_default_dtype(getattr(torch, precision.name))
        try:
            yield
        finally:
            torch.set_default_dtype(before)
        return
    import jax

    # A reader's JAX is as it comes: with its standard promotion.
    standard = jax.numpy_dtype_promotion("standard")
    with jax.enable_x64(precision is FLOAT64), jax.default_device(device.jax), standard:
        yield


def _plain(value: object, back: Callable[..., np.ndarray]) -> object:
    """Arrays and floats in NumPy, a single whole number or truth value as Python's own; the rest as it is."""
    if isinstance(value, list | tuple):
        return type(value)(_plain(item, back) for item in value) if type(value) in (list, tuple) else value
    if isinstance(value, dict):
        return {name: _plain(item, back) for name, item in value.items()}
    if isinstance(value, float):
        return np.float64(value)
    if isinstance(value, np.ndarray | np.generic):
        array = np.asarray(value)
    elif hasattr(value, "shape") and hasattr(value, "dtype"):
        array = np.asarray(back(value))
    else:
        return value
    return array.item() if array.ndim == 0 and array.dtype.kind in "biu" else array


def _compared(lesson: Lesson, name: str, t: Quantities, j: Quantities, t64: Quantities, j64: Quantities) -> Returned:
    text_left, text_right = (shown(run[name]) if name in run else "" for run in (t, j))
    if name in lesson.differs:
        reason = lesson.differs[name]
        if name in t and name in j and _alike(t[name], j[name]):
            text = f"the same on both sides, and said not to be: {reason}"
            return Returned(name, text_left, text_right, Judgement(Verdict.INVALID), text)
        return Returned(name, text_left, text_right, None, reason)
    if missing := [owner for owner, run in (("reference", t), ("port", j)) if name not in run]:
        return Returned(name, text_left, text_right, Judgement(Verdict.INVALID), f"the {missing[0]} does not return it")
    kinds = [isinstance(run[name], ARRAYS) for run in (t, j)]
    if not any(kinds):
        verdict = Verdict.MATCH if _same(t[name], j[name]) else Verdict.MISMATCH
        return Returned(name, text_left, text_right, Judgement(verdict))
    if not all(kinds):
        left, right = ("an array" if isinstance(run[name], ARRAYS) else type(run[name]).__name__ for run in (t, j))
        reason = f"{left} in the reference, {right} in the port"
        return Returned(name, text_left, text_right, Judgement(Verdict.INVALID), reason)
    wide, wide_other = np.asarray(t64[name]), np.asarray(j64[name])
    judgement = judge(np.asarray(t[name]), np.asarray(j[name]), wide, wide_other, FLOAT32)
    seen = "" if judgement.verdict is Verdict.MATCH else between(wide, wide_other)
    return Returned(name, text_left, text_right, judgement, judgement.reason or seen)


def _same(one: object, other: object) -> bool:
    """Equal, a list and a tuple of the same things too, and arrays within them entry by entry."""
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[name], other[name]) for name in one)
    if isinstance(one, np.ndarray | np.generic) or isinstance(other, np.ndarray | np.generic):
        return np.array_equal(np.asarray(one), np.asarray(other))
    return bool(one == other)


def _alike(one: object, other: object) -> bool:
    """The same where they are not meant to be. One drawn number may coincide with another by chance."""
    single = [isinstance(value, np.ndarray | np.generic) and np.ndim(value) == 0 for value in (one, other)]
    return not any(single) and _same(one, other)
