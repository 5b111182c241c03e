"""A gradient that differs where the forward pass agrees: stopped, let through, scaled, or of another function."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from math import inf
from typing import Any

import torch
from torch.utils._pytree import tree_map_only

from compare.explain.calls.call import Call, Described, tensors_of
from compare.explain.calls.change import Change
from compare.explain.calls.counting import Function, Replacement
from compare.explain.calls.scene import Scene
from compare.explain.doctor.fit import Fitted, printed
from compare.explain.doctor.segment.formulas import FORMULAS, PARTS, has_parts, with_part
from compare.explain.doctor.segment.ideas import Idea, View, altered, computed, first_tensor, left_out, value
from compare.explain.doctor.segment.padding import shown
from compare.explain.doctor.segment.suspects import scored, unrolled
from compare.explain.doctor.segment.suspects.activations import ACTIVATIONS, OWN, own_name
from compare.explain.doctor.segment.suspects.at_zero import AT_ZERO
from compare.explain.doctor.segment.suspects.gate_parts import PackedPart, packed_parts
from compare.explain.doctor.segment.suspects.recurrent import KINDS
from compare.explain.doctor.suspect import Number, Suspect
from compare.explain.doctor.thresholds import DEFAULT, DIGITS, POSSIBLE, RARE, USUAL

Tensor = torch.Tensor
_NO_GRADIENT = {"zeros_like", "ones_like", "argmax", "floor", "ceil", "round", "sign"}


def ideas(view: View, ratio: float | None) -> Iterator[Idea]:
    """Of any call: the gradient stopped at what enters it, one after another, or multiplied by ``ratio``.

    ``ratio`` is what the port's gradient is of the reference's, where it is one number in every entry.
    """
    call = view.call
    if call.name == "detach":
        name = view.first.name if view.first else ""
        of = f"the gradient of {name}" if name else "the gradient"
        text = f"the port lets {of} through where the reference detaches it ({call.place})"
        yield Idea("stop_gradient", "detached", "flows", left_out, DEFAULT, text, "not detached")
        return
    yield from derivatives(view)
    if call.name in _NO_GRADIENT:
        return
    yield from _parts(view)
    entering = _entering_places(call)
    stops = any(name == "stop_gradient" for name, _ in view.scene.primitives)
    for place, given in entering:
        what = _what(call, place, given, len(entering))
        yield _stop(f"the port stops the gradient at {what}", f"stopped at {what}", _entering(place, _stopped),
                    DEFAULT if stops else USUAL)  # fmt: skip
        if ratio is not None and ratio != 0.0:
            words = f"times {shown(ratio)}"
            text = f"the port multiplies the gradient by {shown(ratio)} at {what}"
            yield Idea("gradient", "as it is", words, _entering(place, _multiplied(ratio)), USUAL, text,
                       f"{words} at {what}")  # fmt: skip
    for part in packed_parts((call,), view.scene.weights):
        yield _stop(f"the port stops the gradient at {part.words}", f"stopped at {part.words}",
                    _in_part(call, part, _stopped), DEFAULT if stops else POSSIBLE)  # fmt: skip
    if call.name in KINDS:
        yield _stop("the port stops the gradient of the state between two steps", "stopped between steps",
                    unrolled.truncated(call.name), USUAL)  # fmt: skip
    if call.name == "embedding":
        yield from _embedding(view.given["padding_idx"])


def _parts(view: View) -> Iterator[Idea]:
    """Of a call that torch makes in one piece: the gradient stopped at each part of its formula, and at all."""
    name = view.call.name
    if name not in FORMULAS or not has_parts(name, view.given) or not _entering_places(view.call):
        return
    stops = any(operation == "stop_gradient" for operation, _ in view.scene.primitives)
    parts = PARTS[name]
    for some in [*((part,) for part in parts), *([parts] if len(parts) > 1 else [])]:
        what = f"the {' and the '.join(some)} of {name}"
        yield _stop(f"the port stops the gradient at {what}", f"stopped at {what}",
                    computed(with_part(name, some, _stopped)), DEFAULT if stops else POSSIBLE)  # fmt: skip


def _entering_places(call: Call) -> list[tuple[int, Described]]:
    """The tensors that enter a call and have a gradient, each with its place among all that enter."""
    return [(n, given) for n, given in enumerate(tensors_of((call.args, call.kwargs))) if given.requires_grad]


def factors(scene: Scene) -> Iterator[Number[Change]]:
    """What the gradient is multiplied by, no guess made, at each place where it may be: what enters the loss, what
    enters a call, the parts of a call that torch makes in one piece."""
    for what, change in scored.gradients(scene):
        yield _factor(what, change)
    for call in scene.calls:
        if call.name in _NO_GRADIENT or call.name == "detach":
            continue
        entering = _entering_places(call)
        for place, given in entering:
            yield _factor(_what(call, place, given, len(entering)), partial(_entered, call, place))
        for part in packed_parts((call,), scene.weights):
            yield _factor(part.words, partial(_packed, call, part))
        whole = entering and call.name in FORMULAS and has_parts(call.name, View(call, scene, {}).given)
        for name in PARTS[call.name] if whole else ():
            yield _factor(f"the {name} of {call.name}", partial(_part_of, call, name))


def _entered(call: Call, place: int, function: Callable[[Tensor], Tensor]) -> Change:
    return Change(calls={call.number: _entering(place, function)})


def _packed(call: Call, part: PackedPart, function: Callable[[Tensor], Tensor]) -> Change:
    return Change(calls={call.number: _in_part(call, part, function)})


def _part_of(call: Call, part: str, function: Callable[[Tensor], Tensor]) -> Change:
    return Change(calls={call.number: computed(with_part(call.name, (part,), function))})


def _factor(what: str, through: Callable[[Callable[[Tensor], Tensor]], Change]) -> Number[Change]:
    def change(number: float) -> Change:
        return through(_multiplied(number))

    def suspect(fitted: Fitted) -> Suspect[Change]:
        words, number = printed(fitted.number, fitted.near)
        text = f"the port multiplies the gradient by {words} at {what}"
        odd = float(f"{number:.{DIGITS}g}") != number
        return Suspect("gradient", "as it is", f"times {words}", change(number), RARE, text, f"times {words} at {what}",
                       odd=odd, fitted=True)  # fmt: skip

    return Number(1.0, change, suspect)


def _what(call: Call, place: int, given: Described, of: int) -> str:
    return given.name or (f"what enters {call.name}" if of == 1 else f"entry {place} of {call.name}")


def _stop(text: str, short: str, replacement: Replacement, rank: int) -> Idea:
    return Idea("stop_gradient", "flows", "stopped", replacement, rank, text, short)


def _embedding(padding: int | None) -> Iterator[Idea]:
    if padding is not None:
        text = f"the port's padding row ({padding}) has a gradient, the reference's has none"
        yield Idea("padding_idx", str(padding), "none", altered(padding_idx=None), DEFAULT, text)
    else:
        text = "the port's row 0 has no gradient, the reference's has"
        yield Idea("padding_idx", "none", "0", altered(padding_idx=0), RARE, text)


def of_the_loss(scene: Scene) -> Iterator[Suspect[Change]]:
    """The gradient stopped where it leaves the loss."""
    for what, change in scored.gradients(scene):
        text = f"the port stops the gradient at {what}"
        yield Suspect("stop_gradient", "flows", "stopped", change(_stopped), USUAL, text, f"stopped at {what}")


def without_no_grad(scene: Scene) -> Suspect[Change] | None:
    """What the reference computes within ``torch.no_grad()``: that the port lets the gradient through it."""
    hidden = [call for call in scene.calls if _hides(call)]
    if not hidden:
        return None

    def replacement(func: Function, args: tuple, kwargs: dict) -> Any:
        with torch.enable_grad():
            return func(*args, **kwargs)

    change = Change(calls=dict.fromkeys((call.number for call in scene.calls), replacement))
    text = f"the port lets the gradient through where the reference computes without it (no_grad, {hidden[0].place})"
    return Suspect("stop_gradient", "no_grad", "flows", change, DEFAULT, text, "no_grad left out")


def _hides(call: Call) -> bool:
    """Whether a gradient enters a call that has one, and none leaves it."""
    if call.name == "detach" or call.name in _NO_GRADIENT or not isinstance(call.result, Described):
        return False
    floating = call.result.dtype.startswith(("float", "bfloat"))
    enters = any(given.requires_grad for given in tensors_of((call.args, call.kwargs)))
    return floating and enters and not call.result.requires_grad


def _stopped(tensor: Tensor) -> Tensor:
    return tensor.detach()


def _multiplied(ratio: float) -> Callable[[Tensor], Tensor]:
    return lambda tensor: tensor.detach() + ratio * (tensor - tensor.detach())


def _entering(place: int, function: Callable[[Tensor], Tensor]) -> Replacement:
    """The call with one of the tensors that enter it changed."""

    def replacement(func: Function, args: tuple, kwargs: dict) -> Any:
        at = count()
        args, kwargs = tree_map_only(Tensor, lambda own: function(own) if next(at) == place else own, (args, kwargs))
        return func(*args, **kwargs)

    return replacement


def _in_part(call: Call, part: PackedPart, function: Callable[[Tensor], Tensor]) -> Replacement:
    """The call with a part of what it takes packed changed."""
    places = {n for n, given in enumerate(tensors_of((call.args, call.kwargs))) if given.name in part.names}

    def changed(own: Tensor) -> Tensor:
        return torch.cat((own[: part.rows.start], function(own[part.rows]), own[part.rows.stop :]))

    def replacement(func: Function, args: tuple, kwargs: dict) -> Any:
        at = count()
        args, kwargs = tree_map_only(Tensor, lambda own: changed(own) if next(at) in places else own, (args, kwargs))
        return func(*args, **kwargs)

    return replacement


KINKED = {"relu", "leaky_relu", "relu6", "hardtanh", "hardswish", "hardsigmoid", "abs", "clamp", "clip", "threshold",
          "softshrink", "hardshrink"}  # fmt: skip
ROUGH = {"round", "floor", "ceil", "trunc", "sign", "heaviside"}  # whose derivative is zero wherever there is one


def derivatives(view: View) -> Iterator[Idea]:
    """Of an activation: the derivative of another one; of a rounding: straight through; of both: JAX's at a kink."""
    name = view.call.name
    if name in OWN:
        own = own_name(view)
        near = {"exact GELU": "tanh GELU", "tanh GELU": "exact GELU"}.get(own)
        for other, (function, _) in ACTIVATIONS.items():
            if other != own:
                text = f"the port's derivative of the {own} is that of the {other}"
                yield _derivative(f"of the {own}", f"of the {other}", text, function, USUAL if other == near else RARE)
        yield _through(own, f"of the {own}", "", POSSIBLE)
    if name in AT_ZERO:
        text = f"the port's derivative of {name} at zero is NaN (a root's), the reference's is 0"
        yield Idea("gradient at zero", "0", "NaN", computed(AT_ZERO[name]), DEFAULT, text)
    if name in ROUGH:
        yield _through(name, "zero", ", where the reference's is zero", USUAL)
    if name in KINKED:
        for word, sides in (("that above it", (inf,)), ("that below it", (-inf,)), ("the mean of both", (inf, -inf))):
            yield value("gradient at a kink", "torch's", word, _beside(*sides), POSSIBLE)


