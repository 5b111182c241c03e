"""The rules of an optax transformation: its stages put into the words of a rule, one for each parameter."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from compare.errors import in_one_line, swallowed
from compare.explain.doctor.updates.rules import AFTER, DECOUPLED, PLAIN, Rule, Rules, usual
from compare.frameworks.optax_insides import Stage, UnreadError, stages_of
from compare.pair.prepared import Prepared
from compare.sides.port_forward import is_parameter
from compare.weights.twins import ROWS

CORES = {name: row for row in ROWS for name in row.optax}
RATES = ("scale", "scale_by_schedule")
CLIP, DECAY = "clip_by_global_norm", "add_decayed_weights"
BEFORE = {DECAY: ("weight_decay", "weight_decay"), CLIP: ("clip_norm", "max_norm"), "clip": ("clip_value", "max_delta")}


@dataclass(frozen=True)
class Reading:
    """What was read of the port's optimizer: rules, or None; ``unread`` names the stage that stood in the way."""

    rules: Rules | None
    stages: tuple[str, ...]
    unread: str = ""


def read_optax(transformation: Any, prepared: Prepared, names: Sequence[str], steps: int) -> Reading:
    """The rules of ``transformation`` for the reference's parameters ``names`` over so many steps."""
    names_of_stages: tuple[str, ...] = ()
    try:
        stages = stages_of(transformation)
        names_of_stages = tuple(stage.name for stage in stages if stage.name != "identity")
        applied = [applied_to(stage, prepared, names) for stage in stages]
        if any(stage.name == CLIP and len(to) < len(names) for stage, to in zip(stages, applied, strict=True)):
            raise UnreadError("a global norm over a part of the parameters")
        rules = tuple(
            _rule([stage for stage, to in zip(stages, applied, strict=True) if name in to], steps) for name in names
        )
    except UnreadError as error:
        return Reading(None, names_of_stages, str(error))
    except Exception as error:
        swallowed(error)
        return Reading(None, names_of_stages, in_one_line(error))
    return Reading(rules, names_of_stages)


def applied_to(stage: Stage, prepared: Prepared, names: Sequence[str]) -> set[str]:
    """The reference's parameters that a stage is applied to."""
    if not stage.masks:
        return set(names)
    import jax

    paths = [path for path in prepared.leaves if is_parameter(path)]
    tree = prepared.port.tree({path: np.broadcast_to(np.float32(0), prepared.leaves[path]) for path in paths})
    chosen = set(paths)
    for mask in stage.masks:
        marked = mask(tree) if callable(mask) else mask
        whole = jax.tree.map(lambda flag, below: jax.tree.map(lambda _, flag=flag: bool(flag), below), marked, tree)
        flags = prepared.port.flat(whole)
        chosen = {path for path in chosen if flags[path]}
    entries = [entry for entry in prepared.weight_map.entries if entry.reference in names]
    inside = {entry.reference for entry in entries if entry.port in chosen}
    if inside & {entry.reference for entry in entries if entry.port not in chosen}:
        raise UnreadError("a mask inside one parameter of the reference")
    return inside


def _rule(stages: list[Stage], steps: int) -> Rule:
    stages, common = _accumulation([stage for stage in stages if stage.name != "identity"])
    if any(stage.name == "set_to_zero" for stage in stages):
        return usual(PLAIN, rates=(0.0,), **common)
    cores = [at for at, stage in enumerate(stages) if stage.name in CORES]
    # A momentum is the core where there is no other.
    core = next((at for at in cores if CORES[stages[at].name].name != PLAIN), cores[0] if cores else None)
    rule = usual(PLAIN, **common) if core is None else _core(stages[core], common)
    rates = (at for at, stage in enumerate(stages) if stage.name in RATES)
    start = next(rates, len(stages)) if core is None else core
    rule, early = _before(rule, stages[:start], steps)
    return _after(rule, stages[start if core is None else start + 1 :], early, steps)


