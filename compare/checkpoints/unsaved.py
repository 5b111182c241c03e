"""Buffers that no checkpoint of the reference holds: where the port keeps them, the module has the values."""

from typing import TYPE_CHECKING

from compare.arrays.arrays import Arrays
from compare.checkpoints.state_dict import array_of
from compare.pair.prepared import Prepared

if TYPE_CHECKING:
    import torch


def with_unsaved(arrays: Arrays, prepared: Prepared, module: "torch.nn.Module | None" = None) -> Arrays:
    """A checkpoint's ``arrays`` of the reference, with those buffers that the map needs and that are in none.

    Args:
        module: whose they are; by default the pair's own reference.
    """
    from compare.frameworks.models.references import ReferenceModel

    reference = prepared.reference
    assert isinstance(reference, ReferenceModel)
    buffers = dict((module or reference.module).named_buffers())
    wanted = [name for name in buffers if name in reference.unsaved and name in prepared.shapes]
    return {name: array_of(name, buffers[name].cpu()) for name in wanted} | arrays