def _through(name: str, own: str, where: str, rank: int) -> Idea:
    return _derivative(own, "1", f"the port lets the gradient straight through the {name}{where}", lambda x: x, rank)


def _derivative(own: str, port: str, text: str, function: Callable[[Tensor], Tensor], rank: int) -> Idea:
    text = f"in the backward pass alone, {text}"
    return Idea("derivative", own, port, _derived(function), rank, text, f"derivative {port}")


def _derived(function: Callable[[Tensor], Tensor]) -> Replacement:
    """The call, with the gradient of another function."""

    def replacement(func: Function, args: tuple, kwargs: dict) -> Tensor:
        other = function(first_tensor(args, kwargs))
        result: Tensor = func(*args, **kwargs).detach() + (other - other.detach())
        return result

    return replacement


def _beside(*sides: float) -> Replacement:
    """The call, with the mean of the derivatives next to its tensor: what a framework may take where there is none."""

    def replacement(func: Function, args: tuple, kwargs: dict) -> Tensor:
        x, own = args[0], args[0].detach()
        near = [x + (torch.nextafter(own, torch.full_like(own, side)) - own) for side in sides]
        others = [func(other, *args[1:], **kwargs) for other in near]
        surrogate = torch.stack([other - other.detach() for other in others]).mean(0)
        result: Tensor = func(*args, **kwargs).detach() + surrogate
        return result

    return replacement
