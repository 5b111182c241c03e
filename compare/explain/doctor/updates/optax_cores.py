"""The stages of optax at the core of an optimizer, and what each sets in a rule.

Source: https://optax.readthedocs.io/en/latest/api/transformations.html
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from compare.explain.doctor.updates.rules import ADAGRAD, ADAM, CORRECTED, PLAIN, RMSPROP, UNBIASED, Rule


class UnreadError(Exception):
    """A transformation that no rule describes; the message names the stage."""


def value(given: Any) -> float:
    if callable(given):
        raise UnreadError("a schedule of something other than the learning rate")
    return float(np.asarray(given))


def _adam(rule: Rule, given: Mapping[str, Any]) -> Rule:
    numbers = {name: value(given[of]) for name, of in (("beta1", "b1"), ("beta2", "b2"), ("epsilon", "eps"))}
    root, nesterov = value(given["eps_root"]), bool(given.get("nesterov"))
    return replace(rule, family=ADAM, epsilon_root=root, nesterov=nesterov, bias_correction=True, **numbers)  # type: ignore[arg-type]


def _amsgrad(rule: Rule, given: Mapping[str, Any]) -> Rule:
    if not (given["bias_correction_mu"] and given["bias_correction_nu"]):
        raise UnreadError("scale_by_amsgrad without its bias correction")
    return replace(_adam(rule, given), amsgrad=CORRECTED)


def _rms(rule: Rule, given: Mapping[str, Any]) -> Rule:
    epsilon, inside = value(given["eps"]), bool(given["eps_in_sqrt"])
    return replace(
        rule,
        family=RMSPROP,
        decay=value(given["decay"]),
        epsilon=0.0 if inside else epsilon,
        epsilon_root=epsilon if inside else 0.0,
        initial=value(given["initial_scale"]),
        bias_correction=bool(given["bias_correction"]),
    )


def _stddev(rule: Rule, given: Mapping[str, Any]) -> Rule:
    return replace(_rms(rule, given), centered=True)


def _rss(rule: Rule, given: Mapping[str, Any]) -> Rule:
    start, root = value(given["initial_accumulator_value"]), value(given["eps"])
    return replace(rule, family=ADAGRAD, epsilon=0.0, epsilon_root=root, initial=start)


def trace(rule: Rule, given: Mapping[str, Any]) -> Rule:
    return replace(rule, momentum=value(given["decay"]), nesterov=bool(given["nesterov"]))


def _ema(rule: Rule, given: Mapping[str, Any]) -> Rule:
    decay = value(given["decay"])
    return replace(rule, momentum=decay, dampening=decay, average=UNBIASED if given["debias"] else PLAIN)


CORES: dict[str, Callable[[Rule, Mapping[str, Any]], Rule]] = {
    "scale_by_adam": _adam,
    "scale_by_amsgrad": _amsgrad,
    "scale_by_rms": _rms,
    "scale_by_stddev": _stddev,
    "scale_by_rss": _rss,
}
MOMENTA = {"trace": trace, "ema": _ema}
