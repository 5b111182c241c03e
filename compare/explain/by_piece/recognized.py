"""Which of the reference's results an array of the port is, in whatever layout: by what no layout changes first, and
then entry by entry."""

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from compare.arrays.aside import touched
from compare.explain.by_piece.reference_results import Made
from compare.explain.locate.shown_by import Layout, layouts, relative_distance
from compare.explain.locate.thresholds import EXACT


class Sums(NamedTuple):
    """What an array has in any layout, over its finite entries."""

    finite: int
    sum: float
    absolute: float
    squares: float

    def near(self, other: "Sums") -> bool:
        """Whether two arrays may be one."""
        return (
            self.finite == other.finite
            and abs(self.sum - other.sum) <= EXACT * self.absolute
            and abs(self.absolute - other.absolute) <= EXACT * self.absolute
            and abs(self.squares - other.squares) <= 2 * EXACT * self.squares
        )


class Found(NamedTuple):
    """A result of the reference that an array of the port is, and how the port shows it."""

    made: Made
    layout: Layout


class Recognized:
    """The reference's results, to be found again."""

    def __init__(self, results: Iterable[Made]) -> None:
        self._by_size: dict[int, list[tuple[Sums, Made]]] = defaultdict(list)
        for made in results:
            self._by_size[made.value.size].append((_sums(made.value), made))

    def find(self, array: np.ndarray) -> Found | None:
        """The first result that ``array`` is; None where there is none."""
        sums = _sums(array)
        for own, made in self._by_size.get(array.size, []):
            if own.near(sums):
                for layout in layouts(made.value.shape, array.shape):
                    if relative_distance(made.value, layout.to_reference(array)) <= EXACT:
                        return Found(made, layout)
        return None

    def alike(self, results: Iterable[Made]) -> Iterable[Made]:
        """These, and every other that has the same entries: what an identity makes."""
        wanted = {id(made) for made in results}
        for of_size in self._by_size.values():
            sums = [own for own, made in of_size if id(made) in wanted]
            yield from (made for own, made in of_size if any(one.near(own) for one in sums))


def apart(made: Made, array: np.ndarray) -> float | None:
    """How far an array is from a result, relative to that, in the layout in which it is nearest; None where it has
    another size."""
    distances = [
        relative_distance(made.value, one.to_reference(array)) for one in layouts(made.value.shape, array.shape)
    ]
    return min(distances, default=None)


def _sums(array: np.ndarray) -> Sums:
    touched(array.nbytes)
    flat = array.reshape(-1)
    flat = flat[np.isfinite(flat)]
    size = np.abs(flat)
    with np.errstate(over="ignore"):
        return Sums(flat.size, float(np.real(flat.sum())), float(size.sum()), float(np.square(size).sum()))
