"""What pictures ask of a run: a quantity of either side, as numbers; and a JAX that is as a reader's comes."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from compare.report.book.drawing.canvas import Side
from compare.report.book.drawing.plot import shortly

if TYPE_CHECKING:
    from compare.lessons.run import LessonReport


def both(report: "LessonReport") -> tuple[tuple[Side, Mapping[str, object]], tuple[Side, Mapping[str, object]]]:
    """Each side's name and quantities."""
    return ("torch", report.reference), ("jax", report.port)


def numbers(value: object) -> np.ndarray:
    """A quantity as NumPy's array of floats, of whatever shape."""
    return np.asarray(value, dtype=np.float64)


def single(value: object) -> float:
    """A quantity that is one number."""
    return float(numbers(value).reshape(()))


def counted(values: object, start: int = 1) -> list[tuple[float, float]]:
    """Points: a row of numbers over 1, 2, 3, ..."""
    return [(float(place), float(value)) for place, value in enumerate(numbers(values), start)]


def points_over(places: object, values: object) -> list[tuple[float, float]]:
    """Points: a row of numbers over another."""
    return [(float(x), float(y)) for x, y in zip(numbers(places), numbers(values), strict=True)]


def nested(array: object) -> list[list[float | None]]:
    """A table of numbers for ``cells``; None where one is not finite."""
    return [[float(one) if np.isfinite(one) else None for one in row] for row in numbers(array)]


def written(array: object, digits: int = 2) -> list[list[str]]:
    """The numbers of a table as texts."""
    return [[told(one, digits) for one in row] for row in numbers(array)]


def told(value: float, digits: int = 2) -> str:
    """A number with a true minus, and none for a zero."""
    return f"{value + 0.0:.{digits}f}".replace("-", "\N{MINUS SIGN}") if round(value, digits) else f"{0:.{digits}f}"


def roughly(value: float) -> str:
    """A size to one digit."""
    return shortly(float(f"{value:.0e}"))


@contextmanager
def on_the_cpu() -> Iterator[None]:
    """JAX as a reader's comes, and on the processor: what is run to be drawn is small. torch's seed is put back."""
    import jax
    import torch

    cpu = jax.devices("cpu")[0]
    with torch.random.fork_rng(devices=[]), jax.default_device(cpu), jax.numpy_dtype_promotion("standard"):
        yield
