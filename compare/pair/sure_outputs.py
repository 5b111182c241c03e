"""What a reference returns whatever random numbers it draws: all else tells no weight map from another."""

from typing import TYPE_CHECKING

import numpy as np

from compare.arrays.arrays import Arrays, to_torch
from compare.arrays.batch import named_leaves
from compare.pair.forward import reference_outputs
from compare.pair.pair import Entering, Pair
from compare.verdict.precision import Precision

if TYPE_CHECKING:
    from compare.frameworks.models.references import ReferenceModel


def outputs_of_reference(
    pair: Pair, reference: "ReferenceModel", entering: Entering, mode: bool | None, precision: Precision
) -> Arrays:
    """A copy's outputs at ``precision``, by name, without those that are others with other random numbers: of a map
    they tell nothing.

    Raises:
        Exception: whatever the user's model raises.
    """
    outputs, drew = _outputs_once(pair, reference, entering, mode, precision, 0)
    if not drew:
        return outputs
    again, _ = _outputs_once(pair, reference, entering, mode, precision, 1)
    return {
        name: one
        for name, one in outputs.items()
        if name in again and np.array_equal(one, again[name], equal_nan=one.dtype.kind in "fc")
    }


def _outputs_once(
    pair: Pair, reference: "ReferenceModel", entering: Entering, mode: bool | None, precision: Precision, seed: int
) -> tuple[Arrays, bool]:
    """The outputs with torch's generator at ``seed``, and whether they were made with numbers from it."""
    import torch

    device = torch.device("cpu")
    batch = entering.batches[0]
    module = reference.copy(entering.weights | entering.buffers, precision, device).eval()
    inputs = {name: to_torch(array, precision, device) for name, array in batch.inputs.items()}
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        before = torch.get_rng_state()
        outputs = reference_outputs(pair, module, batch, inputs, mode)
        drew = not torch.equal(before, torch.get_rng_state())
    named = {name: np.asarray(torch.as_tensor(one).resolve_conj()) for name, one in named_leaves(outputs, "output")}
    return named, drew
