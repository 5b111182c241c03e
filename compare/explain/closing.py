"""What is left of a pair's gaps when all causes are taken together, each quantity by its own tolerance."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from compare.arrays.arrays import FLOATING, Arrays
from compare.errors import swallowed
from compare.explain.calls.change import Change
from compare.explain.doctor.gaps import distance, size
from compare.explain.doctor.thresholds import UNSEEN
from compare.explain.locate.introduced import differs
from compare.explain.locate.locate import Looked
from compare.explain.locate.sections import sent_by
from compare.verdict.verdict import judge


@dataclass(frozen=True)
class Closing:
    """The worst relative gap of the pair's quantities that differ, ``before`` and ``after`` every cause is put into the
    reference; ``still``: of those the ones that then differ yet; ``of``: how many differ without the causes.

    A gradient that is zero on paper, whose relative gap is that of its noise, counts in none of them while it is within
    what rounding explains.
    """

    before: float
    after: float
    still: tuple[str, ...] = ()
    of: int = 0


@dataclass
class _Rounded:
    """Both sides' own runs at the working precision, the reference changed; each is made when it is first needed."""

    looked: Looked
    changes: Change

    @cached_property
    def reference(self) -> Arrays:
        sections = self.looked.sections
        return self.looked.cutter.reference_p.watch(sections.entering, sections.mode, self.changes)

    @cached_property
    def port(self) -> Arrays:
        sections = self.looked.sections
        sent = sent_by(sections.matched, {passage.boundary: passage for passage in sections.passages})
        made = self.looked.cutter.port_p.cross(sections.entering, sections.mode, sections.dropped, *sent, free=True)
        return made.ends


def closing_of(looked: Looked, changes: Change) -> Closing | None:
    """None where the causes do not go together."""
    sections, reference = looked.sections, looked.cutter.reference
    try:
        changed = reference.watch(sections.entering, sections.mode, changes)
    except Exception as error:
        swallowed(error)
        return None
    low = _Rounded(looked, changes)
    before, after, still, differing = 0.0, 0.0, list[str](), 0
    for name, plain in sections.reference_ends.items():
        judgement, port = sections.free_ends.get(name), sections.port_ends.get(name)
        if judgement is None or port is None or plain.dtype.kind not in FLOATING or name not in changed:
            continue
        # Where both variances of a batch are taken for one, a statistic may be the port's in either way.
        was = distance(plain, port)
        now = min(distance(changed[name], own) for own in (port, sections.kept_freely.get(name, port)))
        apart = now > judgement.allowed and not now <= UNSEEN * max(was, size(port))
        if apart and name.startswith("grad/") and _is_rounding(low, name, changed, port):
            continue
        if not (differs(judgement) or apart):
            continue
        differing += differs(judgement)
        scale = max(size(plain), size(port)) or 1.0  # a gradient may be zero on paper on one side alone
        before, after = max(before, was / scale), max(after, now / scale)
        still += [name] if apart else []
    return Closing(before, after, tuple(still), differing)


def _is_rounding(low: _Rounded, name: str, changed: Arrays, port: np.ndarray) -> bool:
    """Whether a gradient is apart by no more than both sides' own rounding: that of a sum of four terms is four times
    a mean's, which shows where the gradient is zero."""
    try:
        own, theirs = low.reference[name], low.port[name]
    except Exception as error:  # a side that does not run so at the working precision
        swallowed(error)
        return False
    return not differs(judge(own, theirs, changed[name], port, low.looked.cutter.quartet.precision))
