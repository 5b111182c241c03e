"""Steps of the reference that the port takes with another tensor too: values that are rotated as queries are, a norm of
what has none, what is done once more to its own result.

A stretch of calls that one tensor enters and one leaves is a function of it, whether or not the program names it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch.utils._pytree import tree_map_only

from compare.explain.calls.call import Call, Described, tensors_of
from compare.explain.calls.change import Change
from compare.explain.calls.counting import Function, Replacement, in_place
from compare.explain.calls.scene import Scene
from compare.explain.doctor.segment.tensor_flow import Flow, flow_of, leaves_of, tags_of
from compare.explain.doctor.suspect import Suspect
from compare.explain.doctor.thresholds import BEHIND, MOST_CALLS, MOST_STEPS, POSSIBLE, RARE
from compare.frameworks.islands.places import UNKNOWN

Tensor = torch.Tensor


@dataclass(frozen=True)
class Steps:
    """The calls by which one tensor becomes another of its shape, none of them used elsewhere; other tensors that they
    take do not depend on it."""

    entering: int
    leaving: int
    calls: tuple[Call, ...]

    def of(self, own: Tensor, seen: dict[int, Tensor]) -> Tensor:
        """What they make of another tensor; ``seen`` are the tensors of this run."""
        known = {**seen, self.entering: own}
        for call in self.calls:
            args, kwargs = tree_map_only(Described, lambda one: known[one.tag], (call.args, call.kwargs))
            made = call.function(*args, **kwargs)
            known.update(zip(tags_of(call.result), leaves_of(made), strict=False))
        return known[self.leaving]


def suspects(scene: Scene) -> Iterator[Suspect[Change]]:
    """Each such function, longest first, of every other tensor of the shape that is taken behind it; calls that are
    cleared take part."""
    flow = flow_of(scene)
    if len(flow.calls) > MOST_CALLS:
        return
    tried: set[str] = set()
    for steps in stretches(flow):
        last = steps.calls[-1].number
        inside = {one.tag for call in steps.calls for one in tensors_of([call.args, call.kwargs])}
        for other in flow.tensors:
            takers = [call.number for call in flow.takers.get(other, ())]
            if other in inside or not flow.alike(other, steps.entering) or not takers or min(takers) <= last:
                continue
            text = _said(flow, steps, other)
            if text in tried:
                continue
            tried.add(text)
            if len(tried) > MOST_STEPS:
                return
            change = _change(flow, steps, other, takers)
            yield Suspect("steps", f"of {flow.words(steps.entering)} alone", f"of {flow.words(other)} too", change,
                          _rank(flow, steps, other), text, f"{_names(steps)} of {flow.words(other)}")  # fmt: skip


def _rank(flow: Flow, steps: Steps, other: int) -> float:
    """Values are made as queries are, and what is done twice was done once: nearer at hand than any other tensor."""
    near = other == steps.leaving or flow.made_by(other) == flow.made_by(steps.entering)
    return POSSIBLE + BEHIND if near else RARE


def stretches(flow: Flow) -> list[Steps]:
    """The functions of one tensor among the calls, the longest first."""
    found = []
    before = flow.before()
    for leaving, since in before.items():
        for entering in since & flow.tensors.keys() if leaving in flow.tensors else ():
            if not flow.alike(entering, leaving):
                continue
            calls = [call for call in flow.calls if _between(before, call, entering, leaving)]
            made = {one.tag for call in calls for one in tensors_of([call.result])} - {leaving, entering}
            used = [call for tag in made for call in flow.takers.get(tag, ())]
            if not calls or all(_is_number(call) for call in calls) or any(_writes(call) for call in calls):
                continue
            if all(call in calls for call in used):
                found.append(Steps(entering, leaving, tuple(calls)))
    return sorted(found, key=lambda steps: -len(steps.calls))


def _between(before: dict[int, set[int]], call: Call, entering: int, leaving: int) -> bool:
    made = [one.tag for one in tensors_of([call.result])]
    return any(entering in before.get(tag, ()) and (tag == leaving or tag in before.get(leaving, ())) for tag in made)


def _is_number(call: Call) -> bool:
    """Whether a call only adds or multiplies by a number: another number says the same better."""
    return call.name in ("add", "sub", "rsub", "mul", "div") and len(tensors_of([call.args, call.kwargs])) == 1


def _writes(call: Call) -> bool:
    return in_place(getattr(call.function, "__name__", "")) or call.name.startswith("dropout") or call.function is None


def _names(steps: Steps) -> str:
    return ", ".join(dict.fromkeys(call.name for call in steps.calls))


def _said(flow: Flow, steps: Steps, other: int) -> str:
    places = ", ".join(dict.fromkeys(call.place for call in steps.calls if call.place != UNKNOWN))
    what = f"{_names(steps)}{f' ({places})' if places else ''}"
    if other == steps.leaving:
        return f"the port does once more what the reference does once: {what}"
    own = flow.words(steps.entering)
    return f"the port does with {flow.words(other)} too what the reference does with {own}: {what}"


def _change(flow: Flow, steps: Steps, other: int, takers: Sequence[int]) -> Change:
    """The other tensor through the same steps wherever it is taken, with the tensors that the steps took themselves."""
    seen: dict[int, Tensor] = {}
    by_number = {call.number: call for call in flow.calls}
    changed: dict[int, Replacement] = {}
    for call in steps.calls:
        changed[call.number] = partial(_noting, call, seen)
    for number in takers:
        changed[number] = partial(_through, by_number[number], steps, seen, other)
    return Change(calls=changed)


def _noting(call: Call, seen: dict[int, Tensor], func: Function, args: tuple, kwargs: dict) -> Any:
    seen.update(zip(tags_of(call.args, call.kwargs), leaves_of((args, kwargs)), strict=False))
    return func(*args, **kwargs)


def _through(
    call: Call, steps: Steps, seen: dict[int, Tensor], other: int, func: Function, args: tuple, kwargs: dict
) -> Any:
    tags = iter(tags_of(call.args, call.kwargs))

    def changed(own: Tensor) -> Tensor:
        return steps.of(own, seen) if next(tags, 0) == other else own

    args, kwargs = tree_map_only(Tensor, changed, (args, kwargs))
    return func(*args, **kwargs)
