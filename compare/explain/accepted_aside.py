"""What a pair accepts that the reference alone has, put aside before anybody asks why the two sides differ.

A parameter that does nothing to what comes out may well change what is inside: a key's bias moves the keys, and the
softmax takes it off again. There both sides differ, and that is no cause of anything. So the reference is asked with a
neutral value in its place, if there is one; a parameter without one does something, and is told of.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from compare.arrays.arrays import Arrays
from compare.errors import swallowed
from compare.frameworks.models.modes import Mode
from compare.pair.pair import Entering
from compare.pair.prepare import Prepared
from compare.sides.quartet import Quartet

NEUTRAL = (0.0, 1.0)  # of what is added, and of what is multiplied
SAME = {True: 1e-9, False: 1e-5}  # relative, of an output: in float64, and where there is none
MOST = 16  # of so many each is tried by itself


def accepted_aside(quartet: Quartet, entering: Entering, mode: Mode, exact: bool) -> tuple[Quartet, tuple[str, ...]]:
    """The pair with the reference's accepted parameters at a neutral value, and the names of those that have none.

    Args:
        exact: by the oracle; else at the working precision.
    """
    from compare.frameworks.models.references import ReferenceModel

    prepared, reference = quartet.prepared, quartet.prepared.reference
    names = [name for name in prepared.accepted if name in reference.parameters]
    if not names or not isinstance(reference, ReferenceModel):
        return quartet, ()
    held = reference.state()

    def outputs(one: Quartet) -> Arrays:
        run = (one.oracle_reference if exact else one.working_reference)(entering, mode)
        return {name: array for name, array in run.items() if name.partition("/")[0] in ("output", "loss")}

    own = outputs(quartet)

    def with_values(values: Arrays) -> Quartet | None:
        kept = {key: side for key, side in quartet.sides.items() if not (isinstance(key, tuple) and "reference" in key)}
        other = replace(quartet, prepared=replace(prepared, reference=reference.with_values(values)), sides=kept)
        try:
            return other if _alike(own, outputs(other), SAME[exact]) else None
        except Exception as error:  # a user's model may not stand another value: then it does something
            swallowed(error)
            return None

    def filled(name: str, value: float) -> Arrays:
        return {name: np.full_like(held[name], value)}

    at_zero = {name: array for one in names for name, array in filled(one, 0.0).items()}
    if (aside := with_values(at_zero)) is not None:
        return aside, ()
    found, values, doing = quartet, dict[str, np.ndarray](), list[str]()
    for name in names[:MOST]:
        tried = ((value, with_values(values | filled(name, value))) for value in NEUTRAL)
        value, aside = next(((value, one) for value, one in tried if one is not None), (0.0, None))
        if aside is None:
            doing.append(name)
        else:
            found, values = aside, values | filled(name, value)
    return found, tuple(doing)


def ports_with_values(prepared: Prepared) -> tuple[str, ...]:
    """The accepted leaves of the port whose values may do something."""
    values = prepared.port.initial([path for path in prepared.accepted if path in prepared.port.leaves])
    return tuple(path for path, leaf in values.items() if not any(np.all(leaf == neutral) for neutral in NEUTRAL))


def _alike(own: Mapping[str, np.ndarray], other: Mapping[str, np.ndarray], room: float) -> bool:
    if own.keys() != other.keys():
        return False
    for name, array in own.items():
        with np.errstate(all="ignore"):
            apart = np.linalg.norm(np.asarray(array - other[name]).reshape(-1))
            if array.shape != other[name].shape or not apart <= room * np.linalg.norm(array.reshape(-1)):
                return False
    return True
