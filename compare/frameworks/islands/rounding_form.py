"""A book of roundings as JSON holds it: a recorded reference has one."""

from collections.abc import Mapping, Sequence
from typing import Any

from compare.frameworks.islands.lowered import Step
from compare.frameworks.islands.roundings import INPUT, Book, Operands, Reach, Rounding


def form_of_book(book: Book) -> dict[str, Any]:
    """A book as JSON holds it."""
    return {
        "precision": book.precision,
        "roundings": [
            {**vars(one), "step": list(vars(one.step).values()), "reach": sorted(one.reach)} for one in book.roundings
        ],
        "operands": [
            [
                sorted(reach),
                one.total,
                dict(one.low),
                sorted(one.own),
                sorted(list(vars(step).values()) for step in one.steps),
            ]
            for reach, one in book.operands.items()
        ],
        "continued": sorted([sorted(reach), low] for reach, low in book.continued),
    }


def book_of_form(form: Mapping[str, Any], names: Mapping[str, str]) -> Book:
    """The book of a form, its weights by other names; those that have none are left out of places."""

    def reach_of(listed: Sequence[str]) -> Reach:
        return frozenset(names.get(name, name) for name in listed if name in names or name.startswith(INPUT))

    book = Book(form["precision"])
    for one in form["roundings"]:
        book.roundings.append(Rounding(**{**one, "step": Step(*one["step"]), "reach": reach_of(one["reach"])}))
    for reach, total, low, own, steps in form["operands"]:
        operands = book.operands.setdefault(reach_of(reach), Operands())
        operands.total += total
        operands.low.update(low)
        operands.own |= set(own)
        operands.steps |= {Step(*step) for step in steps}
    book.continued |= {(reach_of(reach), low) for reach, low in form["continued"]}
    return book
