"""The reference's tensors that were born in float32: tables that a module computed when it was built."""

from collections.abc import Iterator

import torch

from compare.frameworks.islands.constants import Constant, holds_float32, is_rounded
from compare.frameworks.islands.seen import widen_tensor


def constants_torch(module: torch.nn.Module) -> list[Constant]:
    """The buffers, the frozen parameters, and the plain tensors that modules keep as attributes, whose values were
    rounded to float32.

    ``Constant.name`` is the dotted name. A tensor counts whether it is in float32 still or in double by now, if all its
    values are float32 and not all are numbers that float32 holds without rounding. Parameters that train never count:
    their values enter both sides alike. So do all that the weight map carries over; the caller leaves those out.
    """
    found: list[Constant] = []
    for name, tensor in _tensors(module):
        if not (tensor.is_floating_point() or tensor.is_complex()) or tensor.is_meta:
            continue
        values = widen_tensor(tensor)
        if holds_float32(values) and is_rounded(values):
            dtype = str(tensor.dtype).removeprefix("torch.")
            found.append(Constant(len(found), f"{type(module).__name__}.{name}", values, dtype, name))
    return found


def _tensors(module: torch.nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    yield from module.named_buffers()
    yield from ((name, tensor) for name, tensor in module.named_parameters() if not tensor.requires_grad)
    for prefix, inner in module.named_modules():
        for name, value in vars(inner).items():
            if isinstance(value, torch.Tensor) and not isinstance(value, torch.nn.Parameter):
                yield f"{prefix}.{name}".lstrip("."), value
