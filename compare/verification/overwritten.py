"""State that the reference alone has, and that every run writes anew before anything reads it.

The second vector of a spectral norm is made of the first in each training step: nothing depends on what it was, and a
port that keeps the first alone keeps all that there is.
"""

from collections.abc import Iterable, Mapping

import numpy as np

from compare.errors import swallowed
from compare.pair.pair import Entering
from compare.sides.quartet import Quartet
from compare.sides.side import Result, SideError

OTHERS = (0.5, 0.25)  # what the values are multiplied with and moved by: none stays what it is, and none is 0


def overwritten(quartet: Quartet, entering: Entering, changed: Iterable[str]) -> frozenset[str]:
    """Those of the constants ``changed`` by a run whose own values change nothing that any mode of the pair returns, to
    the bit. Of a reference on record nothing can be tried."""
    reference, names = quartet.prepared.reference, sorted(changed)
    if not names or quartet.on_record:  # which is judged without torch
        return frozenset()
    from compare.frameworks.models.references import ReferenceModel

    if not isinstance(reference, ReferenceModel):
        return frozenset()
    held = {name: tensor.numpy(force=True) for name, tensor in reference.module.named_buffers() if name in names}

    def returned(one: Quartet) -> list[Result]:
        return [one.working_reference(entering, mode) for mode in quartet.prepared.modes]

    try:
        own = returned(quartet)
        found = set[str]()
        for name, array in held.items():
            other = reference.with_values({name: array * OTHERS[0] + OTHERS[1]})
            moved = returned(quartet.with_other("reference", reference=other))
            both = [*zip(own, moved, strict=True)]
            written = any(_same(name, one.left, another.left) for one, another in both)
            if written and all(_same_results(one, another) for one, another in both):
                found.add(name)
        return frozenset(found)
    except SideError as error:  # on another value: then it is read
        swallowed(error)
        return frozenset()


def _same_results(one: Result, other: Result) -> bool:
    return one.keys() == other.keys() and all(_same(name, one, other) for name in one)


def _same(name: str, one: Mapping[str, np.ndarray], other: Mapping[str, np.ndarray]) -> bool:
    if name not in one or name not in other:
        return False
    return np.array_equal(one[name], other[name], equal_nan=one[name].dtype.kind in "fc")
