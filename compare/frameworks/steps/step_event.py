"""What a profile shows of a block of calls: events with a beginning and an end, and what all of them cover."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

CALLING, WAITING = "jaxport: calling", "jaxport: waiting"  # what the host is at, as it stands in a profile


@dataclass(frozen=True)
class Event:
    """Something that ran from ``start`` to ``end``, in seconds of the profile's own clock.

    Attributes:
        on_card: on a GPU rather than on a processor.
    """

    name: str
    start: float
    end: float
    on_card: bool = False


@dataclass(frozen=True)
class Covered:
    """Seconds of a block of calls; all but ``products``, which are among the kernels, add up to the whole.

    Attributes:
        kernels: in which at least one kernel ran, and ``products``: at least one that multiplies matrices.
        dispatch: in which none ran and the calls had not returned: the host was preparing them.
        gaps: in which none ran and the calls had returned.
    """

    kernels: float
    products: float
    dispatch: float
    gaps: float

    @property
    def whole(self) -> float:
        return self.kernels + self.dispatch + self.gaps


def covered(
    events: Sequence[Event], is_kernel: Callable[[Event], bool], is_product: Callable[[Event], bool]
) -> Covered:
    """What kernels, the host and nobody took of a block that ``CALLING`` and ``WAITING`` mark.

    Raises:
        ValueError: the block is not marked.
    """
    host = [one for one in events if not one.on_card]
    calling, waiting = ([one for one in host if one.name == name] for name in (CALLING, WAITING))
    if not calling or not waiting:
        raise ValueError("the profile does not show where the calls began and ended")
    begin, returned, end = calling[0].start, waiting[-1].start, waiting[-1].end
    kernels = [one for one in events if is_kernel(one)]
    before, after = _length(kernels, begin, returned), _length(kernels, returned, end)
    products = _length([one for one in kernels if is_product(one)], begin, end)
    return Covered(before + after, products, returned - begin - before, end - returned - after)


def _length(events: Iterable[Event], begin: float, end: float) -> float:
    """How long at least one of them ran between the two."""
    total, until = 0.0, begin
    for one in sorted(events, key=lambda event: event.start):
        start, stop = max(one.start, until), min(one.end, end)
        if stop > start:
            total, until = total + stop - start, stop
    return total
