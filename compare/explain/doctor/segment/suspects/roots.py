"""Roots: an epsilon inside or outside of one, and the number in the middle."""

from collections.abc import Iterator
from typing import Any

import torch

from compare.explain.calls.call import Call, Described
from compare.explain.calls.change import Change
from compare.explain.calls.counting import Function
from compare.explain.calls.scene import Scene
from compare.explain.doctor.segment.ideas import Family, Idea, View, computed, left_out, value
from compare.explain.doctor.segment.padding import shown
from compare.explain.doctor.suspect import Suspect
from compare.explain.doctor.thresholds import DEFAULT, EPSILON, USUAL

_ROOTS = {"sqrt", "rsqrt"}


def epsilons(scene: Scene) -> Iterator[Suspect[Change]]:
    """sqrt(v + eps) where the port has sqrt(v) + eps, and the other way round."""
    for first, second in zip(scene.calls, scene.calls[1:], strict=False):
        if second.name in _ROOTS and (eps := _epsilon(first)) and _follows(first, second):
            change = Change(calls={first.number: left_out, second.number: _outside(eps)})
            yield _suspect(eps, "inside the root", "outside of it", change)
        if first.name in ("sqrt", "std") and (eps := _epsilon(second)) and _follows(first, second):
            change = Change(calls={second.number: _inside(eps)})
            yield _suspect(eps, "outside of the root", "inside it", change)


def _suspect(eps: float, own: str, port: str, change: Change) -> Suspect[Change]:
    text = f"the epsilon {shown(eps)} is {port} in the port, {own} in the reference"
    return Suspect("epsilon", own, port, change, USUAL, text, f"epsilon {port}")


def _epsilon(call: Call) -> float:
    """What a sum adds that may be an epsilon; 0.0 where it is none."""
    numbers = [given for given in call.args[1:2] if isinstance(given, float)]
    return numbers[0] if call.name == "add" and numbers and 0 < numbers[0] < EPSILON else 0.0


def _follows(first: Call, second: Call) -> bool:
    """Whether one may be what the other takes."""
    taken = next((given for given in second.args if isinstance(given, Described)), None)
    return taken is not None and isinstance(first.result, Described) and taken.shape == first.result.shape


def _outside(eps: float) -> Any:
    def replacement(func: Function, args: tuple, kwargs: dict) -> torch.Tensor:
        root = torch.sqrt(args[0]) + eps
        return root if func.__name__.startswith("sqrt") else 1 / root

    return replacement


def _inside(eps: float) -> Any:
    return lambda func, args, kwargs: torch.sqrt(args[0] ** 2 + eps)


def middle(view: View) -> Iterator[Idea]:
    """Of a median of an even count: torch takes the lower of both in the middle."""
    yield value("median", "the lower of two in the middle", "the mean of both", computed(_mean_of_both), DEFAULT)


def _mean_of_both(given: dict[str, Any]) -> Any:
    x, axis = given["input"], given.get("dim")
    if axis is None:
        return torch.quantile(x, 0.5)
    made = torch.quantile(x, 0.5, dim=axis, keepdim=bool(given.get("keepdim")))
    indices = torch.median(x, axis, keepdim=bool(given.get("keepdim"))).indices
    return torch.return_types.median((made, indices))


FAMILIES: dict[str, Family] = {"median": middle}
