"""Which difference is the first: in execution order forward, else from the loss back."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from compare.explain.locate.crossings import LOSS as AFTER
from compare.explain.locate.crossings import Crossing
from compare.explain.locate.cuts import IN, OUT
from compare.explain.locate.difference import BACKWARD, FORWARD, LOSS, STATISTICS, relative_gap
from compare.explain.locate.sections import Sections
from compare.explain.locate.thresholds import APART, LEADING
from compare.verdict.verdict import Judgement, Verdict


@dataclass(frozen=True)
class Introduced:
    """A difference that arises in one section.

    Attributes:
        owner: the reference's layer whose own code it arises in; ``AFTER`` for the loss.
        crossings: of the boundary where it shows, those that differ; none where it shows at an end alone.
        name: of the quantity, for one that shows at an end.
    """

    direction: str
    owner: str
    judgement: Judgement
    crossings: tuple[Crossing, ...] = ()
    name: str = ""


def differs(judgement: Judgement | None) -> bool:
    """Whether it is no match; what holds no finite entry says nothing."""
    return judgement is not None and judgement.verdict not in (Verdict.MATCH, Verdict.INCOMPLETE)


def introduced(sections: Sections) -> list[Introduced]:
    """Every difference that arises somewhere, the first one first."""
    forward = list(_forward(sections))
    end = sections.ends.get("loss")
    loss = [Introduced(LOSS, AFTER, end, name="loss")] if end and differs(end) and not _another_shape(sections) else []
    backward = [one for one in _backward(sections) if not _follows(one, forward + loss)]
    fed = {one.cut.path for one in sections.crossings if one.cut.way == IN and _is_fed(sections, one)}
    statistics = [one for one in _statistics(sections) if not forward or one.owner in fed]
    return [*forward, *loss, *statistics, *backward]


def hidden(sections: Sections, found: Sequence[Introduced]) -> list[Introduced]:
    """What differs on the way back of the layers whose code differs forward as well: it may follow from that, or not,
    which only shows with the causes of that in the reference."""
    forward = [one for one in found if one.direction in (FORWARD, LOSS)]
    return [one for one in _backward(sections) if _follows(one, forward)]


def _follows(one: Introduced, forward: Sequence[Introduced]) -> bool:
    """Whether a difference on the way back may be no more than what the same code does forward: not where that is next
    to nothing beside it."""
    there = [other.judgement for other in forward if other.owner == one.owner]
    if not there or any(judgement.verdict is Verdict.INVALID for judgement in there):
        return bool(there)  # of other shapes and of what is not finite there is no telling
    return not max(relative_gap(judgement)[0] for judgement in there) <= min(
        APART, LEADING * relative_gap(one.judgement)[0]
    )


def _forward(sections: Sections) -> Iterator[Introduced]:
    # What a batch norm takes off again, its running mean keeps: what comes there is no matter of another way.
    ends, free = sections.ends, sections.free_ends
    keeps = any(
        name.startswith("state/") and differs(one) and not differs(ends.get(name)) for name, one in free.items()
    )
    for number, crossing in enumerate(sections.crossings):
        if differs(crossing.forward) and (keeps or not _made_good(crossing, sections.crossings[number + 1 :])):
            yield Introduced(FORWARD, crossing.owner, crossing.forward, (crossing,))
    # What the pair's own adapters make of the model's outputs comes after the last cut; a model without cuts is all
    # one section.
    for name, one in sections.ends.items():
        if name.split("/")[0] == "output" and differs(one) and not _another_shape(sections):
            yield Introduced(FORWARD, "", one, name=name)


def _is_fed(sections: Sections, crossing: Crossing) -> bool:
    """Whether the reference's own array enters the port's layer there: what it keeps is then its own doing."""
    return crossing.port in sections.matched


def _another_shape(sections: Sections) -> bool:
    """Whether an array of the port had another size: it went on as it was, and what comes after it tells nothing."""
    return any(crossing.port not in sections.matched for crossing in sections.crossings)


def _made_good(one: Crossing, later: Sequence[Crossing]) -> bool:
    """Whether a layer around it gives out all that it should all the same, in the port's own run: then it was no fault
    but another way (a scale applied here instead of there)."""
    given_out: dict[tuple[str, int], list[bool]] = {}
    for other in later:
        if other.cut.way == OUT:
            given_out.setdefault((other.cut.path, other.cut.call), []).append(differs(other.arrived))
    return any(call in given_out and not any(given_out[call]) for call in one.around)


def _backward(sections: Sections) -> Iterator[Introduced]:
    """From the loss back: the arrays that leave a layer, then, where it is entered, its own parameters' gradients and
    those of what entered."""
    left = {
        name: judgement for name, judgement in sections.ends.items() if name.startswith("grad/") and differs(judgement)
    }
    inputs = {name for name in left if name.startswith("grad/input.")}
    for crossing in reversed(sections.crossings):
        if crossing.cut.way == IN:
            yield from _parameters(sections, crossing.cut.path, left)
        if differs(crossing.backward):
            assert crossing.backward is not None
            yield Introduced(BACKWARD, crossing.user, crossing.backward, (crossing,))
    for name, judgement in left.items():
        if name not in inputs or not sections.crossings:
            # Of a layer that nothing floating enters, as an embedding, there is no cut before it.
            owner = "" if name in inputs else _around(sections, name.removeprefix("grad/"))
            yield Introduced(BACKWARD, owner, judgement, name=name)


def _parameters(sections: Sections, path: str, left: dict[str, Judgement]) -> Iterator[Introduced]:
    """The parameters that ``path`` is the innermost layer around all uses of."""
    for name in list(left):
        if not name.startswith("grad/input.") and _around(sections, name.removeprefix("grad/")) == path:
            yield Introduced(BACKWARD, path, left.pop(name), name=name)


def _around(sections: Sections, parameter: str) -> str:
    """The innermost layer with a counterpart around a parameter, and around every call that takes it."""
    users = {parameter.rpartition(".")[0]}
    for call in sections.calls:
        if any(getattr(arg, "name", "") == parameter for arg in (*call.args, *call.kwargs.values())):
            users.add(call.module)
    called = {crossing.cut.path for crossing in sections.crossings}
    common = [
        path for path in called if all(user == path or user.startswith(f"{path}." if path else "") for user in users)
    ]
    return max(common, key=len, default="")


def _statistics(sections: Sections) -> Iterator[Introduced]:
    for name, judgement in sections.ends.items():
        if name.startswith("state/") and differs(judgement):
            yield Introduced(STATISTICS, kept_by(name), judgement, name=name)


def kept_by(quantity: str) -> str:
    """The layer that keeps a statistic; of another quantity no layer of the reference."""
    return quantity.removeprefix("state/").rpartition(".")[0] if quantity.startswith("state/") else AFTER


def by_place(differences: Sequence[Introduced]) -> list[list[Introduced]]:
    """What shows at one boundary, or goes back from one section, is one place."""
    groups: dict[object, list[Introduced]] = {}
    for difference in differences:
        if difference.direction == BACKWARD or not difference.crossings:
            key: object = (difference.direction, difference.owner)
        else:
            key = difference.crossings[0].cut.boundary
        groups.setdefault(key, []).append(difference)
    return list(groups.values())


def leading(groups: Sequence[Sequence[Introduced]]) -> list[int]:
    """The numbers of the places in the order in which they are to be examined: the first whose difference is of the
    largest's size, and then the others as they come. A table that is off by 5e-9 says nothing of a gap of 1e-2."""
    sizes = [max(relative_gap(one.judgement)[0] for one in group) for group in groups]
    directions = [group[0].direction for group in groups]
    forward = [size for size, way in zip(sizes, directions, strict=True) if way == FORWARD and np.isfinite(size)]
    largest = max(forward, default=0.0)
    if (
        forward and largest < APART
    ):  # no more than rounding at float32: what differs on the way back by far more is told first
        largest = max([largest, *(size for size in sizes if np.isfinite(size))])
    first = next((number for number, size in enumerate(sizes) if not size < LEADING * largest), 0)
    return [first, *(number for number in range(len(groups)) if number != first)]
