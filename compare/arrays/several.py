"""Batches one after the other, each made when it is first asked for: what a training run of many steps takes."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, overload

from compare.arrays.arrays import Arrays
from compare.arrays.aside import Aside, touched
from compare.arrays.batch import Batch, Form
from compare.arrays.checks import Axes, Bounds

HELD = 1 << 27  # bytes of batches that are held beside the first; those that come after them lie on the disk


class Batches(Sequence[Batch]):
    """So many batches of an iterator, made one by one as they are asked for and never twice.

    Whoever goes over them again meets the same arrays, whatever made them: a function that reads a file on is called
    once for each.
    """

    def __init__(self, made: Iterable[Batch], count: int) -> None:
        """``count``: how many of ``made`` there are."""
        self._coming, self._count = iter(made), count
        self._there = list[Batch | _OnDisk]()
        self._bytes = 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Batch]:
        return (self[place] for place in range(self._count))

    @overload
    def __getitem__(self, place: int) -> Batch: ...

    @overload
    def __getitem__(self, place: slice) -> tuple[Batch, ...]: ...

    def __getitem__(self, place: int | slice) -> Batch | tuple[Batch, ...]:
        if isinstance(place, slice):
            return tuple(self[one] for one in range(self._count)[place])
        place = range(self._count)[place]
        while len(self._there) <= place:
            self._take(next(self._coming))
        found = self._there[place]
        return found.fetched() if isinstance(found, _OnDisk) else found

    def _take(self, batch: Batch) -> None:
        self._bytes += sum(array.nbytes for array in (*batch.inputs.values(), *batch.targets.values()))
        self._there.append(batch if self._bytes <= HELD or not self._there else _OnDisk.of(batch))


class _OnDisk(NamedTuple):
    """A batch whose arrays are put aside."""

    inputs: Arrays
    targets: Arrays
    bounds: Bounds
    axes: Axes
    form: Form | None

    @classmethod
    def of(cls, batch: Batch) -> "_OnDisk":
        aside = Aside(small=0)  # none in memory: they are many
        inputs, targets = (
            {name: aside.put(array) for name, array in arrays.items()} for arrays in (batch.inputs, batch.targets)
        )
        return cls(inputs, targets, batch.bounds, batch.axes, batch.form)

    def fetched(self) -> Batch:
        touched(sum(array.nbytes for array in (*self.inputs.values(), *self.targets.values())))
        return Batch(self.inputs, self.targets, self.bounds, self.axes, self.form)


def each(change: Callable[[Batch], Batch], batches: Sequence[Batch]) -> Sequence[Batch]:
    """What ``change`` makes of each of them, in order; of ``Batches`` when it is asked for."""
    changed = map(change, batches)
    return Batches(changed, len(batches)) if isinstance(batches, Batches) else tuple(changed)
