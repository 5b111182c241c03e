"""Values that one side makes more often than the other: what is made again is the value that is there already."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from compare.measure.contrast.alignment import aligned
from compare.measure.contrast.dataflow import Dataflow, Made
from compare.measure.contrast.values_alike import alike


def aligned_once(reference: Dataflow, port: Dataflow) -> tuple[dict[int, int], Dataflow, Dataflow]:
    """By value of the reference the port's, and both sides with what they repeat taken for what it repeats.

    A function that the port calls twice where the reference calls it once, as a loss that takes its value and its
    gradient does, makes values that would otherwise be found on the way to others, and face what makes those.
    """
    partners = aligned(reference, port)
    sides = [
        (reference, repeated(reference, partners.keys())),
        (port, repeated(port, set(partners.values()))),
    ]
    if not any(again for _, again in sides):
        return partners, reference, port
    left, right = (without(flow, again) for flow, again in sides)
    return aligned(left, right), left, right


def repeated(flow: Dataflow, matched: Collection[int]) -> dict[int, int]:
    """By value without a partner the earlier one, with a partner, that holds the same. What tells little from others is
    no such value."""
    found, earlier = {}, dict[int, list[int]]()
    for value in flow.maker:
        if value not in flow.contents or value not in flow.moving:
            continue
        own = flow.contents[value]
        if own.is_constant or own.is_few:
            continue
        before = earlier.setdefault(own.array.size, [])
        if value in matched:
            before.append(value)
        elif (same := next((one for one in before if alike(flow.contents[one], own)), None)) is not None:
            found[value] = same
    return found


def without(flow: Dataflow, again: Mapping[int, int]) -> Dataflow:
    """The same run with each value that is made again read where it was made first."""
    return replace(flow, steps=list(_steps(flow.steps, again))) if again else flow


def _steps(steps: Sequence[Made], again: Mapping[int, int]) -> Iterator[Made]:
    for step in steps:
        yield from (Made((again[one],), (one,), moves=True) for one in step.results if one in again)
        if rest := tuple(one for one in step.results if one not in again):
            yield replace(step, results=rest)


def places_of_repeats(flow: Dataflow, once: Dataflow) -> frozenset[int]:
    """The positions of what makes nothing but values that are there already, and of what only leads to that."""
    if flow is once:
        return frozenset()
    kept = {step.at for step in once.steps}
    found = {step.at for step in flow.steps if step.at not in kept}
    users: dict[int, set[int]] = {}
    for step in flow.steps:
        for number in step.operands:
            users.setdefault(number, set()).add(step.at)
    for step in reversed(flow.steps):
        after = set().union(*(users.get(number, set()) for number in step.results))
        if step.at >= 0 and after and after <= found:
            found.add(step.at)
    return frozenset(found)
