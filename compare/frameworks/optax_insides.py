"""What an optax transformation is made of: its stages in order, read from the closures of their update functions.

optax keeps no settings: a transformation is two functions. What ``scale_by_adam(b1=0.9)`` was given is in the cells of
its update function, whose name says which transformation made it. None of that is promised, so it is read in this one
file, and all that is read here is only a guess: whoever uses it tries it, and does without where it fails.
"""

import inspect
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import optax

from compare.errors import in_one_line, swallowed

THROUGH = ("with_extra_args_support", "masked", "flatten", "apply_if_finite")  # they do what is inside them
GUARDS = ("apply_if_finite",)  # but not in every step


class UnreadError(Exception):
    """What stands in the way of reading a transformation; the message names the stage."""


@dataclass(frozen=True)
class Stage:
    """One transformation: its name in optax, what it was given, and which of the parameters it is applied to.

    Attributes:
        given: by the names in the signature of optax's function; of ``MultiSteps`` ``every`` and ``averaged``.
        masks: each a tree of booleans over the parameters, or a prefix of one, or a function that makes one.
    """

    name: str
    given: Mapping[str, Any] = field(default_factory=dict)
    masks: tuple[Any, ...] = ()


def stages_of(transformation: Any, guards: bool = False) -> list[Stage]:
    """The stages of an optax transformation in order.

    Args:
        guards: name also what leaves steps out that are not finite, before what is inside it.

    Raises:
        UnreadError: of whatever a foreign object, or another version of optax, raises when it is looked into.
    """
    try:
        found = _stages(transformation.init, transformation.update, ())
        return [stage for stage in found if guards or stage.name not in GUARDS]
    except UnreadError:
        raise
    except Exception as error:
        swallowed(error)
        raise UnreadError(in_one_line(error)) from error


def whole(leaf: Any) -> Any:
    """A leaf of an optimizer's state as an array: ``split_real_and_imaginary`` keeps complex ones in two."""
    if getattr(leaf, "_fields", None) != ("real", "imaginary"):
        return leaf
    import jax

    return jax.lax.complex(leaf.real, leaf.imaginary)


def _stages(init: Any, update: Any, masks: tuple[Any, ...]) -> list[Stage]:
    owner = getattr(update, "__self__", None)
    if owner is not None:
        return _of_object(owner, masks)
    name, given = _name(update), {**_cells(init), **_cells(update)}
    inner = given.get("tx" if name == "with_extra_args_support" else "inner")
    if name in THROUGH and inner is not None and hasattr(inner, "update"):
        inside = (*masks, given.get("mask")) if name == "masked" else masks
        own = [Stage(name, {}, masks)] if name in GUARDS else []
        return [*own, *_stages(inner.init, inner.update, inside)]
    if name == "chain" and {"init_fns", "update_fns"} <= set(given):
        pairs = zip(given["init_fns"], given["update_fns"], strict=True)
        return [stage for one, two in pairs for stage in _stages(one, two, masks)]
    if name == "named_chain" and "transforms" in given:
        return [stage for _, one in given["transforms"] for stage in _stages(one.init, one.update, masks)]
    if name == "inject_hyperparams" and "inner_factory" in given:
        if remembers := {name: one for name, one in given.get("sched_hps", {}).items() if not _of_step(one)}:
            factory = given["inner_factory"]
            return [Stage(_name(factory), {**given.get("other_hps", {}), **remembers}, masks)]
        try:
            made = _made(given)
            return _stages(made.init, made.update, masks)
        except Exception as error:  # a factory that takes nothing but arrays
            swallowed(error)
    if name == "partition" and isinstance(given.get("transforms"), Mapping):
        return [
            stage
            for label, one in given["transforms"].items()
            for stage in _stages(one.init, one.update, (*masks, Labelled(given.get("param_labels"), label)))
        ]
    return [Stage(name, _parameters(name, given), masks)]


def _parameters(name: str, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the signature of optax's function of that name promises, of all that was found in its closures.

    Raises:
        UnreadError: for a parameter that was not found there, unless its default is None.
    """
    function = getattr(optax, name, None)
    if function is None:
        return given
    parameters = inspect.signature(function).parameters
    hidden = [key for key, one in parameters.items() if key not in given and one.default is not None]
    if hidden:
        raise UnreadError(f"{name} does not show {', '.join(hidden)}")
    return {key: given[key] for key in parameters if key in given}


def _of_object(owner: Any, masks: tuple[Any, ...]) -> list[Stage]:
    if isinstance(owner, optax.MultiSteps) and hasattr(owner, "_opt"):
        given = {"every": owner._every_k_schedule, "averaged": bool(owner._use_grad_mean)}
        return [Stage("MultiSteps", given, masks), *_stages(owner._opt.init, owner._opt.update, masks)]
    return [Stage(f"{type(owner).__module__}.{type(owner).__name__}", {}, masks)]


@dataclass(frozen=True)
class Labelled:
    """The mask of one label of ``optax.partition``."""

    labels: Any
    label: Any

    def __call__(self, tree: Any) -> Any:
        import jax

        labels = self.labels(tree) if callable(self.labels) else self.labels
        return jax.tree.map(lambda label: label == self.label, labels)


def _of_step(schedule: Any) -> bool:
    """Whether a schedule is a function of the step; one with a state of its own makes no transformation by itself."""
    return hasattr(schedule, "schedule_fn") or not hasattr(schedule, "update")


def _made(given: Mapping[str, Any]) -> Any:
    """What ``inject_hyperparams`` makes in its first step, with schedules as the functions they were given as."""
    schedules = {name: getattr(one, "schedule_fn", one) for name, one in given.get("sched_hps", {}).items()}
    numbers = {name: float(np.asarray(one)) for name, one in given.get("numeric_hps", {}).items()}
    return given["inner_factory"](**given.get("other_hps", {}), **numbers, **schedules)


def _name(update: Any) -> str:
    """The function that made ``update``: its qualified name up to the first local part; with its module, where that
    is not optax, so that no name is mistaken for optax's."""
    name = str(getattr(update, "__qualname__", type(update).__name__)).split(".<locals>")[0]
    module = str(getattr(update, "__module__", "?"))
    return name if module.split(".")[0] == "optax" else f"{module}.{name}"


def _cells(function: Any) -> dict[str, Any]:
    """The free variables of a function that have a value; of one that a decorator wraps, its own."""
    function = inspect.unwrap(function) if callable(function) else function
    code, closure = getattr(function, "__code__", None), getattr(function, "__closure__", None)
    made: dict[str, Any] = {}
    for name, cell in zip(getattr(code, "co_freevars", ()), closure or (), strict=False):
        with suppress(ValueError):  # an empty cell
            made[name] = cell.cell_contents
    return made
