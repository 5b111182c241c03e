"""The bridge between tape and function: the reference's own loss and gradient as ``torch.func`` has them, one program
with no tape, written down as a dataflow like the two that it stands between."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from compare.errors import swallowed
from compare.frameworks.blame import described
from compare.frameworks.devices import Device
from compare.frameworks.islands.reference import promoted_torch
from compare.frameworks.recording.dispatch_record import Dispatched, DispatchRecorder
from compare.frameworks.recording.traced_function import run_noted, traced_function
from compare.measure.contrast.dataflow import Dataflow
from compare.measure.contrast.reference_record import steps_of
from compare.measure.contrast.ways.given_torch import Params, TorchGiven
from compare.pair.pair import Entering
from compare.pair.prepared import Prepared
from compare.sides.reference_forward import ReferenceForward
from compare.sides.seeds import mask_seed
from compare.verdict.precision import FLOAT32, FLOAT64, Precision


@dataclass(frozen=True)
class BridgeRecord:
    """One program.

    Attributes:
        in_loss: the positions of the operations that the loss needs; the others are the gradient's.
        precision: of the values: float64, but float32 where a kernel of the program knows no other.
        ours: the values that only the comparison gave it: the cotangent of a pair without a loss.
    """

    operations: Sequence[Dispatched]
    flow: Dataflow
    in_loss: frozenset[int]
    precision: Precision
    ours: frozenset[int]


def record_bridge(prepared: Prepared, entering: Entering, device: Device) -> tuple[BridgeRecord | None, str]:
    """Trace and run it; or None, and what ``torch.func`` raised."""
    with torch.enable_grad(), torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(entering.seed)
        given = TorchGiven(ReferenceForward(prepared, FLOAT32, device.torch), entering, frozenset())
        try:
            program = traced_function(_loss_of(given), _args(given))
        except Exception as error:  # what torch.func does not take: a function that writes, a rule without its context
            swallowed(error)
            return None, described(error)
        with promoted_torch():  # what a model makes float32 by itself does not meet its weights in float64
            exact = TorchGiven(ReferenceForward(prepared, FLOAT64, device.torch), entering, frozenset())
        for own, precision in ((exact, FLOAT64), (given, FLOAT32)):
            recorder = DispatchRecorder(mask_seed(entering, 0))
            args = _args(own)
            for each in args[:-1]:
                for tensor in each.values():
                    recorder.value(tensor)
            ours = frozenset(recorder.value(tensor) for tensor in args[-1].values())
            try:
                value = run_noted(program, args, recorder)
            except Exception as error:  # a kernel of float32 alone, as that of a recurrent layer is
                swallowed(error)
                continue
            record = recorder.record
            flow = Dataflow(record.values, tuple(steps_of(record.operations, record.values)), record.given)
            in_loss = _leading_to(record.operations, recorder.value(value))
            return BridgeRecord(record.operations, flow, in_loss, precision, ours), ""
    return None, "the traced program does not run again"


def _args(given: TorchGiven) -> tuple[Params, Params, Params, Params, Params]:
    """Parameters, buffers, inputs, targets, and what the outputs of a pair without a loss are multiplied by."""
    buffers = dict(given.module.module.named_buffers())
    return given.params, buffers, given.inputs, given.targets, given.module.against


def _loss_of(given: TorchGiven) -> Callable[..., torch.Tensor]:
    module = given.module

    def loss(params: Params, buffers: Params, inputs: Params, targets: Params, against: Params) -> torch.Tensor:
        kept, module.against = module.against, against
        try:
            held = {f"module.{name}": one for name, one in (params | buffers).items()}
            made: torch.Tensor = torch.func.functional_call(module, held, (inputs, targets))
        finally:
            module.against = kept
        return made

    return loss


def _leading_to(operations: Sequence[Dispatched], value: int) -> frozenset[int]:
    """The positions of the operations that a value needs."""
    wanted, found = {value}, set[int]()
    for at in range(len(operations) - 1, -1, -1):
        if not wanted.isdisjoint(operations[at].results):
            found.add(at)
            wanted.update(operations[at].operands)
    return frozenset(found)
