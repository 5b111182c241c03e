"""One row of the table of planted faults."""

from collections.abc import Callable
from dataclasses import dataclass

from compare.pair.pair import Pair


@dataclass(frozen=True)
class Planted:
    """A port with one fault, and what must be said of it.

    Attributes:
        name: of the row, alone in the table; it says the fault and the framework.
        pair: builds the faulty pair, new every time.
        sound: builds the same pair without the fault, which is a match; rows share it where they can.
        verdict: of the faulty pair.
        where: the reference's dotted module path that must be named as the first that differs: the layer itself, or,
            for a fault in the code between layers, the module whose ``forward`` holds that code ("" for the root);
            ``loss`` or ``optimizer`` for those.
        direction: ``forward``; ``backward``, where the outputs agree and a gradient differs; ``loss``; ``update``; or
            ``statistics``.
        probe: the batch or the first probe on which the fault shows.
        setting: the word by which the cause is named; empty where it is only located.
        port: the value that is named as the port's; empty where the setting is enough.
    """

    name: str
    pair: Callable[[], Pair]
    sound: Callable[[], Pair]
    verdict: str = "mismatch"
    where: str = ""
    direction: str = "forward"
    probe: str = "batch"
    setting: str = ""
    port: str = ""
