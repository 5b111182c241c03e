"""Which roundings of one side the other has too.

They are *aligned* where both sides have them at the same place: of what enters products there, as large a part is low;
what enters none is rounded as often, or is computed from low numbers, and low itself, on the other side.
"""

from dataclasses import dataclass
from fractions import Fraction

from compare.frameworks.islands.lowered import Kept, Step
from compare.frameworks.islands.places import UNKNOWN
from compare.frameworks.islands.roundings import Book, Operands, Rounding


@dataclass(frozen=True)
class Unlike:
    """What the two books do not have alike: each side's roundings that the other has no counterpart of, the steps that
    stay in its oracle, and of what both have the first line on each side and how many more there are."""

    reference: tuple[Rounding, ...]
    port: tuple[Rounding, ...]
    kept_reference: Kept
    kept_port: Kept
    both: tuple[str, str, str, int] | None


def compared(reference: Book, port: Book) -> Unlike:
    """Which roundings of one side are aligned with the other's."""
    books = (reference, port)
    alone: tuple[dict[int, Rounding], dict[int, Rounding]] = ({}, {})
    kept: tuple[set[Step], set[Step]] = (set(), set())
    for reach in {**reference.operands, **port.operands}:
        shares = [_shares(book.operands.get(reach)) for book in books]
        here = [book.operands.get(reach, Operands()) for book in books]
        # Numbers that were low already and stay so are nothing that was asked for here.
        if shares[0] == shares[1] or not any(operands.own for operands in here):
            continue
        for book, own, steps in zip(books, alone, kept, strict=True):
            operands = book.operands.get(reach, Operands())
            own.update((number, book.roundings[number]) for number in operands.own)
            steps |= operands.steps
    counts = [book.elsewhere() for book in books]
    for book, other, own in zip(books, reversed(books), alone, strict=True):
        for number, rounding in enumerate(book.roundings):
            key = (rounding.reach, rounding.step.format)
            like = counts[0][key] == counts[1][key] or key in other.continued
            if not (rounding.enters or rounding.joined or like):
                own[number] = rounding
    for own, steps in zip(alone, kept, strict=True):
        steps |= {rounding.step for rounding in own.values()}
    kept[1].intersection_update(rounding.step for rounding in alone[1].values())  # products follow from their operands
    aligned = [
        [one for number, one in enumerate(book.roundings) if number not in own]
        for book, own in zip(books, alone, strict=True)
    ]
    both = None
    if all(aligned):
        first = [next((one for one in some if one.step.place != UNKNOWN), some[0]) for some in aligned]
        more = max(len({one.step.place for one in some}) for some in aligned) - 1
        both = (first[0].step.format, first[0].step.place, first[1].step.place, more)
    in_order = [tuple(own[number] for number in sorted(own)) for own in alone]
    return Unlike(in_order[0], in_order[1], Kept(frozenset(kept[0])), Kept(frozenset(kept[1])), both)


def _shares(operands: Operands | None) -> dict[str, Fraction]:
    return {name: Fraction(count, operands.total) for name, count in operands.low.items()} if operands else {}
