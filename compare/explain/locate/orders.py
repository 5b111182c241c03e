"""In which order a port holds the features that enter and leave a linear layer, by what the weight map does to it."""

from collections.abc import Mapping

import numpy as np
from torch import nn

from compare.explain.locate.cuts import IN, OUT
from compare.frameworks.models.references import ReferenceModel
from compare.pair.prepared import Prepared
from compare.weights.weights import assign

Order = tuple[int, ...]  # the reference's feature that stands at each place of the port


def feature_orders(prepared: Prepared, pairs: Mapping[str, str]) -> dict[tuple[str, str], Order]:
    """By the port's layer and the way (in, out), where the order is another than the reference's.

    ``pairs``: the port's layers by path, with the reference's.
    """
    if not isinstance(prepared.reference, ReferenceModel):
        return {}
    orders = {}
    for port, path in pairs.items():
        if isinstance(layer := prepared.reference.module.get_submodule(path), nn.Linear):
            rows, columns = layer.weight.shape
            for way, numbers in ((IN, np.arange(columns)[None, :]), (OUT, np.arange(rows)[:, None])):
                order = _carried(prepared, f"{path}.weight", np.broadcast_to(numbers, (rows, columns)))
                if order and order != tuple(range(len(order))):
                    orders[port, way] = order
    return orders


def _carried(prepared: Prepared, name: str, numbers: np.ndarray) -> Order:
    """Numbers that count one axis of a matrix, as they lie along one axis of the port's; () where they do not."""
    leaves = {entry.port for entry in prepared.weight_map.entries if entry.reference == name}
    if len(leaves) != 1:
        return ()
    leaf = np.full(prepared.leaves[leaves.pop()], -1.0)
    for entry in prepared.weight_map.entries:
        if entry.reference == name:
            assign(entry.port_view.of(leaf), entry.reference_view.of(numbers.astype(float)))
    for lines in (leaf, leaf.T) if leaf.ndim == 2 else ():
        if leaf.min() >= 0 and np.all(lines == lines[:1]):
            return tuple(int(number) for number in lines[0])
    return ()
