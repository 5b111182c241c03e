"""A gradient that differs where the forward pass agrees: stopped, scaled, or another one at a special point."""

from collections.abc import Callable, Iterator
from typing import Any

import torch

from compare.doctor.ideas import DEFAULT, POSSIBLE, RARE, USUAL, Idea, View, bound
from compare.doctor.padding import shown
from compare.doctor.scene import Described, tensors_of

Tensor = torch.Tensor
_NO_GRADIENT = {"detach", "zeros_like", "ones_like", "argmax", "floor", "ceil", "round", "sign"}


def ideas(view: View, ratio: float | None) -> Iterator[Idea]:
    """Of any call: the gradient stopped at what enters it, one after another, or multiplied by ``ratio``.

    ``ratio`` is what the port's gradient is of the reference's, where it is one number in every entry.
    """
    call = view.call
    if call.name in _NO_GRADIENT:
        return
    entering = [(place, one) for place, one in enumerate(tensors_of((call.args, call.kwargs))) if one.requires_grad]
    stops = any(name == "stop_gradient" for name, _ in view.scene.primitives)
    for place, one in entering:
        what = one.name or (f"what enters {call.name}" if len(entering) == 1 else f"entry {place} of {call.name}")
        text = f"the port stops the gradient at {what}"
        yield Idea("gradient", "flows", "stopped", text, f"stopped at {what}", _entering(place, _stopped),
                   DEFAULT if stops else USUAL)  # fmt: skip
        if ratio not in (None, 0.0) and ratio is not None:
            text = f"the port multiplies the gradient by {shown(ratio)} at {what}"
            yield Idea("gradient", "as it is", f"times {shown(ratio)}", text, f"times {shown(ratio)} at {what}",
                       _entering(place, _multiplied(ratio)), USUAL)  # fmt: skip
    if len(entering) > 1:
        yield Idea("gradient", "flows", "stopped", f"the port stops the gradient at all that enters {call.name}",
                   f"stopped before {call.name}", _all(_stopped), POSSIBLE)  # fmt: skip
    yield from _kinks(call.name)
    if call.name == "embedding":
        yield from _embedding(view)


def _stopped(tensor: Tensor) -> Tensor:
    return tensor.detach()


def _multiplied(ratio: float) -> Callable[[Tensor], Tensor]:
    return lambda tensor: tensor.detach() + ratio * (tensor - tensor.detach())


def _entering(place: int, function: Callable[[Tensor], Tensor]) -> Any:
    """The call with the ``place``-th tensor that enters it changed."""

    def replacement(func: Any, args: tuple, kwargs: dict) -> Any:
        leaves, spec = torch.utils._pytree.tree_flatten((args, kwargs))
        places = [n for n, one in enumerate(leaves) if isinstance(one, torch.Tensor)]
        leaves[places[place]] = function(leaves[places[place]])
        args, kwargs = torch.utils._pytree.tree_unflatten(leaves, spec)
        return func(*args, **kwargs)

    return replacement


def _all(function: Callable[[Tensor], Tensor]) -> Any:
    def replacement(func: Any, args: tuple, kwargs: dict) -> Any:
        args, kwargs = torch.utils._pytree.tree_map_only(torch.Tensor, function, (args, kwargs))
        return func(*args, **kwargs)

    return replacement


def _surrogate(value: Tensor, slope: Tensor, x: Tensor) -> Tensor:
    """``value`` with the gradient ``slope`` with respect to ``x``."""
    return value.detach() + (x - x.detach()) * slope.detach()


def _at_kink(name: str) -> tuple[Callable[[dict[str, Any]], Tensor], str] | None:
    """JAX's gradient at the point where a function has none, and what it is in words."""

    def absolute(x: Tensor) -> Tensor:
        return _surrogate(x.abs(), torch.where(x >= 0, 1.0, -1.0).to(x.dtype), x)

    def leaky(given: dict[str, Any]) -> Tensor:
        x, slope = given["input"], given["negative_slope"]
        return _surrogate(
            torch.where(x >= 0, x, slope * x), torch.where(x >= 0, torch.ones_like(x), torch.full_like(x, slope)), x
        )

    def clipped(given: dict[str, Any]) -> Tensor:
        x, low, high = given["input"], given["min"], given["max"]
        inside = torch.ones_like(x)
        for bound_at, outside in ((low, x < low if low is not None else None), (high, x > high if high is not None
                                                                                else None)):  # fmt: skip
            if outside is not None:
                inside = inside * torch.where(x == bound_at, 0.5, torch.where(outside, 0.0, 1.0)).to(x.dtype)
        return _surrogate(x.clamp(low, high), inside, x)

    table: dict[str, tuple[Callable[[dict[str, Any]], Tensor], str]] = {
        "abs": (lambda given: absolute(given["input"]), "1 at zero"),
        "leaky_relu": (leaky, "1 at zero"),
        "clamp": (clipped, "one half at the bounds"),
        "clip": (clipped, "one half at the bounds"),
    }
    return table.get(name)


def _kinks(name: str) -> Iterator[Idea]:
    if (kink := _at_kink(name)) is not None:
        formula, word = kink

        def replacement(func: Any, args: tuple, kwargs: dict) -> Any:
            given = {"input": args[0]} | bound(name, args, kwargs) if name != "abs" else {"input": args[0]}
            return formula(given)

        yield Idea("gradient at a kink", "torch's", word, f"the port's gradient of {name} is {word}",
                   f"{name}'s gradient {word}", replacement, USUAL)  # fmt: skip


def _embedding(view: View) -> Iterator[Idea]:
    padding = view.given["padding_idx"]
    if padding is not None:
        text = f"the port's padding row ({padding}) has a gradient, the reference's has none"
        yield Idea("padding_idx", str(padding), "none", text, "no padding_idx", _padding(None), DEFAULT)
    elif isinstance(view.given["weight"], Described):
        yield Idea("padding_idx", "none", "0", "the port's row 0 has no gradient, the reference's has", "padding_idx 0",
                   _padding(0), RARE)  # fmt: skip


def _padding(index: int | None) -> Any:
    def replacement(func: Any, args: tuple, kwargs: dict) -> Any:
        given = bound("embedding", args, kwargs)
        return torch.nn.functional.embedding(given["input"], given["weight"], padding_idx=index)

    return replacement
