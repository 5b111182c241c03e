"""What the port may do otherwise, as a change of the reference; whatever it is that is changed."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from compare.explain.doctor.fit import Fitted
from compare.explain.doctor.thresholds import USUAL

C = TypeVar("C")  # a change: of calls and weights, of an optimizer's rules, ...


@dataclass(frozen=True)
class Suspect(Generic[C]):
    """One thing that the port may do otherwise, as a change of the reference.

    Attributes:
        setting, reference, port: as in ``Cause``.
        rank: the lower, the sooner it is tried.
        text: the sentence, where there is a better one than that of a setting with two values.
        short: how it is listed where it is excluded, where that is not the setting with the port's value.
        read: whether it was read on both sides.
        odd: whether a number of it only fits: nobody would have written it so. fitted: whether there is one; shown:
            whether it stands in the port's program. held: whether what has the number is there in the reference: an
            argument of a call, an array; and no factor of 1 that stands nowhere.
    """

    setting: str
    reference: str
    port: str
    change: C
    rank: float = USUAL
    text: str = ""
    short: str = ""
    read: bool = False
    odd: bool = False
    fitted: bool = False
    shown: bool = False
    held: bool = False

    @property
    def sentence(self) -> str:
        """ "epsilon is 1e-06 in the port, 1e-05 in the reference"."""
        return self.text or f"{self.setting} is {self.port} in the port, {self.reference} in the reference"

    @property
    def words(self) -> str:
        """ "epsilon 1e-06"."""
        return self.short or f"{self.setting} {self.port}"


@dataclass(frozen=True)
class Number(Generic[C]):
    """A number of the reference that may be any other: ``own`` is its value, ``suspect`` what it is said to be;
    ``alone``: it is that of one of several calls that share it, whose turn comes after what they share."""

    own: float
    change: Callable[[float], C]
    suspect: Callable[[Fitted], Suspect[C]]
    alone: bool = False

    @property
    def scale(self) -> float:
        """What counts as much of it."""
        return abs(self.own) or 1.0