def _accumulation(stages: list[Stage]) -> tuple[list[Stage], dict[str, Any]]:
    if not stages or stages[0].name != "MultiSteps":
        return stages, {"skips_unused": False}
    given = stages[0].given
    return stages[1:], {"skips_unused": False, "every": int(given["every"](0)), "averaged": given["averaged"]}


def _core(stage: Stage, common: dict[str, Any]) -> Rule:
    """The rule at whose core a stage is, in the words of its optimizer's row."""
    twin = CORES[stage.name]
    for name, meant in twin.needs.items():
        if stage.given.get(name, meant) is not meant:
            raise UnreadError(f"{stage.name} with {name}={stage.given[name]}")
    known = {"eps_in_sqrt", *(name for setting in twin.settings for name in setting.optax)}
    given = {name: _value(setting) for name, setting in stage.given.items() if name in known}
    return Rule.of(twin.name, twin.of_optax(stage.name, given), **common)


def _value(given: Any) -> float:
    if callable(given):
        raise UnreadError("a schedule of something other than the learning rate")
    return float(np.asarray(given))


def _before(rule: Rule, stages: list[Stage], steps: int) -> tuple[Rule, np.ndarray | None]:
    """The gradient's way to the core; where a negative rate stands on it, that rate by step."""
    early = None
    for stage in stages:
        clipped = rule.clip_norm < np.inf or rule.clip_value < np.inf
        if stage.name in RATES:
            factors = _factors(stage, steps)
            if (factors == factors[0]).all() and factors[0] > 0 and early is None and not clipped:
                rule = replace(rule, gradient_scale=rule.gradient_scale * float(factors[0]))
            elif rule.family == PLAIN and not clipped:
                early = factors if early is None else early * factors
            else:
                raise UnreadError(f"{stage.name} before {rule.family}")
        elif rule.weight_decay:
            raise UnreadError(f"{stage.name} after the weight decay")
        elif stage.name in BEFORE:
            setting, key = BEFORE[stage.name]
            rule = rule.but(**{setting: _value(stage.given[key])})
        else:
            raise UnreadError(stage.name)
    return rule, early


def _after(rule: Rule, stages: list[Stage], early: np.ndarray | None, steps: int) -> Rule:
    """The way from the core to the parameters."""
    rates = None if early is None else -early
    rule = rule.but(rate_inside=early is not None and bool(rule.get("momentum")))
    for stage in stages:
        if stage.name in RATES:
            if rule.get("rate_inside") or rule.coupling == AFTER:
                raise UnreadError(f"a second {stage.name} after the learning rate")
            factors = _factors(stage, steps)
            rates = -factors if rates is None else rates * factors
        elif stage.name == DECAY and not rule.weight_decay:
            where = AFTER if rates is not None else DECOUPLED
            rule = replace(rule, weight_decay=_value(stage.given["weight_decay"]), coupling=where)
        elif stage.name == "trace" and rule.family != PLAIN and dict(rule.own).get("momentum") == 0:
            own = {"momentum": _value(stage.given["decay"]), "nesterov": _value(stage.given["nesterov"])}
            rule = rule.but(rate_inside=rates is not None, **own)
        else:
            raise UnreadError(stage.name)
    # Without any rate the update is the gradient itself, added.
    by_step = tuple(float(rate) for rate in (np.full(steps, -1.0) if rates is None else rates))
    return replace(rule, rates=by_step[:1] if len(set(by_step)) == 1 else by_step)


def _factors(stage: Stage, steps: int) -> np.ndarray:
    """What a stage multiplies the updates by, in each step."""
    if stage.name == "scale":
        return np.full(steps, _value(stage.given["step_size"]))
    import jax
    import jax.numpy as jnp

    with jax.enable_x64(True), jax.numpy_dtype_promotion("standard"):
        rate = jax.jit(stage.given["step_size_fn"])  # compiled, as in a training step: eager float32 rounds otherwise
        return np.array([float(rate(jnp.asarray(step, jnp.int32))) for step in range(steps)])
