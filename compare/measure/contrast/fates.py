"""What became of each operation when it was compiled, by kind: left out, made once, read in place, fused, or run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

DEAD, DUPLICATE, FOLDED, IN_PLACE, REWRITTEN = "dead", "duplicate", "folded", "in_place", "rewritten"
FUSED, ALONE, RUN, AGAIN = "fused", "alone", "run", "again"
# In the order in which a reader asks: what is gone, what costs nothing, what runs.
KINDS = {
    DEAD: "no result needs it",
    DUPLICATE: "the same of the same: made once",
    FOLDED: "depends on nothing that enters: made while compiling",
    IN_PLACE: "only moves numbers: read in place",
    REWRITTEN: "gone into another operation",
    FUSED: "runs in a kernel with others",
    ALONE: "runs in a kernel of its own",
    RUN: "runs",
    AGAIN: "made a second time, in the backward pass",
}


@dataclass(frozen=True)
class Fates:
    """Of one compiler.

    Attributes:
        by_kind: the names of the operations by ``KINDS``; what is made again is there twice.
        traced: how many there were. kernels: that a call runs; None where that is not known. message: why nothing is.
    """

    by_kind: Mapping[str, tuple[str, ...]]
    traced: int
    kernels: int | None
    message: str = ""


def gathered(kinds: Sequence[str], names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Names by the kind of each, in the order of ``KINDS``."""
    pairs = list(zip(kinds, names, strict=True))
    return {kind: own for kind in KINDS if (own := tuple(name for each, name in pairs if each == kind))}
