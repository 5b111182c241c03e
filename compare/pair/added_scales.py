"""What a port's code adds to its scales (``1 + scale``), where its own values do not tell what they have less.

A function of arrays comes with arrays of the right shapes, mostly, and a norm of the Gemma kind starts from zeros:
neither is the reference's weights. There it is another function or another convention, which both functions tell.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from compare.arrays.arrays import Arrays
from compare.weights.entry import Entry
from compare.weights.mapping.offsets import holds

if TYPE_CHECKING:
    from compare.frameworks.models.ports import PortModel


def told_by_values(scales: Sequence[Entry], own: Arrays, port: "PortModel") -> bool:
    """Whether a scale of the port has the reference's ``own`` values, or is a layer's that does not start from zeros:
    then what it is called is what it is."""
    held = port.initial([one.port for one in scales]) if port.has_own else {}
    if not held:
        return False
    if any(holds(one, 0.0, own[one.reference], held[one.port]) for one in scales):
        return True
    return bool(port.modules) and any(np.any(array) for array in held.values())
