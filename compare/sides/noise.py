"""What a pair's own random numbers reach: the two frameworks draw different ones, so that it cannot be compared.

Each side is run with several streams of random numbers, all else the same. A quantity that they change depends on
them; one that is the same in every bit does not, and is judged as ever.
"""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, cast

from compare.frameworks.models.modes import Mode
from compare.pair.pair import Entering
from compare.sides.context import QUIET, Noise
from compare.sides.quartet import Quartet, named_after
from compare.sides.side import Run
from compare.verdict.thresholds import STREAMS

if TYPE_CHECKING:
    from compare.sides.port import PortSide


def noise_of(quartet: Quartet, entering: Entering, mode: Mode) -> Noise:
    """What either side of a pair draws in ``mode``, and which quantities depend on it.

    Raises:
        SideError: a model raises.
    """
    from compare.sides.reference import ReferenceSide

    sides = [
        ReferenceSide(quartet.prepared, quartet.precision, quartet.device.torch, stream=stream) for stream in STREAMS
    ]
    theirs = [named_after("reference", partial(side.run, entering, mode)) for side in sides]
    port = cast("PortSide", quartet.port)
    ours = named_after("port", lambda: port.in_streams(entering, mode, theirs[0].dropped, STREAMS))
    drawn = dict.fromkeys((*theirs[0].not_compared, *ours[0].not_compared))
    return Noise(tuple(drawn), frozenset(_changing(theirs) | _changing(ours))) if drawn else QUIET


def _changing(runs: Sequence[Run]) -> set[str]:
    first, *others = runs
    return {name for name in first for other in others if first[name].tobytes() != other[name].tobytes()}
