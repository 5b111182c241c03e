"""What a pair accepts that one side alone has, put aside before anybody asks why the two sides differ.

A parameter that does nothing to what comes out may well change what is inside: a key's bias moves the keys, and the
softmax takes it off again. There both sides differ, and that is no cause of anything. So the side that has it is asked
with a neutral value in its place, if there is one; a parameter without one does something, and is told of.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from compare.arrays.arrays import FLOATING, Arrays
from compare.errors import swallowed
from compare.explain.locate.thresholds import NEUTRAL, TRIED_ALONE, UNMOVED
from compare.frameworks.models.modes import Mode
from compare.frameworks.models.with_values import WithValues
from compare.pair.pair import Entering
from compare.sides.quartet import Quartet


class Aside(NamedTuple):
    """The pair with what either side alone has at a neutral value, and the names of the others: ``doing`` of those of
    the reference that have none, ``untried`` of those past so many that each is not tried by itself, ``port`` of the
    port's that have none; these keep their own."""

    quartet: Quartet
    doing: tuple[str, ...] = ()
    untried: tuple[str, ...] = ()
    port: tuple[str, ...] = ()


def accepted_aside(quartet: Quartet, entering: Entering, mode: Mode, exact: bool) -> Aside:
    """The pair with the parameters put aside that it accepts of either side.

    Args:
        exact: by the oracle; else at the working precision.
    """
    from compare.frameworks.models.references import ReferenceModel

    reference, port = quartet.prepared.reference, quartet.prepared.port
    accepted = quartet.prepared.accepted
    aside = Aside(quartet)
    names = [name for name in accepted if name in reference.parameters]
    if names and isinstance(reference, ReferenceModel):
        model, held = reference, reference.state()
        found, doing, untried = _neutral(
            quartet, names, held, "reference", lambda values: {"reference": model.with_values(values)},
            lambda one: (one.oracle_reference if exact else one.working_reference)(entering, mode), exact,
        )  # fmt: skip
        aside = Aside(found, doing, untried)
    paths = [path for path in accepted if path in port.leaves]
    if not paths:
        return aside
    followed = aside.quartet.working_reference(entering, mode)
    found, doing, untried = _neutral(
        aside.quartet, paths, port.initial(paths), "port", lambda values: {"port": WithValues(port, values)},
        lambda one: (one.oracle_port if exact else one.working_port)(entering, mode, followed), exact,
    )  # fmt: skip
    return aside._replace(quartet=found, untried=(*aside.untried, *untried), port=doing)


def _neutral(
    quartet: Quartet,
    names: Sequence[str],
    held: Arrays,
    side: str,
    changed: Callable[[Arrays], dict[str, Any]],
    run: Callable[[Quartet], Mapping[str, np.ndarray]],
    exact: bool,
) -> tuple[Quartet, tuple[str, ...], tuple[str, ...]]:
    """The pair with each of some parameters of a side at a neutral value, if it has one; the names of those that have
    none, and of those that were not tried.

    Args:
        held: their own values; changed: of other values, what of ``Prepared`` is another; run: that side.
    """

    def outputs(one: Quartet) -> Arrays:
        return {name: array for name, array in run(one).items() if name.partition("/")[0] in ("output", "loss")}

    own = outputs(quartet)

    def with_values(values: Arrays) -> Quartet | None:
        other = quartet.with_other(side, **changed(values))
        try:
            return other if _alike(own, outputs(other), UNMOVED[exact]) else None
        except Exception as error:  # a user's model may not stand another value: then it does something
            swallowed(error)
            return None

    def filled(name: str, value: float) -> Arrays:
        return {name: np.full_like(held[name], value)}

    at_zero = {name: array for one in names for name, array in filled(one, 0.0).items()}
    if (aside := with_values(at_zero)) is not None:
        return aside, (), ()
    found, values, doing = quartet, dict[str, np.ndarray](), list[str]()
    for name in names[:TRIED_ALONE]:
        tried = ((value, with_values(values | filled(name, value))) for value in NEUTRAL)
        value, aside = next(((value, one) for value, one in tried if one is not None), (0.0, None))
        if aside is None:
            doing.append(name)
        else:
            found, values = aside, values | filled(name, value)
    return found, tuple(doing), tuple(names[TRIED_ALONE:])


def _alike(own: Mapping[str, np.ndarray], other: Mapping[str, np.ndarray], room: float) -> bool:
    if own.keys() != other.keys():
        return False
    return all(_is_same(array, other[name], room) for name, array in own.items())


def _is_same(own: np.ndarray, other: np.ndarray, room: float) -> bool:
    """Floats within ``room`` of their size, what is not finite in the same places; all else equal."""
    if own.shape != other.shape or own.dtype.kind not in FLOATING:
        return np.array_equal(own, other)
    finite = np.isfinite(own)
    if not np.array_equal(np.where(finite, 0, own), np.where(np.isfinite(other), 0, other), equal_nan=True):
        return False
    with np.errstate(over="ignore"):
        apart, size = np.linalg.norm(own[finite] - other[finite]), np.linalg.norm(own[finite])
    return bool(np.isfinite(apart) and apart <= room * size)
