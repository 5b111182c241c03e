"""The answer: where a port differs first, and why, in one sentence and at length."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from compare.explain.closing import Closing
from compare.explain.doctor.diagnosis import Cause
from compare.explain.doctor.thresholds import CLOSING
from compare.explain.locate.difference import BACKWARD, FORWARD, LOSS, STATISTICS, UPDATE, Branch, Difference
from compare.verdict.counted import counted

SEEN = ("the port", "the values", "they differ")  # what is seen of the first place's only array begins so


@dataclass(frozen=True)
class NamedCause:
    """A cause, and the module whose code it is in: path on both sides, how many places have the same one, and whether
    the first difference is among them; ``found``: the number of the difference that it explains."""

    cause: Cause
    reference: str
    port: str
    places: int = 1
    of_first: bool = True
    found: int = 0


@dataclass(frozen=True)
class Explanation:
    """Where and why.

    Attributes:
        first: the first difference, or None where none could be found.
        causes: the certain ones, of the first place first; without one of the first place also what is seen of it and
            is not certain.
        settings, observed, excluded: of the first place, in words: settings that differ, what the arrays show, what was
            tried and does not explain it.
        closing: what is left of the pair's gaps when all causes are taken together, where that was tried.
        tree: every layer that both sides have. notes: what could not be looked into.
    """

    first: Difference | None
    causes: tuple[NamedCause, ...] = ()
    settings: tuple[str, ...] = ()
    observed: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    closing: Closing | None = None
    tree: tuple[Branch, ...] = ()
    notes: tuple[str, ...] = field(default_factory=tuple)

    @property
    def sentence(self) -> str:
        """The answer in one sentence; empty where there is none."""
        return sentence_of(self.first, self.causes, self.observed) if self.first else ""


def sentence_of(first: Difference, causes: Sequence[NamedCause], observed: Sequence[str] = ()) -> str:
    """The answer in one sentence: which module is the first that differs, and why, or what is seen of it."""
    where = _where(first)
    certain = [named for named in causes if named.cause.certain]
    # What explains a layer mostly shows in several places of its code: the one that is told first may be another.
    own = [named for named in certain if named.of_first] or [one for one in certain if one.reference == first.reference]
    mine = [named.cause for named in own]
    doubtful = next((named.cause for named in causes if named.of_first and not named.cause.certain), None)
    if not mine and doubtful is not None:
        return f"{where}: seen, not certain: {doubtful.text} ({_doubt(doubtful)})"
    if not mine:
        looks = () if first.reason else observed
        seen = next((f": {text}" for text in looks if text.startswith(SEEN)), "")
        return f"{where}{seen} ({first.size})"
    cause = mine[0]
    more = f" (and {counted(len(causes) - len(mine), 'more cause')})" if len(causes) > len(mine) else ""
    what = "that" if len(mine) == 1 else "both" if len(mine) == 2 else "all of these"
    end = f"; with {what} in the reference the gap falls from {_short(cause.before)} to {_short(cause.after)}"
    tried = cause.evidence != "read" and math.isfinite(cause.before)
    said = cause.text if len(mine) == 1 else "; ".join(own.text for own in mine)
    return f"{where}: {said}{end if tried else ''}{more}"


def _doubt(cause: Cause) -> str:
    """Why a cause is not certain, in words."""
    if cause.doubt:
        return cause.doubt
    if cause.after <= CLOSING * cause.before:
        return "with that the gap closes here, but not on the way back or not on other data"
    return f"with that in the reference the gap falls from {_short(cause.before)} to {_short(cause.after)} only"


def _short(size: float) -> str:
    return f"{size:.0e}" if size else "0"


def _where(first: Difference) -> str:
    name = f"`{first.reference}`" if first.reference else "the model itself"
    though = " though its inputs agree" if first.inputs_seen else ""
    if first.direction == FORWARD:
        kind, shows = f"{name} is the {{}} module", "output differs"
        if first.before and first.reference not in first.layers:
            between = f"between `{first.after}` and `{first.before}`" if first.after else f"before `{first.before}`"
            kind, shows, though = (
                f"the code of {name} {between} is the {{}}",
                "result differs",
                " though its inputs agree",
            )
        if not first.leads:
            return f"{kind.format('first')} whose {shows}{though}"
        return f"{kind.format('first')} whose {shows} by more than a trace{though}"
    if first.direction == BACKWARD and first.in_loss:
        return "the loss's gradient differs though the loss agrees"
    if first.direction == BACKWARD:
        return f"{name} is the first module, from the loss back, whose gradient differs though its outputs agree"
    return {
        LOSS: "the loss differs though the outputs agree",
        STATISTICS: f"{name} keeps other running statistics though its outputs agree",
        UPDATE: "the optimizers differ though every gradient agrees",
    }[first.direction]
