"""Gradients of arrays that are one in the reference: each of the port's is given the sum, as if they were one there."""

from typing import TYPE_CHECKING

import jax.numpy as jnp
import numpy as np

from compare.arrays.arrays import Shapes
from compare.weights.weights import WeightMap

if TYPE_CHECKING:
    import jax


def summed_of_tied(weight_map: WeightMap, shapes: Shapes, grads: "dict[str, jax.Array]") -> "dict[str, jax.Array]":
    """The gradients by path, those of what the port holds more than once replaced by their sum.

    Args:
        shapes: of the reference's arrays, by name; grads: of the port's leaves, by path.
    """
    tied = {entry.reference for entry in weight_map.entries if entry.tied}
    lines = [entry for entry in weight_map.entries if entry.reference in tied and entry.port in grads]
    places = {  # of each entry of a leaf, which of the reference's array it is
        at: entry.reference_view.of(np.arange(int(np.prod(shapes[entry.reference]))).reshape(shapes[entry.reference]))
        for at, entry in enumerate(lines)
    }
    whole: dict[str, jax.Array] = {}
    for at, entry in enumerate(lines):
        own = entry.port_view.of(np.arange(grads[entry.port].size).reshape(grads[entry.port].shape))
        flat = whole.get(entry.reference, jnp.zeros(int(np.prod(shapes[entry.reference])), grads[entry.port].dtype))
        whole[entry.reference] = flat.at[places[at].ravel()].add(grads[entry.port].ravel()[own.ravel()])
    summed = dict(grads)
    for at, entry in enumerate(lines):
        leaf = summed[entry.port]
        own = entry.port_view.of(np.arange(leaf.size).reshape(leaf.shape))
        flat = leaf.ravel().at[own.ravel()].set(whole[entry.reference][places[at].ravel()])
        summed[entry.port] = flat.reshape(leaf.shape)
    return summed
