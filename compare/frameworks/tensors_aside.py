"""torch's tensors put aside: parameters mapped from files, and what a tape saves for its backward pass.

No cut of the model is needed for that: its own code runs as it is, whatever stands between its modules. What autograd
keeps of the forward pass goes through the hooks of ``torch.autograd.graph.saved_tensors_hooks``, and each parameter's
gradient is taken as soon as all its uses are summed.
"""

import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.weak import WeakTensorKeyDictionary

from compare.arrays.aside import Aside, touched
from compare.frameworks.torch_insides import Kernel, has_memory, leaves_of, operations_not_intercepted

CHANGED = (
    "one of the variables needed for gradient computation has been modified by an inplace operation: a tensor of "
    "shape {shape} that was saved for the backward pass"
)


def on_disk(tensor: torch.Tensor, aside: Aside) -> torch.Tensor:
    """A copy of ``tensor``, a dense one on the CPU, that can be written to; a new one in memory where it is small."""
    held = aside.empty((tensor.numel() * tensor.element_size(),), np.uint8)
    copy = torch.from_numpy(held).view(tensor.dtype).view(tensor.shape)
    copy.copy_(tensor.detach())
    touched(held.nbytes)
    return copy


_lying = WeakTensorKeyDictionary()  # the parameters of users' own modules that lie on disk


@contextmanager
def parameters_on_disk(aside: Aside) -> Iterator[None]:
    """Each parameter that a module is given within it lies on disk from then on, with whatever is written into it
    later: a model is built as its own code builds it, and takes no memory."""
    register = nn.Module.register_parameter

    def registered(module: nn.Module, name: str, param: nn.Parameter | None) -> None:
        register(module, name, param)
        if param is None or param in _lying or not has_memory(param):
            return
        if param.numel() * param.element_size() > aside.small:
            param.data = on_disk(param, aside)
            _lying[param] = aside

    nn.Module.register_parameter = registered  # type: ignore[method-assign, assignment]  # every module, for a while
    try:
        yield
    finally:
        nn.Module.register_parameter = register  # type: ignore[method-assign]


def copies_on_disk(module: nn.Module) -> dict[int, object]:
    """Copies of those of a module's parameters that lie on disk, by the identity of each, as ``copy.deepcopy`` takes
    them: on disk as well."""
    return {
        id(one): nn.Parameter(on_disk(one, _lying[one]), one.requires_grad)
        for one in module.parameters()
        if one in _lying
    }


class SavedTensors:
    """What autograd saves of one forward pass: as much as there is room for in memory, the rest on disk. A parameter is
    saved as it is: it lies on disk already."""

    def __init__(self, aside: Aside, parameters: Mapping[str, torch.Tensor]) -> None:
        self._aside, self._left = aside, aside.room
        self._lying = {tensor.untyped_storage().data_ptr() for tensor in parameters.values()}

    def pack(self, tensor: torch.Tensor) -> Callable[[], torch.Tensor]:
        """What gives the tensor back."""
        with operations_not_intercepted(), torch.no_grad():
            size = tensor.numel() * tensor.element_size()
            if (
                size <= self._aside.small
                or not has_memory(tensor)
                or tensor.untyped_storage().data_ptr() in self._lying
            ):
                touched(size)
                return self._as_it_is(tensor)
            if size <= self._left:
                kept = self._as_it_is(tensor)
                self._left -= size
                weakref.finalize(kept, self._give_back, size)
                return kept
            tensor = tensor.detach().resolve_conj().resolve_neg()
            held = on_disk(tensor, self._aside)
        return lambda: _read(held)

    @staticmethod
    def unpack(kept: Callable[[], torch.Tensor]) -> torch.Tensor:
        return kept()

    def _give_back(self, size: int) -> None:
        self._left += size

    @staticmethod
    def _as_it_is(tensor: torch.Tensor) -> Callable[[], torch.Tensor]:
        version, own = tensor._version, tensor.detach()

        def given() -> torch.Tensor:
            if own._version != version:  # the hooks take torch's own look at it away
                raise RuntimeError(CHANGED.format(shape=tuple(own.shape)))
            touched(own.numel() * own.element_size())
            return own

        return given


def _read(held: torch.Tensor) -> torch.Tensor:
    touched(held.numel() * held.element_size())
    return held


@contextmanager
def one_at_a_time(
    aside: Aside, parameters: Mapping[str, nn.Parameter], called: str = "the reference"
) -> Iterator[dict[str, np.ndarray]]:
    """Within it what a forward pass saves is put aside, and of a backward pass each parameter's gradient is taken as
    soon as it is whole: by name, on disk, and ``.grad`` is None again.

    Args:
        parameters: those whose gradients are wanted.
        called: what runs, for whoever waits.
    """
    aside.at(f"{called}: forward")
    taken: dict[str, np.ndarray] = {}
    saved = SavedTensors(aside, parameters)

    def take(name: str) -> Callable[[torch.Tensor], None]:
        def taking(parameter: torch.Tensor) -> None:
            assert parameter.grad is not None
            with operations_not_intercepted(), torch.no_grad():
                gradient = parameter.grad.resolve_conj().resolve_neg()
                parameter.grad = None
                if gradient.dtype is torch.bfloat16:
                    gradient = gradient.float()
                array = gradient.cpu().numpy()
                if name in taken:  # of a model that differentiates within its own forward pass
                    np.add(taken[name], array, out=taken[name])
                else:
                    taken[name] = aside.put(array)
                    aside.at(f"{called}: backward, gradient {len(taken)} of {len(parameters)}")
                touched(array.nbytes)

        return taking

    hooks = [
        parameter.register_post_accumulate_grad_hook(take(name))
        for name, parameter in parameters.items()
        if parameter.requires_grad
    ]
    try:
        with torch.autograd.graph.saved_tensors_hooks(saved.pack, saved.unpack):
            yield taken
    finally:
        for hook in hooks:
            hook.remove()


class _OnDisk(TorchDispatchMode):
    """What is made like another tensor, or as its copy, lies on disk: what an optimizer keeps of each parameter."""

    MADE = ("aten::zeros_like", "aten::ones_like", "aten::full_like", "aten::empty_like", "aten::clone")

    def __init__(self, aside: Aside) -> None:
        super().__init__()
        self._aside = aside

    def __torch_dispatch__(self, func: Kernel, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        if func.name().partition(".")[0] in self.MADE and has_memory(made):
            made = on_disk(made, self._aside)
        touched(sum(one.numel() * one.element_size() for one in leaves_of(args) if isinstance(one, torch.Tensor)))
        return made


@contextmanager
def stepping_on_disk(
    aside: Aside, parameters: Mapping[str, nn.Parameter], gradients: Mapping[str, np.ndarray]
) -> Iterator[None]:
    """An optimizer steps within it on gradients that ``one_at_a_time`` gathered; what it keeps lies on disk."""
    for name, gradient in gradients.items():
        parameters[name].grad = torch.from_numpy(gradient).to(parameters[name].dtype)
    with _OnDisk(aside):
        yield
    for name in gradients:
        parameters[name].grad = None
