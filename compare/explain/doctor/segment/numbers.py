"""Every number in a segment's calls, without a guess at the value: it is fitted."""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from math import inf, prod
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F
from torch.utils._pytree import tree_map_only

from compare.arrays.arrays import from_torch, wide
from compare.errors import swallowed
from compare.explain.calls.call import Call, Described, tensors_of
from compare.explain.calls.change import Change
from compare.explain.calls.counting import Function, Replacement
from compare.explain.calls.scene import Scene
from compare.explain.calls.signatures import NUMBER, OTHER, bound, rebound
from compare.explain.doctor.fit import Fitted, Range, by_slopes, printed, single
from compare.explain.doctor.segment.arguments import SHAPES, SILENT, argument_words
from compare.explain.doctor.segment.formulas import FLOAT32
from compare.explain.doctor.segment.ideas import View, altered, first_tensor, in_rounds, times
from compare.explain.doctor.segment.observed import is_written, known_exactly, known_number
from compare.explain.doctor.segment.padding import shown
from compare.explain.doctor.segment.suspects import arithmetic, gradients, leaving, losses, scored, unrolled, whole
from compare.explain.doctor.segment.suspects.activations import OWN
from compare.explain.doctor.suspect import Number, Suspect
from compare.explain.doctor.thresholds import DONE, RARE, SMALL, UNSEEN, WRITTEN
from compare.frameworks.islands.places import UNKNOWN

Replaced = Callable[[float], Replacement]
_Named = tuple[str, str, float, Replaced]  # setting, of what, own value, change

# Of one array a curve, along which a scale or a constant of what enters is another one than of what leaves.
BENT = {*OWN, "softmax", "log_softmax", "exp", "log", "sin", "cos", "erf", "digamma", "lgamma"} - {"relu", "abs"}
# Activations that are another one's at a number of it.
IN_PLACE_OF: dict[str, tuple[str, str, float, Callable[[torch.Tensor, float], torch.Tensor]]] = {
    "relu": ("negative_slope", "of a leaky ReLU where the reference has ReLU", 0.0, F.leaky_relu),
    "elu": ("alpha", "of CELU where the reference has ELU", 1.0, F.celu),
    "silu": ("beta", "of x * sigmoid(beta x) where the reference has SiLU", 1.0, lambda x, n: x * torch.sigmoid(n * x)),
}
SIZES = {"scale_factor"}  # numbers that say how large a result is: a thousand times as much fills the memory


def numbers(scene: Scene, ratio: float | None = None) -> Iterator[Number[Change]]:
    """The numbers of the scene's calls: those that several calls share together, and then each; where the port's arrays
    are ``ratio`` times the reference's, last a factor of all that is made. Of a difference on the way back alone, what
    a gradient is multiplied by at each place: another number of the forward pass would show there."""
    if scene.direction == "backward":
        yield from gradients.factors(scene)
        return
    # What somebody has written is likelier than what nobody has: a factor before a layer is one of its weight, too.
    yield from _of_calls(scene, _arguments)
    for setting, of, own, change in (*scored.numbers(scene), *whole.numbers(scene)):
        yield _fitted(scene, setting, of, own, change, held=True)
    yield from _of_calls(scene, _implied)
    for setting, of, own, change in leaving.numbers(scene):  # a call's own number would be the better name
        yield _fitted(scene, setting, of, own, change)
    if ratio is not None and (last := _last(scene)) is not None:
        yield _number(scene, "scale", "of the result", 1.0, [(View(last, scene, {}), times)])


def _of_calls(scene: Scene, numbers_of: Callable[[View], Iterator[_Named]]) -> Iterator[Number[Change]]:
    groups: dict[tuple[str, str, float, str], list[tuple[View, Replaced]]] = {}
    for call in scene.calls:
        view = View(call, scene, {})
        for setting, of, own, replaced in numbers_of(view):
            groups.setdefault((setting, of, own, call.name), []).append((view, replaced))
    for (setting, of, own, _), alike in groups.items():
        held = numbers_of is _arguments
        yield _number(scene, setting, of, own, alike, held)
        if len(alike) > 1:
            for part, every in in_rounds(alike):
                yield _number(scene, setting, of, own, part, held, f" ({every}, {part[0][0].call.place})")
            for one in alike:
                yield replace(_number(scene, setting, of, own, [one], held), alone=True)


