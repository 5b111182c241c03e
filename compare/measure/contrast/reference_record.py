"""The reference's loss and its backward pass, run once and written down: the tape, and what was computed for it."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from compare.errors import UsageError
from compare.frameworks.blame import described
from compare.frameworks.devices import Device
from compare.frameworks.islands.reference import promoted_torch
from compare.frameworks.recording.dispatch_record import (
    Dispatched,
    DispatchRecorder,
    array_of,
    is_bare_zeros,
    layers_noted,
)
from compare.frameworks.recording.tape_nodes import Saved, engine_order, name_of_node, saved_by
from compare.measure.contrast.dataflow import Dataflow, Made
from compare.measure.contrast.kept_arrays import Held, Kept, copied
from compare.measure.contrast.values_alike import Contents, is_moved
from compare.pair.pair import Entering
from compare.pair.prepared import Prepared
from compare.sides.reference_forward import ReferenceForward
from compare.sides.seeds import mask_seed
from compare.sides.side import Dropped
from compare.verdict.precision import FLOAT64, Precision

if TYPE_CHECKING:
    from torch.autograd.graph import Node as Grad

LEAF = "AccumulateGrad"
OWN_TENSOR = "a tensor of the model's own"  # that asks for a gradient, and is no parameter


@dataclass(frozen=True)
class Node:
    """One node of the tape.

    Attributes:
        leaf: the parameter whose ``.grad`` it fills, or ``OWN_TENSOR``.
        path: of the layer that it belongs to; place: "file:line" of the code that recorded it.
        own: the model's or the loss's, not the harness's.
        gives: the nodes that it hands gradients to, by their positions.
        forward, backward: the operations that made it, and that it runs, by their positions in the record.
    """

    name: str
    leaf: str
    path: str
    place: str
    own: bool
    saved: tuple[Held, ...]
    gives: tuple[int, ...]
    forward: tuple[int, ...]
    backward: tuple[int, ...]


@dataclass(frozen=True)
class ReferenceRecord:
    """One run: the nodes in the order in which ``backward()`` runs them, and all operations as a dataflow; by parameter
    the number of its gradient; ``entered``: by number of a value the parameter or input that it is."""

    loss: float
    nodes: tuple[Node, ...]
    operations: Sequence[Dispatched]
    flow: Dataflow
    dropped: Dropped
    gradients: Mapping[str, int]
    entered: Mapping[int, str]


def record_reference(prepared: Prepared, entering: Entering, precision: Precision, device: Device) -> ReferenceRecord:
    """Run the reference's loss and ``backward()`` once, as people write them; in float64 with what its own code makes
    float32 raised.

    Raises:
        UsageError: no parameter has a part in the loss, or the backward pass raises.
    """
    side, batch = ReferenceForward(prepared, precision, device.torch), entering.batches[0]
    module = side.load(entering, prepared.modes[0])
    inputs, targets = side.batch(batch)
    entered = dict(module.named_parameters()) | dict(module.named_buffers()) | inputs | targets
    recorder = DispatchRecorder(mask_seed(entering, 0))
    numbers: dict[int, str] = {}
    for name, tensor in entered.items():
        numbers.setdefault(recorder.value(tensor), name)
    promoting = promoted_torch if precision is FLOAT64 else nullcontext
    with ExitStack() as around:
        for each in (torch.inference_mode(False), torch.enable_grad(), torch.random.fork_rng(devices=[]), side.here()):
            around.enter_context(each)
        torch.default_generator.manual_seed(entering.seed)
        with promoting(), layers_noted(module, recorder), recorder:
            loss = side.loss(module, batch, inputs, targets)
        if loss.grad_fn is None:
            raise UsageError(f"pair {prepared.pair.name}: no parameter of the reference has a part in its loss")
        order = engine_order(loss.grad_fn)
        try:
            saved = _kept(order, entered, recorder)
            recorder.expect(order)
            with promoting(), recorder:
                loss.backward()
        except RuntimeError as error:  # of torch, as where what a node kept was overwritten
            raise UsageError(
                f"pair {prepared.pair.name}: backward() of the reference raised {described(error)}"
            ) from error
    record = recorder.record
    record.attach(order)
    names = {id(tensor): name for name, tensor in module.named_parameters()}
    places = {id(node): at for at, node in enumerate(order)}
    nodes = tuple(_node(node, kept, names, places, record.operations) for node, kept in zip(order, saved, strict=True))
    whose = {id(grad): node.own for grad, node in zip(order, nodes, strict=True)}
    for one in record.operations:
        one.own = whose.get(id(one.node), one.own)
    flow = Dataflow(record.values, tuple(steps_of(record.operations, record.values)), record.given)
    gradients = {name: recorder.value(one.grad) for name, one in module.named_parameters() if one.grad is not None}
    return ReferenceRecord(
        float(loss.detach()), nodes, record.operations, flow, tuple(record.dropped), gradients, numbers
    )


def _node(
    grad: "Grad",
    kept: tuple[Held, ...],
    names: dict[int, str],
    places: dict[int, int],
    operations: Sequence[Dispatched],
) -> Node:
    made = [at for at, one in enumerate(operations) if one.node is grad]
    forward = tuple(at for at in made if not operations[at].late)
    first = operations[forward[-1]] if forward else None
    leaf = names.get(id(getattr(grad, "variable", None)), OWN_TENSOR if name_of_node(grad) == LEAF else "")
    own = first.own if first else True  # the comparison's own nodes have operations that it called
    path, place = (first.path, first.place) if first else ("", "")
    gives = tuple(places[id(following)] for following, _ in grad.next_functions if following is not None)
    return Node(
        name_of_node(grad),
        leaf,
        path,
        place,
        own,
        kept,
        gives,
        forward,
        tuple(at for at in made if operations[at].late),
    )


def _kept(
    order: "Sequence[Grad]", entered: dict[str, torch.Tensor], recorder: DispatchRecorder
) -> list[tuple[Held, ...]]:
    """Of each node what it saved; a memory that several share is counted where the engine meets it first."""
    known = {_memory(tensor): name for name, tensor in reversed(entered.items()) if tensor.numel()}
    contents = {name: Contents(array_of(tensor)) for name, tensor in entered.items()}
    listed: dict[int, int] = {}
    rows = []
    for row, node in enumerate(order):
        rows.append(tuple(_row(saved, row, known, contents, listed, recorder) for saved in saved_by(node)))
    return rows


def _row(
    saved: Saved,
    row: int,
    known: dict[int, str],
    contents: dict[str, Contents],
    listed: dict[int, int],
    recorder: DispatchRecorder,
) -> Held:
    tensor = saved.tensor
    if tensor is None:
        return Held(Kept(saved.name, (), "", 0, again=True), None)
    memory, dtype, own = _memory(tensor), str(tensor.dtype).removeprefix("torch."), Contents(array_of(tensor))
    kept = Kept(saved.name, tuple(tensor.shape), dtype, _bytes(tensor), constant=own.is_constant)
    if memory in known:
        return Held(replace(kept, same_as=known[memory]), own)
    if memory in listed:
        return Held(replace(kept, earlier=listed[memory]), own)
    listed[memory] = row
    made = recorder.maker_of(tensor)
    by, place = (made.path, made.place) if made else ("", "")
    return Held(replace(kept, copy_of=copied(own, contents), by=by, place=place), own)


def _memory(tensor: torch.Tensor) -> int:
    """Where a tensor lies; of one that lies nowhere, as torch's zeros of a tangent that nothing moves, which it is."""
    return tensor.untyped_storage().data_ptr() if _lies(tensor) else id(tensor)


def _bytes(tensor: torch.Tensor) -> int:
    """What keeping it keeps: all of its memory, of which it may be a part."""
    if is_bare_zeros(tensor):
        return 0
    return tensor.untyped_storage().nbytes() if _lies(tensor) else tensor.nbytes


def _lies(tensor: torch.Tensor) -> bool:
    return tensor.layout is torch.strided and not is_bare_zeros(tensor)


def steps_of(operations: Sequence[Dispatched], values: dict[int, np.ndarray]) -> Iterator[Made]:
    """Each operation as a step of a dataflow; what seems to move an operand is tried on other numbers."""
    rng = np.random.default_rng(0)
    contents = {number: Contents(array) for number, array in values.items()}
    for at, one in enumerate(operations):
        operands = [contents[number] for number in one.operands]
        results = [contents[number] for number in one.results]
        moves = any(is_moved(operand, result) for operand in operands for result in results)
        if moves and one.again is not None:
            drawn = [Contents(array) for array in one.again(rng)]
            split = len(drawn) - len(results)
            moves = any(is_moved(operand, result) for operand in drawn[:split] for result in drawn[split:])
        yield Made(one.operands, one.results, at, moves)
