"""What ``torch.compile`` made of each operation of the reference's loss and its gradient."""

import warnings
from collections.abc import Callable
from typing import Any

import torch

from compare.errors import swallowed
from compare.frameworks.blame import described
from compare.frameworks.devices import Device
from compare.frameworks.recording.torch_cut import Cutting
from compare.frameworks.steps.torch_costs import kernels_generated
from compare.measure.contrast.fates import AGAIN, DEAD, DUPLICATE, FOLDED, IN_PLACE, KINDS, RUN, Fates
from compare.measure.contrast.ways.given_torch import TorchGiven
from compare.pair.pair import Entering
from compare.pair.prepared import Prepared
from compare.sides.reference_forward import ReferenceForward
from compare.verdict.precision import FLOAT32

INDUCTOR = "inductor"


def reference_fates(prepared: Prepared, entering: Entering, device: Device, generate: bool = True) -> Fates:
    """Compile it twice: to see how it is cut, and with ``generate`` to count the kernels that come of it.

    Args:
        generate: needs a compiler of C++, or on a GPU Triton; without, the kernels are not known.
    """
    with torch.enable_grad(), torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(entering.seed)
        given = TorchGiven(ReferenceForward(prepared, FLOAT32, device.torch), entering, frozenset())
        cutting = Cutting()
        if message := _compiled(given, cutting):
            return Fates({}, 0, None, message)
        found = {
            DEAD: cutting.dead, DUPLICATE: cutting.duplicate, FOLDED: cutting.folded, IN_PLACE: cutting.in_place,
            RUN: cutting.kept, AGAIN: cutting.again,
        }  # fmt: skip
        before, kernels = kernels_generated(), None
        if generate and not _compiled(given, INDUCTOR):
            kernels = kernels_generated() - before
    traced = sum(len(names) for kind, names in found.items() if kind != AGAIN)
    return Fates({kind: tuple(found[kind]) for kind in KINDS if found.get(kind)}, traced, kernels)


def _compiled(given: TorchGiven, backend: str | Callable[..., Any]) -> str:
    """Compile and run forward and backward pass; what was raised, if anything was."""
    leaves = given.leaves()
    try:
        with warnings.catch_warnings():  # who makes errors of them decides nothing here
            warnings.simplefilter("ignore")
            torch._dynamo.reset()
            module: Any = torch.compile(given.module, backend=backend)
            held = given.named_in(module, leaves)
            torch.func.functional_call(module, held, (given.inputs, given.targets)).backward()
    except Exception as error:  # what the compiler does not take
        swallowed(error)
        return described(error)
    return ""
