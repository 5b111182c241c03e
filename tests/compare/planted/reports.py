"""Every row of the table, and what is said of a pair: verified once, however many tests ask."""

from collections.abc import Callable
from functools import cache

from compare.api import Report, verify
from compare.pair import Pair
from tests.compare.planted import attention, conv, mlp, recurrent, training
from tests.compare.planted.row import Planted

ROWS = [*mlp.ROWS, *conv.ROWS, *recurrent.ROWS, *attention.ROWS, *training.ROWS]
SOUND = {row.sound: row for row in ROWS}  # each distinct sound pair under the last row that shares it


def report_of(row: Planted) -> Report:
    """The report on the faulty pair: of the batch alone, where the fault shows there."""
    return _verified(row.pair, row.probe == "batch")


def sound_report_of(row: Planted) -> Report:
    """The report on the pair without the fault, as thorough as that on the faulty one."""
    return _verified(row.sound, row.probe == "batch")


@cache
def _verified(build: Callable[[], Pair], quick: bool) -> Report:
    return verify(build(), device="cpu", quick=quick)
