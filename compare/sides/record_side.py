"""The reference's side from its record: what a live one would return for the same that enters."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from compare.arrays.arrays import Arrays
from compare.errors import UsageError
from compare.frameworks.dropout.masks import Dropout
from compare.frameworks.islands.rounding_form import book_of_form, form_of_book
from compare.frameworks.islands.roundings import Book
from compare.frameworks.models.modes import Mode
from compare.pair.pair import Entering
from compare.pair.prepared import Prepared
from compare.sides.record_file import NEARBY, Facts, ReferenceRecord, key_of
from compare.sides.side import STEPS, Deviations, RecordedError, Result, What, steps_named
from compare.weights.entry import Sum


@dataclass(frozen=True)
class RecordedSide:
    """One of the reference's sides.

    Attributes:
        which: ``WORKING``, ``ORACLE`` or ``PROMOTED``.
        buffers, constants, summed: of the pair that the port has been brought together in (see ``Prepared``).
    """

    record: ReferenceRecord
    which: str
    buffers: tuple[str, ...]
    constants: tuple[str, ...]
    summed: tuple[Sum, ...]

    def run(self, entering: Entering, mode: Mode = None) -> Result:
        return self._look_up(entering, mode)

    def steps(self, entering: Entering) -> Result:
        return self._look_up(entering, STEPS)

    def deviations(self, entering: Entering, what: What) -> Deviations:
        found = self._found(NEARBY, entering, what)
        return Deviations(found["largest"], tuple(found["raised"]))

    def book(self, mode: Mode, shared: Mapping[str, str]) -> Book:
        rounded = self.record.facts["rounded"]
        return book_of_form(rounded.get(str(mode)) or form_of_book(Book(self.record.precision.name)), shared)

    def _look_up(self, entering: Entering, what: What) -> Result:
        entry = self._found(self.which, entering, what)
        if "raised" in entry:
            raise RecordedError(entry["raised"])
        dropouts = [
            Dropout(dropout["index"], tuple(dropout["shape"]), dropout["rate"], dropout["where"])
            for dropout in entry["dropouts"]
        ]
        return Result(
            self._arrays(entry["arrays"], what),
            tuple(dropouts),
            tuple(entry["not_compared"]),
            tuple(name for name in entry["changed"] if name in self.constants),
            {name: (momentum, count) for name, (momentum, count) in entry["variances"].items()},
            tuple(entry["inside"]),
        )

    def _found(self, which: str, entering: Entering, what: What) -> Facts:
        key = key_of(self.record.facts, which, what, entering, self.summed)
        entry = self.record.facts["runs"].get(key)
        if entry is None:
            raise UsageError(
                f"the record holds no {which} run of the reference for this ({what}): record it again with the "
                f"same version of jaxport and NumPy ({self.record.facts['numpy']} then, {np.__version__} now)"
            )
        return entry

    def _arrays(self, places: list[dict[str, str]], what: What) -> Arrays:
        """Those that the port has too; a step's are named already, or were recorded step by step."""
        steps = [{name: self.record.arrays[at] for name, at in step.items()} for step in places]
        arrays = steps_named(steps) if what == STEPS else steps[0]
        return {name: array for name, array in arrays.items() if self._keeps(name.removeprefix("after/"), what)}

    def _keeps(self, name: str, what: What) -> bool:
        if not name.startswith("state/"):
            return True
        return what is not False and name.removeprefix("state/") in self.buffers


def recorded_side(record: ReferenceRecord, prepared: Prepared, which: str) -> RecordedSide:
    """The reference's side for ``which`` of its runs."""
    return RecordedSide(record, which, prepared.buffers, prepared.constants, prepared.summed)
