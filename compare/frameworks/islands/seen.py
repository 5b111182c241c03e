"""What a promoted run of the reference saw: where float32 was made, and what could not be raised."""

import numpy as np
import torch

from compare.frameworks.islands.constants import Call, Constant, is_rounded, widen
from compare.frameworks.islands.places import KERNEL, here
from compare.frameworks.torch_insides import leaves_of

RAISED = {
    torch.float32: torch.float64,
    torch.float16: torch.float64,
    torch.bfloat16: torch.float64,
    torch.complex64: torch.complex128,
    torch.complex32: torch.complex128,
}


class Seen(list[str]):
    """Where the user's code made something float32: "file:line", each once, in order; and which of torch's own kernels
    did, though asked for float64: "torch's own hardsigmoid_backward".

    ``constants`` holds what entered already rounded and cannot be un-rounded: tensors made from float32 NumPy arrays,
    and float32 tensors that a module keeps outside its parameters and buffers. ``calls`` holds the custom operators
    that refused float64, or returned less.
    """

    def __init__(self) -> None:
        super().__init__()
        self.constants: list[Constant] = []
        self.calls: list[Call] = []
        self._scalars: set[tuple[str, complex]] = set()
        self._known: dict[int, torch.Tensor] = {}  # by address; holding them keeps the address theirs

    def place(self) -> None:
        place = here()
        if place not in self:
            self.append(place)

    def kernel(self, name: str) -> None:
        if f"{KERNEL}{name}" not in self:
            self.append(f"{KERNEL}{name}")

    def constant(self, tensor: torch.Tensor) -> None:
        address = tensor.untyped_storage().data_ptr()
        if address in self._known:
            return
        self._known[address] = tensor
        self._keep(widen_tensor(tensor), str(tensor.dtype).removeprefix("torch."))

    def scalar(self, value: np.generic) -> None:
        """A NumPy scalar in an operation: torch takes it for a Python number, rounded as it is."""
        if (here(), complex(value)) not in self._scalars:
            self._scalars.add((here(), complex(value)))
            self._keep(widen(np.asarray(value)), str(value.dtype))

    def call(self, name: str) -> None:
        call = Call(name, here())
        if call not in self.calls:
            self.calls.append(call)

    def _keep(self, values: np.ndarray, dtype: str) -> None:
        if is_rounded(values):
            self.constants.append(Constant(len(self.constants), here(), values, dtype))


def widen_tensor(tensor: torch.Tensor) -> np.ndarray:
    """A copy of ``tensor`` in NumPy, in float64 or complex128."""
    wide = torch.complex128 if tensor.is_complex() else torch.float64
    return widen(tensor.detach().resolve_conj().resolve_neg().to("cpu", wide).numpy())


def tensors_in(tree: object) -> list[torch.Tensor]:
    """Every tensor in a tree of arguments or results."""
    return [leaf for leaf in leaves_of(tree) if isinstance(leaf, torch.Tensor)]