def _last(scene: Scene) -> Call | None:
    """The last call whose result has the form of what is made; it may be one that the port does right."""
    shapes = {array.shape for array in scene.plain.values()}
    calls = sorted((*scene.calls, *scene.cleared), key=lambda call: call.number, reverse=True)
    made = (call for call in calls if isinstance(call.result, Described) and call.result.shape in shapes)
    return next(made, None) if len(shapes) == 1 else None


def _number(
    scene: Scene,
    setting: str,
    of: str,
    own: float,
    alike: list[tuple[View, Replaced]],
    held: bool = False,
    place: str = "",
) -> Number[Change]:
    at = alike[0][0].call.place
    place = place or ("" if len(alike) > 1 or at == UNKNOWN else f" ({at})")

    def change(number: float) -> Change:
        return Change(calls={view.call.number: replaced(number) for view, replaced in alike})

    return _fitted(scene, setting, of, own, change, place, held)


def _fitted(
    scene: Scene,
    setting: str,
    of: str,
    own: float,
    change: Callable[[float], Change],
    place: str = "",
    held: bool = False,
) -> Number[Change]:
    def suspect(fitted: Fitted) -> Suspect[Change]:
        """With the number as it is printed: that is the one which is tried, for digits nobody is told prove nothing."""
        theirs = _in_port(fitted, scene)
        number = fitted.number if theirs is None else theirs
        known = not fitted.digits and (fitted.low < fitted.high or is_written(number, scene))
        if theirs is not None:  # what it nearly is in terms of the sizes around is chance
            known = known and abs(known_exactly(theirs, scene) - theirs) <= UNSEEN * abs(theirs)
        own_words = known_number(own, scene)
        if known:
            words, number = known_number(number, scene), known_exactly(number, scene)
        else:
            words, number = printed(number, fitted.near)
        for more in (shown, repr):  # six digits may not tell them apart
            if words == own_words:
                words, own_words = more(number), more(own)
        within = f" (or any between {fitted.low:.6g} and {fitted.high:.6g})" if fitted.low < fitted.high else ""
        what = f"{setting} {of}" if of else setting
        text = f"{what} is {words} in the port{within}, {own_words} in the reference{place}"
        if (setting, own, number) == ("scale", 1.0, -1.0) and of.startswith("of "):
            text = f"the port negates {of.removeprefix('of ')}{place}"
        odd = not known and theirs is None and single(number) == inf  # a float32 is what a constant has become
        return Suspect(
            setting, shown(own), shown(number), change(number), RARE, text,
            odd=odd, fitted=True, shown=theirs is not None, held=held,
        )  # fmt: skip

    return Number(own, change, suspect)


def _in_port(fitted: Fitted, scene: Scene) -> float | None:
    """The number of the port's program that a fitted one is."""
    if fitted.digits:
        return None
    near = (one for one in scene.written if abs(one - fitted.number) <= WRITTEN * abs(fitted.number))
    return min(near, key=lambda one: abs(one - fitted.number), default=None)


def _arguments(view: View) -> Iterator[tuple[str, str, float, Replaced]]:
    """The numbers among a call's arguments, as its signature tells them from integers that count something."""
    name, given = view.call.name, view.given
    for parameter in view.parameters if name not in SHAPES and not name.startswith("dropout") else ():
        own = given.get(parameter.name)
        if (
            parameter.kind not in (NUMBER, OTHER)
            or parameter.name in SILENT | SIZES
            or not isinstance(own, int | float)
        ):
            continue
        if isinstance(own, bool) or not math.isfinite(own):
            continue
        operand = parameter.name in ("other", "exponent", "input")
        setting = arithmetic.setting_of(name, parameter.name, own) if operand else argument_words(name, parameter.name)
        yield setting, _of(setting, name, parameter.name), float(own), partial(_with, parameter.name)
    if name.startswith("dropout") and given.get("training", given.get("train")):
        yield "dropout rate", "", float(given["p"]), _dropping


