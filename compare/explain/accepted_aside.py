"""What a pair accepts that the reference alone has, put aside before anybody asks why the two sides differ.

A parameter that does nothing to what comes out may well change what is inside: a key's bias moves the keys, and the
softmax takes it off again. There both sides differ, and that is no cause of anything. So the reference is asked with a
neutral value in its place, if there is one; a parameter without one does something, and is told of.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from compare.arrays.arrays import FLOATING, Arrays
from compare.errors import swallowed
from compare.explain.locate.thresholds import NEUTRAL, TRIED_ALONE, UNMOVED
from compare.frameworks.models.modes import Mode
from compare.pair.pair import Entering
from compare.pair.prepare import Prepared
from compare.sides.quartet import Quartet


class Aside(NamedTuple):
    """The pair with the reference's accepted parameters at a neutral value, and the names of the others: ``doing`` of
    those that have none, ``untried`` of those past so many that each is not tried by itself; these keep their own."""

    quartet: Quartet
    doing: tuple[str, ...] = ()
    untried: tuple[str, ...] = ()


def accepted_aside(quartet: Quartet, entering: Entering, mode: Mode, exact: bool) -> Aside:
    """The pair with the reference's accepted parameters put aside.

    Args:
        exact: by the oracle; else at the working precision.
    """
    from compare.frameworks.models.references import ReferenceModel

    prepared, reference = quartet.prepared, quartet.prepared.reference
    names = [name for name in prepared.accepted if name in reference.parameters]
    if not names or not isinstance(reference, ReferenceModel):
        return Aside(quartet)
    held = reference.state()

    def outputs(one: Quartet) -> Arrays:
        run = (one.oracle_reference if exact else one.working_reference)(entering, mode)
        return {name: array for name, array in run.items() if name.partition("/")[0] in ("output", "loss")}

    own = outputs(quartet)

    def with_values(values: Arrays) -> Quartet | None:
        kept = {key: side for key, side in quartet.sides.items() if not (isinstance(key, tuple) and "reference" in key)}
        other = replace(quartet, prepared=replace(prepared, reference=reference.with_values(values)), sides=kept)
        try:
            return other if _alike(own, outputs(other), UNMOVED[exact]) else None
        except Exception as error:  # a user's model may not stand another value: then it does something
            swallowed(error)
            return None

    def filled(name: str, value: float) -> Arrays:
        return {name: np.full_like(held[name], value)}

    at_zero = {name: array for one in names for name, array in filled(one, 0.0).items()}
    if (aside := with_values(at_zero)) is not None:
        return Aside(aside)
    found, values, doing = quartet, dict[str, np.ndarray](), list[str]()
    for name in names[:TRIED_ALONE]:
        tried = ((value, with_values(values | filled(name, value))) for value in NEUTRAL)
        value, aside = next(((value, one) for value, one in tried if one is not None), (0.0, None))
        if aside is None:
            doing.append(name)
        else:
            found, values = aside, values | filled(name, value)
    return Aside(found, tuple(doing), tuple(names[TRIED_ALONE:]))


def ports_with_values(prepared: Prepared) -> tuple[str, ...]:
    """The accepted leaves of the port whose values may do something."""
    values = prepared.port.initial([path for path in prepared.accepted if path in prepared.port.leaves])
    return tuple(path for path, leaf in values.items() if not any(np.all(leaf == neutral) for neutral in NEUTRAL))


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
