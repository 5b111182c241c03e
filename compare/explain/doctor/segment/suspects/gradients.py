"""A gradient that differs where the forward pass agrees: stopped, let through, or scaled."""

from collections.abc import Callable, Iterator
from typing import Any

import torch

from compare.explain.calls.call import Call, Described, tensors_of
from compare.explain.calls.change import Change
from compare.explain.calls.scene import Scene
from compare.explain.doctor.segment.ideas import (
    DEFAULT,
    POSSIBLE,
    RARE,
    USUAL,
    Idea,
    Suspect,
    View,
    bound,
    first_tensor,
)
from compare.explain.doctor.segment.padding import shown
from compare.explain.doctor.segment.suspects import derivatives, unrolled

Tensor = torch.Tensor
_RECURRENT = ("lstm", "gru", "rnn_tanh", "rnn_relu")
_NO_GRADIENT = {"zeros_like", "ones_like", "argmax", "floor", "ceil", "round", "sign"}


def ideas(view: View, ratio: float | None) -> Iterator[Idea]:
    """Of any call: the gradient stopped at what enters it, one after another, or multiplied by ``ratio``.

    ``ratio`` is what the port's gradient is of the reference's, where it is one number in every entry.
    """
    call = view.call
    if call.name == "detach":
        yield from _let_through(view)
        return
    yield from derivatives.ideas(view)
    if call.name in _NO_GRADIENT:
        return
    entering = [(place, one) for place, one in enumerate(tensors_of((call.args, call.kwargs))) if one.requires_grad]
    stops = any(name == "stop_gradient" for name, _ in view.scene.primitives)
    for place, one in entering:
        what = one.name or (f"what enters {call.name}" if len(entering) == 1 else f"entry {place} of {call.name}")
        text = f"the port stops the gradient at {what}"
        yield Idea("stop_gradient", "flows", "stopped", text, f"stopped at {what}", _entering(place, _stopped),
                   DEFAULT if stops else USUAL)  # fmt: skip
        if ratio not in (None, 0.0) and ratio is not None:
            text = f"the port multiplies the gradient by {shown(ratio)} at {what}"
            yield Idea("gradient", "as it is", f"times {shown(ratio)}", text, f"times {shown(ratio)} at {what}",
                       _entering(place, _multiplied(ratio)), USUAL)  # fmt: skip
    if len(entering) > 1:
        yield Idea("stop_gradient", "flows", "stopped", f"the port stops the gradient at all that enters {call.name}",
                   f"stopped before {call.name}", _all(_stopped), POSSIBLE)  # fmt: skip
    if call.name in _RECURRENT:
        yield Idea("stop_gradient", "flows", "stopped", "the port stops the gradient of the state between two steps",
                   "stopped between steps", unrolled.truncated(call.name), USUAL)  # fmt: skip
    if call.name == "embedding":
        yield from _embedding(view)


def _let_through(view: View) -> Iterator[Idea]:
    """Of a ``detach``: that the port does without it."""
    entering = view.first.name if view.first else ""
    what = f"{entering} " if entering else ""
    yield Idea("stop_gradient", "detached", "flows", f"the port lets the gradient {what and 'of '}{what}through where "
               f"the reference detaches it ({view.call.place})", "not detached",
               lambda func, args, kwargs: first_tensor(args, kwargs), DEFAULT)  # fmt: skip


def without_no_grad(scene: Scene) -> Suspect | None:
    """What the reference computes within ``torch.no_grad()``: that the port lets the gradient through it."""
    hidden = [call for call in scene.calls if _hides(call)]
    if not hidden:
        return None

    def replacement(func: Any, args: tuple, kwargs: dict) -> Any:
        with torch.enable_grad():
            return func(*args, **kwargs)

    change = Change(calls=dict.fromkeys((call.number for call in scene.calls), replacement))
    text = f"the port lets the gradient through where the reference computes without it (no_grad, {hidden[0].place})"
    return Suspect("stop_gradient", "no_grad", "flows", text, "no_grad left out", change, DEFAULT)


def _hides(call: Call) -> bool:
    """Whether a gradient enters a call that has one, and none leaves it."""
    if call.name == "detach" or call.name in _NO_GRADIENT or not isinstance(call.result, Described):
        return False
    floating = call.result.dtype.startswith(("float", "bfloat"))
    return floating and not call.result.requires_grad and any(
        one.requires_grad for one in tensors_of((call.args, call.kwargs)))  # fmt: skip


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