def _of(setting: str, function: str, argument: str) -> str:
    """What a scale is the scale of."""
    if setting != "scale":
        return ""
    return {"mul": "(a factor)", "div": "(a divisor)", "rdiv": "(a dividend)"}.get(
        function, f"of the second term of a {'difference' if function == 'sub' else 'sum'}"
        if argument == "alpha" else f"of {function.replace('_', ' ')}"
    )  # fmt: skip


def _with(name: str, number: float) -> Replacement:
    return altered(**{name: number})


def _implied(view: View) -> Iterator[tuple[str, str, float, Replaced]]:
    """Numbers that are no argument: what None stands for, a factor of one, a state of zero."""
    name, given = view.call.name, view.given
    for parameter in view.parameters:
        if parameter.kind == NUMBER and parameter.optional and given.get(parameter.name) is None:
            # Of torch's epsilon for a type of numbers too little is seen.
            own = FLOAT32 if name == "rms_norm" else _meant_by_none(view, parameter.name)
            if own is not None:
                setting = argument_words(name, parameter.name)
                yield setting, _of(setting, name, parameter.name), own, partial(_with, parameter.name)
    if name in ("add", "sub") and len(tensors_of(view.call.args[:2])) == 2:
        what = "sum" if name == "add" else "difference"
        yield "scale", f"of the first term of a {what}", 1.0, partial(_entering, torch.mul)
    if name in IN_PLACE_OF:
        setting, of, own, function = IN_PLACE_OF[name]
        yield setting, of, own, lambda number: lambda func, args, kwargs: function(first_tensor(args, kwargs), number)
    if name in BENT:
        word = name.replace("_", " ")
        yield "scale", f"of what enters {word}", 1.0, partial(_entering, torch.mul)
        yield "scale", f"of the result of {word}", 1.0, times
        yield "constant", f"added to what enters {word}", 0.0, partial(_entering, torch.add)
    elif name in ("lstm", "gru", "rnn_tanh", "rnn_relu"):
        yield "initial state", "", 0.0, unrolled.starting(name)
    elif name in losses.FAMILIES or _makes_floats(view):
        yield "scale", f"of the result of {name.replace('_', ' ')}", 1.0, times


def _makes_floats(view: View) -> bool:
    """Whether a call computes an array of floats, and not by a number that may be another."""
    made, name = view.call.result, view.call.name
    numbered = name in ("mul", "div", "rdiv") and len(tensors_of(view.call.args[:2])) < 2
    return isinstance(made, Described) and made.dtype.startswith("float") and name not in SHAPES and not numbered


def _entering(function: Callable[..., torch.Tensor], number: float) -> Replacement:
    """The call of its first tensor and a number together."""
    return lambda func, args, kwargs: func(function(args[0], number), *args[1:], **kwargs)


def _meant_by_none(view: View, name: str) -> float | None:
    """The number with which the function does what it does without one, asked of it with tensors drawn for that; None
    where there is none, or where it cannot be asked."""
    call = view.call
    if sum(prod(tensor.shape) for tensor in tensors_of([call.args, call.kwargs])) > SMALL:
        return None
    args, kwargs = tree_map_only(Described, _drawn, (call.args, call.kwargs))

    def made(number: float | None) -> np.ndarray:
        positional, keywords = rebound(call.function, args, kwargs, {name: number})
        array: np.ndarray = wide(from_torch(call.function(*positional, **keywords))).ravel()
        return array

    try:
        plain = made(None)
        if np.array_equal(made(1.0), plain):
            return None
        (number,), left = by_slopes(lambda values: made(values[0]) - plain, [1.0], [Range()])
    except Exception as error:  # arguments that do not go with drawn tensors
        swallowed(error)
        return None
    return (number if abs(number) > UNSEEN else 0.0) if left <= DONE else None


def _drawn(tensor: Described) -> torch.Tensor:
    dtype = getattr(torch, tensor.dtype)
    return torch.rand(tensor.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64).to(dtype)


def _dropping(rate: float) -> Replacement:
    """The same entries kept, divided by what another rate keeps."""

    def replacement(func: Function, args: tuple, kwargs: dict) -> Any:
        own = bound(func, args, kwargs)["p"]
        return func(*args, **kwargs) * ((1 - own) / (1 - rate))

    return replacement
