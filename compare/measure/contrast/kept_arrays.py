"""An array that is kept from the forward pass for the backward pass, and whose memory it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from compare.measure.contrast.thresholds import SINGLE
from compare.measure.contrast.values_alike import Contents, alike


@dataclass(frozen=True)
class Kept:
    """One array kept.

    Attributes:
        name: under which the node keeps it; of a residual, the operation that made it.
        same_as: the parameter or input whose memory it is; earlier: the row that has listed this memory already.
        copy_of: the parameter or input whose values it holds, in a memory of its own.
        again: nothing is kept of it: a checkpoint makes it again.
        constant: all its entries are one number.
        by: the layer whose code made it, where that is known; place: "file:line" of the operation that made it.
        both: the other side keeps these values too.
        moment: of a residual, after which share of the forward half's equations it is there.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    bytes: int
    same_as: str = ""
    copy_of: str = ""
    earlier: int | None = None
    again: bool = False
    constant: bool = False
    by: str = ""
    place: str = ""
    both: bool = False
    moment: float = 0.0

    @property
    def own_bytes(self) -> int:
        """What lives only because this is kept."""
        return 0 if self.same_as or self.earlier is not None or self.again else self.bytes

    @property
    def copied_bytes(self) -> int:
        """Those of them that hold nothing but a parameter or an input once more."""
        return self.own_bytes if self.copy_of else 0


@dataclass(frozen=True)
class Held:
    """A kept array with what it holds; None of what is made again."""

    kept: Kept
    contents: Contents | None


def copied(own: Contents, entered: Mapping[str, Contents]) -> str:
    """The name of what entered whose values an array holds; empty where there is none, or it says too little."""
    if own.is_constant:
        return ""
    return next((name for name, one in entered.items() if not one.is_constant and alike(one, own)), "")


def on_both(own: Sequence[Held], others: Sequence[Held]) -> list[Kept]:
    """The rows of ``own``, each told whether ``others`` hold the same values: one alone, or, of what a loop stacks, one
    a row."""
    there = [one.contents for one in others if one.contents is not None]
    return [replace(one.kept, both=one.contents is not None and _is_among(one.contents, there)) for one in own]


def _is_among(own: Contents, there: Sequence[Contents]) -> bool:
    if any(alike(own, each, SINGLE) for each in there):
        return True
    size = own.array.size
    stacks = [one for one in there if one.array.ndim and len(one.array) > 1 and one.array.size == size * len(one.array)]
    if any(alike(own, row, SINGLE) for one in stacks for row in map(Contents, one.array)):
        return True
    count = len(own.array) if own.array.ndim else 0
    rows = [one for one in there if one.array.size * count == size]
    return count > 1 and bool(rows) and all(any(alike(Contents(row), one, SINGLE) for one in rows) for row in own.array)
