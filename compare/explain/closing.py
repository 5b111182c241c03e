"""What is left of a pair's gaps when all causes are taken together, each quantity by its own tolerance."""

from dataclasses import dataclass

from compare.arrays.arrays import FLOATING
from compare.errors import swallowed
from compare.explain.calls.change import Change
from compare.explain.doctor.gaps import distance, size
from compare.explain.doctor.thresholds import UNSEEN
from compare.explain.locate.introduced import differs
from compare.explain.locate.locate import Looked


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


def closing_of(looked: Looked, changes: Change) -> Closing | None:
    """None where the causes do not go together."""
    sections, reference = looked.sections, looked.cutter.reference
    try:
        changed = reference.watch(sections.entering, sections.mode, changes)
    except Exception as error:
        swallowed(error)
        return None
    before, after, still, differing = 0.0, 0.0, list[str](), 0
    for name, plain in sections.reference_ends.items():
        judgement, port = sections.free_ends.get(name), sections.port_ends.get(name)
        if judgement is None or port is None or plain.dtype.kind not in FLOATING or name not in changed:
            continue
        was, now = distance(plain, port), distance(changed[name], port)
        apart = now > judgement.allowed and not now <= UNSEEN * max(was, size(port))
        if not (differs(judgement) or apart):
            continue
        differing += differs(judgement)
        before = max(before, was / (size(plain) or 1.0))
        after = max(after, now / (size(plain) or 1.0))
        still += [name] if apart else []
    return Closing(before, after, tuple(still), differing)
