"""Every number in a segment's calls, without a guess at the value: it is fitted."""

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch

from compare.explain.calls.call import Described
from compare.explain.calls.change import Change
from compare.explain.calls.counting import Function, Replacement
from compare.explain.calls.scene import Scene
from compare.explain.calls.signatures import NUMBER, OTHER, bound
from compare.explain.doctor.fit import Fitted
from compare.explain.doctor.segment.arguments import SHAPES, SILENT, argument_words
from compare.explain.doctor.segment.ideas import View, altered, times
from compare.explain.doctor.segment.observed import known_number
from compare.explain.doctor.segment.padding import shown
from compare.explain.doctor.segment.suspects import arithmetic, unrolled
from compare.explain.doctor.suspect import Number, Suspect
from compare.explain.doctor.thresholds import RARE

Replaced = Callable[[float], Replacement]


def numbers(scene: Scene) -> Iterator[Number[Change]]:
    """The numbers of the scene's calls: those that several calls share together, and then each."""
    groups: dict[tuple[str, float, str], list[tuple[View, Replaced]]] = {}
    for call in scene.calls:
        view = View(call, scene, {})
        for setting, own, replaced in (*_arguments(view), *_implied(view)):
            groups.setdefault((setting, own, call.name), []).append((view, replaced))
    for (setting, own, _), alike in groups.items():
        yield _number(scene, setting, own, alike)
        if len(alike) > 1:
            yield from (_number(scene, setting, own, [(view, replaced)]) for view, replaced in alike)


def _number(scene: Scene, setting: str, own: float, alike: list[tuple[View, Replaced]]) -> Number[Change]:
    place = "" if len(alike) > 1 else f" ({alike[0][0].call.place})"

    def change(number: float) -> Change:
        return Change(calls={view.call.number: replaced(number) for view, replaced in alike})

    def suspect(fitted: Fitted) -> Suspect[Change]:
        words = known_number(fitted.number, scene)
        within = f" (or any between {fitted.low:.6g} and {fitted.high:.6g})" if fitted.low < fitted.high else ""
        text = f"{setting} is {words} in the port{within}, {known_number(own, scene)} in the reference{place}"
        return Suspect(setting, shown(own), shown(fitted.number), change(fitted.number), RARE, text)

    return Number(own, change, suspect)


def _arguments(view: View) -> Iterator[tuple[str, float, Replaced]]:
    """The numbers among a call's arguments, as its signature tells them from integers that count something."""
    name, given = view.call.name, view.given
    for parameter in view.parameters if name not in SHAPES and not name.startswith("dropout") else ():
        own = given.get(parameter.name)
        if parameter.kind not in (NUMBER, OTHER) or parameter.name in SILENT or not isinstance(own, int | float):
            continue
        if isinstance(own, bool) or not math.isfinite(own):
            continue
        operand = parameter.name in ("other", "exponent", "input")
        setting = arithmetic.setting_of(name, parameter.name, own) if operand else argument_words(name, parameter.name)
        yield setting, float(own), partial(_with, parameter.name)


def _with(name: str, number: float) -> Replacement:
    return altered(**{name: number})


def _implied(view: View) -> Iterator[tuple[str, float, Replaced]]:
    """Numbers that no signature says: what None stands for, what dropout keeps, a factor of one, a state of zero."""
    name, given = view.call.name, view.given
    if name == "scaled_dot_product_attention" and given["scale"] is None and isinstance(given["query"], Described):
        yield "scale", given["query"].shape[-1] ** -0.5, partial(_with, "scale")
    elif name == "pad" and given["mode"] == "constant" and given["value"] is None:
        yield "padding value", 0.0, partial(_with, "value")
    elif name == "rms_norm" and given["eps"] is None:
        yield "epsilon", torch.finfo(torch.float32).eps, partial(_with, "eps")
    elif name.startswith("dropout") and given.get("training", given.get("train")):
        yield "dropout rate", float(given["p"]), _dropping
    elif name in ("embedding", "linear"):
        yield "scale", 1.0, times
    elif name in ("lstm", "gru", "rnn_tanh", "rnn_relu"):
        yield "initial state", 0.0, unrolled.starting(name)


def _dropping(rate: float) -> Replacement:
    """The same entries kept, divided by what another rate keeps."""

    def replacement(func: Function, args: tuple, kwargs: dict) -> Any:
        own = bound(func, args, kwargs)["p"]
        return func(*args, **kwargs) * ((1 - own) / (1 - rate))

    return replacement
