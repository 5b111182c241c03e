"""A derivative of the port's own: the forward pass agrees, and its gradient is that of another function."""

from collections.abc import Callable, Iterator
from typing import Any

import torch

from compare.explain.doctor.segment.ideas import POSSIBLE, RARE, USUAL, Idea, View, bound, first_tensor
from compare.explain.doctor.segment.suspects.activations import ACTIVATIONS, OWN

Tensor = torch.Tensor
ROUGH = {"round", "floor", "ceil", "trunc", "sign", "heaviside"}  # whose derivative is zero wherever there is one


def surrogate(value: Tensor, slope: Tensor, x: Tensor) -> Tensor:
    """``value`` with the gradient ``slope`` with respect to ``x``."""
    return value.detach() + (x - x.detach()) * slope.detach()


def ideas(view: View) -> Iterator[Idea]:
    """Of an activation: the derivative of another one; of a rounding: straight through; of both: JAX's at a kink."""
    name = view.call.name
    if name in OWN:
        yield from _activation(view)
    if name in ROUGH:
        yield _idea(name, "zero", "1", f"the port lets the gradient straight through the {name}, where the "
                    "reference's is zero", f"straight through {name}",
                    lambda func, args, kwargs: _like(func(*args, **kwargs), args[0]), USUAL)  # fmt: skip
    yield from _kinks(name)


def _idea(name: str, own: str, port: str, text: str, short: str, replacement: Any, rank: float) -> Idea:
    return Idea("derivative", own, port, f"in the backward pass alone, {text}", short, replacement, rank)


def _like(value: Tensor, other: Tensor) -> Tensor:
    """``value`` with the gradient of ``other``."""
    return value.detach() + (other - other.detach())


def _activation(view: View) -> Iterator[Idea]:
    name, given = view.call.name, view.given
    own = "tanh GELU" if name == "gelu" and given["approximate"] == "tanh" else OWN[name]
    near = {"exact GELU": "tanh GELU", "tanh GELU": "exact GELU"}.get(own)
    for other, (function, _) in ACTIVATIONS.items():
        if other != own:
            yield _idea(name, f"of the {own}", f"of the {other}", f"the port's derivative of the {own} is that of the "
                        f"{other}", f"derivative of the {other}", _derived(function),
                        USUAL if other == near else RARE)  # fmt: skip
    yield _idea(name, f"of the {own}", "1", f"the port lets the gradient straight through the {own}",
                f"straight through the {own}", _derived(lambda x: x), POSSIBLE)  # fmt: skip


def _derived(function: Callable[[Tensor], Tensor]) -> Any:
    return lambda func, args, kwargs: _like(func(*args, **kwargs), function(first_tensor(args, kwargs)))


def _absolute(given: dict[str, Any]) -> Tensor:
    x = given["input"]
    return surrogate(x.abs(), torch.where(x >= 0, 1.0, -1.0).to(x.dtype), x)


def _leaky(given: dict[str, Any]) -> Tensor:
    x, slope = given["input"], given["negative_slope"]
    steep = torch.where(x >= 0, torch.ones_like(x), torch.full_like(x, slope))
    return surrogate(torch.where(x >= 0, x, slope * x), steep, x)


def _clipped(given: dict[str, Any]) -> Tensor:
    x, low, high = given["input"], given["min"], given["max"]
    inside = torch.ones_like(x)
    for edge, outside in ((low, x < low if low is not None else None), (high, x > high if high is not None else None)):
        if outside is not None:
            inside = inside * torch.where(x == edge, 0.5, torch.where(outside, 0.0, 1.0)).to(x.dtype)
    return surrogate(x.clamp(low, high), inside, x)


# JAX's gradient at the point where a function has none, and what it is in words.
_KINKS: dict[str, tuple[Callable[[dict[str, Any]], Tensor], str]] = {
    "abs": (_absolute, "1 at zero"),
    "leaky_relu": (_leaky, "1 at zero"),
    "clamp": (_clipped, "one half at the bounds"),
    "clip": (_clipped, "one half at the bounds"),
}


def _kinks(name: str) -> Iterator[Idea]:
    if name not in _KINKS:
        return
    formula, word = _KINKS[name]

    def replacement(func: Any, args: tuple, kwargs: dict) -> Any:
        return formula({"input": args[0]} | (bound(name, args, kwargs) if name != "abs" else {}))

    yield Idea("gradient at a kink", "torch's", word, f"the port's gradient of {name} is {word}",
               f"{name}'s gradient {word}", replacement, USUAL)  # fmt: skip
