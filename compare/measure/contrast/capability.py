"""One row of the capability table, as it came out."""

from dataclasses import dataclass
from typing import Literal

Outcome = Literal["works", "works with other code", "raises", "not run"]


class NotHereError(Exception):
    """What a way needs is not on this machine: it says what, and nothing of either framework."""


@dataclass(frozen=True)
class Cell:
    """One way on one side: what became of it, what the plain way raised, or what it lacks here, and the code that ran
    last.

    Attributes:
        seconds: of processor time for a call that has run before; 0 where it raises, and where a GPU does the work.
    """

    outcome: Outcome
    message: str
    code: str
    seconds: float


@dataclass(frozen=True)
class Capability:
    """One row. ``verdict`` is the judge's on all values that both sides returned, empty where one has none."""

    name: str
    title: str
    on_pair: bool
    reference: Cell
    port: Cell
    verdict: str

    @property
    def ratio(self) -> float | None:
        """The reference's processor time over the port's: of two that do the same, so None unless they match, and where
        either was not timed."""
        timed = self.reference.seconds and self.port.seconds
        return self.reference.seconds / self.port.seconds if self.verdict == "match" and timed else None
