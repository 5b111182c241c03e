"""Numbers that a porter may have written otherwise, without a guess at the value: it is fitted."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from compare.explain.calls.change import Change
from compare.explain.calls.counting import Replacement
from compare.explain.calls.scene import Scene
from compare.explain.doctor.segment.ideas import View, altered, bound
from compare.explain.doctor.segment.suspects import arithmetic, unrolled

ChangeOf = Callable[[float], Change]


@dataclass(frozen=True)
class Tunable:
    """A number of the reference: ``own`` is its value, ``change`` what to do to have another.

    ``place`` is "file:line"; empty where the number stands in several.
    """

    setting: str
    own: float
    change: ChangeOf
    place: str


def tunables(scene: Scene) -> list[Tunable]:
    """Every number in the scene's calls: those that several calls share together, and then each."""
    groups: dict[tuple[str, float, str], list[tuple[View, Callable[[float], Replacement]]]] = {}
    for call in scene.calls:
        view = View(call, scene, {})
        for setting, own, replaced in _numbers(view):
            groups.setdefault((setting, own, call.name), []).append((view, replaced))
    found = []
    for (setting, own, _), alike in groups.items():
        found.append(Tunable(setting, own, _together(alike), "" if len(alike) > 1 else alike[0][0].call.place))
        if len(alike) > 1:
            found += [Tunable(setting, own, _together([one]), one[0].call.place) for one in alike]
    return found


def _together(alike: list[tuple[View, Callable[[float], Replacement]]]) -> ChangeOf:
    return lambda number: Change(calls={view.call.number: replaced(number) for view, replaced in alike})


def _numbers(view: View) -> Iterator[tuple[str, float, Callable[[float], Replacement]]]:
    name = view.call.name
    if name in arithmetic.FAMILIES:
        number = arithmetic.number_of(view)
        if number is not None:
            yield arithmetic.setting_of(view, number), float(number), arithmetic.with_number
    elif name in _ARGUMENTS:
        for setting, argument in _ARGUMENTS[name].items():
            own = view.given.get(argument)
            if isinstance(own, int | float) and not isinstance(own, bool):
                yield setting, float(own), partial(_with_argument, name, argument)
    elif name == "scaled_dot_product_attention":
        own = view.given["scale"]
        width = view.given["query"].shape[-1]
        yield "scale", own if own is not None else 1 / math.sqrt(width), lambda x: altered(name, scale=x)
    elif name.startswith("dropout") and view.given["training"]:
        yield "dropout rate", float(view.given["p"]), _dropping(name)
    elif name in ("embedding", "linear"):
        yield "scale", 1.0, lambda x: lambda func, args, kwargs: func(*args, **kwargs) * x
    elif name in ("lstm", "gru", "rnn_tanh", "rnn_relu"):
        yield "initial state", 0.0, unrolled.starting(name)


_EPSILON = {"epsilon": "eps"}
_ARGUMENTS: dict[str, dict[str, str]] = {
    **dict.fromkeys(("layer_norm", "rms_norm", "group_norm", "instance_norm", "batch_norm", "normalize"), _EPSILON),
    "leaky_relu": {"negative_slope": "negative_slope"},
    "elu": {"alpha": "alpha"}, "celu": {"alpha": "alpha"},
    "softplus": {"beta": "beta"},
    "hardtanh": {"min_val": "min_val", "max_val": "max_val"},
    "clamp": {"min": "min", "max": "max"}, "clip": {"min": "min", "max": "max"},
    "cross_entropy": {"label_smoothing": "label_smoothing"},
    "smooth_l1_loss": {"beta": "beta"}, "huber_loss": {"delta": "delta"},
}  # fmt: skip


def _dropping(name: str) -> Callable[[float], Replacement]:
    """The same entries kept, divided by what another rate keeps."""

    def other(rate: float) -> Replacement:
        def replacement(func: Any, args: tuple, kwargs: dict) -> Any:
            own = bound(name, args, kwargs)["p"]
            return func(*args, **kwargs) * ((1 - own) / (1 - rate))

        return replacement

    return other


def _with_argument(name: str, argument: str, value: float) -> Any:
    return altered(name, **{argument: value})
