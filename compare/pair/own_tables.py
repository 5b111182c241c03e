"""Tables that each side makes for itself although the weight map could carry them over.

A rotary table in a buffer of the reference and in a variable of the port looks like a running statistic: alike in name,
role and shape. Carried over, a wrong one would be put right before anything is compared.
"""

from typing import TYPE_CHECKING

import numpy as np

from compare.arrays.arrays import PARAMS, Arrays
from compare.frameworks.islands.constants import holds_float32, is_rounded
from compare.verdict.thresholds import NEAR
from compare.weights.weights import WeightMap

if TYPE_CHECKING:
    from compare.frameworks.models.ports import PortModel
    from compare.frameworks.models.references import Reference

STATISTICS = "batch"  # in the name of the collections that hold running statistics


def own_tables(reference: "Reference", port: "PortModel", weight_map: WeightMap, own: Arrays) -> frozenset[str]:
    """The reference's buffers that are not to be carried over, since the port comes with a table of its own.

    It does, where its values are none that one would type, and either no checkpoint holds the buffer or they are the
    buffer's but for a little. ``own``: the reference's values by name.
    """
    entries = [entry for entry in weight_map.entries if entry.reference in reference.buffers]
    leaves = {entry.port for entry in entries if not entry.port.startswith((f"{PARAMS}/", STATISTICS))}
    leaves -= {entry.port for entry in weight_map.entries if entry.reference not in reference.buffers}
    initial = port.initial(sorted(leaves)) if leaves else {}
    computed = {path for path, values in initial.items() if _is_table(values)}
    unsaved: frozenset[str] = getattr(reference, "unsaved", frozenset())

    def is_own(name: str) -> bool:
        paths = {entry.port for entry in entries if entry.reference == name}
        return paths <= computed and (name in unsaved or all(_near(own[name], initial[path]) for path in paths))

    tables = {entry.reference for entry in entries if is_own(entry.reference)}
    shared = {entry.port for entry in entries if entry.reference not in tables}
    return frozenset(tables - {entry.reference for entry in entries if entry.port in shared})


def _is_table(values: np.ndarray) -> bool:
    return values.dtype.kind == "f" and values.size > 1 and holds_float32(values) and is_rounded(values)


def _near(values: np.ndarray, other: np.ndarray) -> bool:
    """Whether two arrays are one table but for a little, and not the very same."""
    first, second = np.squeeze(values).astype(np.float64), np.squeeze(other).astype(np.float64)
    if first.shape != second.shape or np.array_equal(first, second) or not (_is_table(values) and _is_table(other)):
        return False
    return bool(np.max(np.abs(first - second)) <= NEAR * np.max(np.abs(first)))
