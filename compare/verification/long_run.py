"""A training run of many steps: whether there is room for what is judged of it, and how far it has come."""

import math
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import overload

from compare.arrays.batch import Batch
from compare.errors import UsageError
from compare.pair.pair import Entering
from compare.sides.progress import Progress
from compare.verdict.bytes_in_words import size
from compare.verdict.thresholds import STEPS_COPIES, STEPS_MANY, STEPS_PARTS, STEPS_RUNS, STEPS_TOLD, TRAINING_STEPS


def check_room(name: str, entering: Entering) -> None:
    """Refuse more training steps than a report can tell of, or than the disk has room for.

    Args:
        name: the pair's.

    Raises:
        UsageError: there are more; the message says how many may be.
    """
    steps = len(entering.batches)
    if steps <= TRAINING_STEPS:
        return
    first = entering.batches[0]
    fed = sum(array.nbytes for array in (*first.inputs.values(), *first.targets.values()))
    each = STEPS_RUNS * sum(8 * math.prod(array.shape) for array in entering.weights.values()) + STEPS_COPIES * fed
    free = shutil.disk_usage(tempfile.gettempdir()).free
    told, held = STEPS_TOLD // (len(entering.weights) + 1), free // each
    if steps > held < told:
        raise UsageError(
            f"pair {name}: {steps:,} training steps: expected at most {held:,}: what each is judged by takes "
            f"{size(each)}, and {size(free)} are free in {tempfile.gettempdir()} (TMPDIR names another folder)"
        )
    if steps > told:
        raise UsageError(
            f"pair {name}: {steps:,} training steps: expected at most {told:,}: the loss and every parameter's update "
            f"of each is a line of the report"
        )


def followed(entering: Entering, progress: Progress) -> Entering:
    """What enters, its steps counted to ``progress`` where they are many."""
    if len(entering.batches) < STEPS_MANY:
        return entering
    return replace(entering, batches=_Followed(entering.batches, progress))


class _Followed(Sequence[Batch]):
    """Batches that say how far whoever goes over them is."""

    def __init__(self, own: Sequence[Batch], progress: Progress) -> None:
        self._own, self._progress, self._runs = own, progress, 0

    def __len__(self) -> int:
        return len(self._own)

    def __iter__(self) -> Iterator[Batch]:
        self._runs += 1
        run, count = self._runs, len(self)
        for number, batch in enumerate(self._own):
            if number and number % math.ceil(count / STEPS_PARTS) == 0:
                self._progress(f"training steps, run {run}: {number:,} of {count:,}")
            yield batch

    @overload
    def __getitem__(self, place: int) -> Batch: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[Batch]: ...

    def __getitem__(self, place: int | slice) -> Batch | Sequence[Batch]:
        return self._own[place]
