"""Whether a pair's training step drops out, and with which masks: asked of its reference once."""

from weakref import WeakKeyDictionary

import torch

from compare.frameworks.devices import Device
from compare.frameworks.dropout.masks import draw
from compare.frameworks.dropout.reference import replayed
from compare.pair.pair import Entering
from compare.pair.prepared import Prepared
from compare.sides.reference_forward import ReferenceForward
from compare.sides.seeds import mask_seed
from compare.sides.side import Dropped
from compare.verdict.precision import FLOAT32

FEW = slice(0, 2)  # rows that say whether anything is dropped out; batch norm takes no single one

_known: WeakKeyDictionary[object, bool] = WeakKeyDictionary()


def drops_out(prepared: Prepared, entering: Entering, device: Device) -> bool:
    """Whether a training step of the reference draws dropout masks."""
    reference = prepared.reference
    if reference not in _known:
        _known[reference] = bool(dropouts(prepared, entering, device, FEW))
    return _known[reference]


def dropouts(prepared: Prepared, entering: Entering, device: Device, rows: slice = slice(None)) -> Dropped:
    """Shape and rate of each mask that the reference's forward pass takes, in order."""
    mode, batch = prepared.modes[0], entering.batches[0].taking(rows)
    if mode is False:
        return ()
    side = ReferenceForward(prepared, FLOAT32, device.torch)
    inputs, _ = side.batch(batch)
    with torch.random.fork_rng(devices=[]), torch.no_grad(), replayed(0) as record:
        side.forward(side.load(entering, mode), batch, inputs, mode)
    return tuple((drawn.shape, drawn.rate) for drawn in record.drawn)


def masks_of(entering: Entering, dropped: Dropped, number: int) -> list:
    """The masks of the batch of that number, in NumPy, in the reference's order: booleans, True where kept."""
    seed = mask_seed(entering, number)
    return [draw(seed, index, shape, rate) for index, (shape, rate) in enumerate(dropped)]
