"""One side of a training run put where the other stands: parameters, moments and counts, through the weight map.

The carried side keeps its own optimizer and schedule. Both count the same steps, so what moves is the state alone.
"""

from collections.abc import Sequence

import jax
import numpy as np
import torch

from compare.errors import UsageError
from compare.measure.trainees import PortTrainee, ReferenceTrainee
from compare.pair.stepped import GATHERED
from compare.weights.twin_layout import Layout
from compare.weights.twin_recipes import BY_CLASS
from compare.weights.twin_state import Slots, order_of, read_state, restore
from jaxport.optimizers.scaling import LossScale


def to_port(reference: ReferenceTrainee, port: PortTrainee, count: int) -> None:
    """Let the port go on where the reference stands.

    Args:
        count: how many steps both have made, as schedules count them.

    Raises:
        UsageError: the reference's optimizer has no twin.
    """
    slots = _slots(reference, port)
    with port.in_its_precision():
        leaves = slots.layout.map.to_port(_arrays(slots), slots.layout.leaves)
        params = port.prepared.port.tree({path: np.array(leaf) for path, leaf in leaves.items()})
        state = slots.into(port.state, _moved(slots, reference), count, {})
        port.stand(params, state, _scale_of(reference, port))


def to_reference(port: PortTrainee, reference: ReferenceTrainee) -> None:
    """Let the reference go on where the port stands.

    Raises:
        UsageError: the reference's optimizer has no twin.
    """
    slots = _slots(reference, port)
    read = read_state(port.state, slots.recipe, slots.layout)
    with port.in_its_precision():
        leaves = {path: np.array(leaf) for path, leaf in port.prepared.port.flat(port.params).items()}
        arrays = slots.layout.map.to_reference(leaves, slots.layout.shapes, values=True)
    with torch.no_grad():
        for name, array in arrays.items():
            slots.tensors[name].copy_(torch.from_numpy(np.array(array)))
    restore(read, slots, _moved(slots, reference))
    if reference.scaler is not None and port.scaling is not None:
        held = {"scale": float(port.scaling.scale), "_growth_tracker": int(port.scaling.sound)}
        reference.scaler.load_state_dict({**reference.scaler.state_dict(), **held})


def _scale_of(reference: ReferenceTrainee, port: PortTrainee) -> LossScale | None:
    """Where the reference's scale of the loss stands, as the port has it; None where there is none."""
    if reference.scaler is None or port.scaling is None:
        return None
    held = reference.scaler.state_dict()
    scale, sound = np.float32(held["scale"]), np.int32(held["_growth_tracker"])
    return port.scaling._replace(scale=jax.numpy.asarray(scale), sound=jax.numpy.asarray(sound))


def _slots(reference: ReferenceTrainee, port: PortTrainee) -> Slots:
    kind = type(reference.optimizer).__name__
    if kind not in BY_CLASS:
        raise UsageError(f"--resume: the state of {kind} has no twin in optax: without a side both go on as they were")
    if any(GATHERED in kept for kept in reference.optimizer.state.values()):
        raise UsageError(
            "--resume: gradients that are gathered for the next step stay on their side: give it without a side, or "
            "take a checkpoint after a whole step"
        )
    tensors = dict(reference.model.named_parameters())
    tree = jax.tree.map(np.array, port.params)
    layout = Layout.of(tensors, tree, port.prepared.weight_map)
    state = {name: reference.optimizer.state[one] for name, one in tensors.items()}
    slots = Slots(BY_CLASS[kind], layout, tensors, state, order_of(reference.optimizer, tensors))
    slots.check(reference.optimizer.param_groups)
    return slots


def _arrays(slots: Slots) -> dict[str, np.ndarray]:
    return {name: one.detach().cpu().numpy() for name, one in slots.tensors.items()}


def _moved(slots: Slots, reference: ReferenceTrainee) -> Sequence[str]:
    """The names of what the optimizer moves."""
    moved = {id(one) for group in reference.optimizer.param_groups for one in group["params"]}
    return [name for name, one in slots.tensors.items() if id(one) in moved]
