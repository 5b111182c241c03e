"""A derivative of the port's own: the forward pass agrees, and its gradient is that of another function."""

from collections.abc import Callable, Iterator
from typing import Any

import torch

from compare.explain.calls.counting import Replacement
from compare.explain.doctor.segment.ideas import Idea, View, computed, first_tensor, value
from compare.explain.doctor.segment.suspects.activations import ACTIVATIONS, OWN, own_name
from compare.explain.doctor.thresholds import POSSIBLE, RARE, USUAL

Tensor = torch.Tensor
ROUGH = {"round", "floor", "ceil", "trunc", "sign", "heaviside"}  # whose derivative is zero wherever there is one


def ideas(view: View) -> Iterator[Idea]:
    """Of an activation: the derivative of another one; of a rounding: straight through; of both: JAX's at a kink."""
    name = view.call.name
    if name in OWN:
        own = own_name(view)
        near = {"exact GELU": "tanh GELU", "tanh GELU": "exact GELU"}.get(own)
        for other, (function, _) in ACTIVATIONS.items():
            if other != own:
                text = f"the port's derivative of the {own} is that of the {other}"
                yield _idea(f"of the {own}", f"of the {other}", text, function, USUAL if other == near else RARE)
        yield _through(own, f"of the {own}", "", POSSIBLE)
    if name in ROUGH:
        yield _through(name, "zero", ", where the reference's is zero", USUAL)
    if name in _KINKS:
        formula, word = _KINKS[name]
        yield value("gradient at a kink", "torch's", word, computed(formula))


def _through(name: str, own: str, where: str, rank: int) -> Idea:
    return _idea(own, "1", f"the port lets the gradient straight through the {name}{where}", lambda x: x, rank)


def _idea(own: str, port: str, text: str, function: Callable[[Tensor], Tensor], rank: int) -> Idea:
    text = f"in the backward pass alone, {text}"
    return Idea("derivative", own, port, _derived(function), rank, text, f"derivative {port}")


def _derived(function: Callable[[Tensor], Tensor]) -> Replacement:
    """The call, with the gradient of another function."""

    def replacement(func: Any, args: tuple, kwargs: dict) -> Tensor:
        other = function(first_tensor(args, kwargs))
        result: Tensor = func(*args, **kwargs).detach() + (other - other.detach())
        return result

    return replacement


def _surrogate(result: Tensor, slope: Tensor, x: Tensor) -> Tensor:
    """``result`` with the gradient ``slope`` with respect to ``x``."""
    return result.detach() + (x - x.detach()) * slope.detach()


def _absolute(given: dict[str, Any]) -> Tensor:
    x = given["input"]
    return _surrogate(x.abs(), torch.where(x >= 0, 1.0, -1.0).to(x.dtype), x)


def _leaky(given: dict[str, Any]) -> Tensor:
    x, slope = given["input"], given["negative_slope"]
    steep = torch.where(x >= 0, torch.ones_like(x), torch.full_like(x, slope))
    return _surrogate(torch.where(x >= 0, x, slope * x), steep, x)


def _clipped(given: dict[str, Any]) -> Tensor:
    x, low, high = given["input"], given["min"], given["max"]
    inside = torch.ones_like(x)
    for edge, outside in ((low, x < low if low is not None else None), (high, x > high if high is not None else None)):
        if outside is not None:
            inside = inside * torch.where(x == edge, 0.5, torch.where(outside, 0.0, 1.0)).to(x.dtype)
    return _surrogate(x.clamp(low, high), inside, x)


# JAX's gradient at the point where a function has none, and what it is in words.
_KINKS: dict[str, tuple[Callable[[dict[str, Any]], Tensor], str]] = {
    "abs": (_absolute, "1 at zero"),
    "leaky_relu": (_leaky, "1 at zero"),
    "clamp": (_clipped, "one half at the bounds"),
    "clip": (_clipped, "one half at the bounds"),
}
