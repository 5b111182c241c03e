"""Run both sides of a lesson on identical arrays, and judge what they return."""

import importlib
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np

from compare.arrays import freeze, from_jax, from_torch, rounded, to_jax, to_torch
from compare.devices import Device
from compare.doctor.observed import between
from compare.errors import UsageError
from compare.lessons.row import Lesson
from compare.lessons.shown import shown
from compare.precision import FLOAT32, FLOAT64, Precision
from compare.verdict import Judgement, Verdict, judge, worst

SIDES = {"reference": "torchref", "port": "jaxport"}
Quantities = dict[str, Any]


@dataclass(frozen=True)
class Told:
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
    """What both sides of a lesson returned, in the order in which they did."""

    lesson: str
    device: str
    told: tuple[Told, ...]

    @property
    def verdict(self) -> Verdict:
        return worst([one.verdict for one in self.told if one.verdict is not None])


def run(
    lesson: Lesson, device: Device, seed: int = 0, replaced: Mapping[str, Callable[..., Quantities]] | None = None
) -> LessonReport:
    """Both sides of ``lesson`` in float32 and in float64, from the same values.

    Args:
        replaced: another function in the place of the side ``reference`` or ``port``: a student's.

    Raises:
        UsageError: a side raises, or returns no quantities.
    """
    functions = {side: function_of(lesson, side) for side in SIDES} | dict(replaced or {})
    drawn = {name: freeze(array) for name, array in lesson.arrays(np.random.default_rng(seed)).items()}
    entering = {name: rounded(array, FLOAT32) for name, array in drawn.items()}
    runs = {
        (side, precision): _run(lesson, side, functions[side], entering, precision, device, seed)
        for side in SIDES
        for precision in (FLOAT32, FLOAT64)
    }
    t, j, t64, j64 = (
        runs[key] for key in (("reference", FLOAT32), ("port", FLOAT32), ("reference", FLOAT64), ("port", FLOAT64))
    )
    names = dict.fromkeys([*t, *j])
    return LessonReport(lesson.name, device.name, tuple(_told(lesson, name, t, j, t64, j64) for name in names))


def function_of(lesson: Lesson, side: str) -> Callable[..., Quantities]:
    """The function of one side, by name."""
    return getattr(importlib.import_module(f"{SIDES[side]}.{lesson.file}"), lesson.function)


def _run(
    lesson: Lesson, side: str, function: Callable, entering: Quantities, precision: Precision, device: Device, seed: int
) -> Quantities:
    bring, back = (_torch, from_torch) if side == "reference" else (_jax, from_jax)
    bound = lesson.reference(seed) if side == "reference" else lesson.port(seed)
    with _precise(side, precision, device):
        arrays = {name: bring(array, precision, device) for name, array in entering.items()}
        try:
            made = function(**arrays, **bound)
        except Exception as error:
            text = " ".join(str(error).split())
            raise UsageError(f"lesson {lesson.name}: the {side} raised {type(error).__name__}: {text}") from error
        if not isinstance(made, dict):
            raise UsageError(f"lesson {lesson.name}: the {side} returned {type(made).__name__}, expected a dictionary")
        return {name: _plain(value, back) for name, value in made.items()}


def _torch(array: np.ndarray, precision: Precision, device: Device) -> Any:
    return to_torch(array, precision, device.torch)


def _jax(array: np.ndarray, precision: Precision, device: Device) -> Any:
    return to_jax(array, precision, device.jax)


def _precise(side: str, precision: Precision, device: Device) -> AbstractContextManager[Any]:
    """What a side makes for itself: float64 in JAX only under x64, in torch by its default dtype."""
    if side == "reference":
        return _torch_default(precision) if precision is FLOAT64 else nullcontext()
    return _jax_default(precision is FLOAT64, device)


class _torch_default(AbstractContextManager[Any]):  # noqa: N801  # used like a function
    """torch's default dtype, for as long."""

    def __init__(self, precision: Precision) -> None:
        self._name = precision.name

    def __enter__(self) -> None:
        import torch

        self._before = torch.get_default_dtype()
        torch.set_default_dtype(getattr(torch, self._name))

    def __exit__(self, *_: object) -> None:
        import torch

        torch.set_default_dtype(self._before)


def _jax_default(wide: bool, device: Device) -> AbstractContextManager[Any]:
    from contextlib import ExitStack

    import jax

    stack = ExitStack()
    stack.enter_context(jax.enable_x64(wide))
    stack.enter_context(jax.default_device(device.jax))
    stack.enter_context(jax.numpy_dtype_promotion("standard"))  # a reader's JAX is as it comes
    return stack


def _plain(value: Any, back: Callable[[Any], np.ndarray]) -> Any:
    """Arrays and floats in NumPy; anything else as it is."""
    if isinstance(value, float):
        return np.float64(value)
    if isinstance(value, np.ndarray | np.generic):
        return np.asarray(value)
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return np.asarray(back(value))
    return value


def _told(lesson: Lesson, name: str, t: Quantities, j: Quantities, t64: Quantities, j64: Quantities) -> Told:
    one, other = (shown(run[name]) if name in run else "" for run in (t, j))
    if name in lesson.differs:
        return Told(name, one, other, _not_alike(name, t, j), lesson.differs[name])
    if missing := [owner for owner, run in (("reference", t), ("port", j)) if name not in run]:
        return Told(name, one, other, Judgement(Verdict.INVALID), f"the {missing[0]} does not return it")
    values = t[name], j[name]
    if not all(isinstance(one, np.ndarray | np.generic) for one in values):
        equal = values[0] == values[1]
        return Told(name, one, other, Judgement(Verdict.MATCH if equal is True else Verdict.MISMATCH))
    wide, wide_other = np.asarray(t64[name]), np.asarray(j64[name])
    judgement = judge(np.asarray(t[name]), np.asarray(j[name]), wide, wide_other, FLOAT32)
    seen = "" if judgement.verdict is Verdict.MATCH else between(wide, wide_other)
    return Told(name, one, other, judgement, judgement.reason or seen)


def _not_alike(name: str, t: Quantities, j: Quantities) -> Judgement | None:
    """Nothing, if the two sides differ as the row says; what is said to differ and does not is a wrong row."""
    if name not in t or name not in j:
        return None
    one, other = t[name], j[name]
    alike = np.array_equal(one, other) if isinstance(one, np.ndarray) else one == other
    return Judgement(Verdict.INVALID, reason="said to differ, and does not") if alike is True else None
