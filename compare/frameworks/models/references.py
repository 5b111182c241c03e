"""A reference as named arrays, and copies of it to run: the user's own module is never called."""

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Protocol

import numpy as np
import torch
from torch import nn

from compare.arrays.arrays import Arrays, complex_name, from_torch, to_torch
from compare.errors import UsageError, swallowed
from compare.frameworks.blame import described
from compare.frameworks.models.modes import takes_mode
from compare.frameworks.tensors_aside import copies_on_disk
from compare.verdict.precision import Precision

# Layers that compute something else in training than in evaluation.
MODAL = (
    nn.modules.batchnorm._NormBase,
    nn.modules.dropout._DropoutNd,
    nn.RReLU,
    nn.RNNBase,
    nn.MultiheadAttention,
)


Result = Any  # whatever a user's model returns

SEEN = (torch.float32, torch.float64, torch.complex64, torch.complex128)  # NumPy can share their memory
REGISTERED = ("_parameters", "_buffers", "_modules")


class Reference(Protocol):
    """What is known of a reference, whether it is here or on record.

    Attributes:
        parameters: shapes by name; a tensor with two names (tied weights) has its first.
        complex_names: of parameters and buffers, those that hold complex numbers.
        frozen: those that do not require a gradient: they enter like the others, and have neither gradient nor update.
        buffers: shapes of the floating and complex buffers by name.
        counters: names of the other buffers, integers and booleans.
        has_mode: whether a layer computes something else in training than in evaluation.
        training: whether it came in training mode.
    """

    parameters: dict[str, tuple[int, ...]]
    complex_names: frozenset[str]
    frozen: list[str]
    buffers: dict[str, tuple[int, ...]]
    counters: list[str]
    has_mode: bool
    training: bool


class LooseTensors(nn.Module):
    """A function of (dictionary of tensors, *inputs) as a module, so that both kinds of reference run alike."""

    def __init__(self, function: Callable[..., Result], weights: Mapping[str, np.ndarray]) -> None:
        super().__init__()
        self.function = function
        for name, array in weights.items():
            dtype = torch.complex64 if np.iscomplexobj(array) else torch.float32
            # register_parameter() refuses a dot in a name
            self._parameters[name] = nn.Parameter(torch.empty(array.shape, dtype=dtype))

    def forward(self, *args: Any, **kwargs: Any) -> Result:
        return self.function(dict(self._parameters), *args, **kwargs)


class ReferenceModel:
    """A module, or a function of loose tensors like those given: a ``Reference`` that can be run."""

    def __init__(self, reference: object, like: Mapping[str, np.ndarray] | None = None) -> None:
        if not isinstance(reference, nn.Module):
            if not callable(reference) or isinstance(reference, type):
                raise UsageError(f"reference: expected an nn.Module or a function, got {type(reference).__name__}")
            if _is_a_ports(reference):
                raise UsageError(
                    f"reference: {type(reference).__name__} is a JAX model: expected an nn.Module: the reference is "
                    "torch's side, and comes first"
                )
            if like is None:
                raise UsageError("reference: a function has no weights of its own: give the pair weights=")
            reference = LooseTensors(reference, like)
        _check(reference)
        self.module = reference
        own = dict(reference.named_parameters())
        self.parameters = {name: tuple(tensor.shape) for name, tensor in own.items()}
        self.frozen = [name for name, tensor in own.items() if not tensor.requires_grad]
        self.held = frozenset[str]()
        kept = dict(reference.named_buffers())
        self.buffers = {name: tuple(tensor.shape) for name, tensor in kept.items() if _floats(tensor)}
        every = {**kept, **own}
        self.complex_names = frozenset(name for name, tensor in every.items() if tensor.is_complex())
        self.counters = [name for name in kept if name not in self.buffers]
        self.unsaved = frozenset(  # in no checkpoint
            f"{path}.{name}".lstrip(".")
            for path, layer in reference.named_modules()
            for name in layer._non_persistent_buffers_set
        )
        self.training = reference.training
        self.has_mode = any(map(_has_mode, reference.modules())) or takes_mode(reference.forward)

    def hold(self, names: Iterable[str]) -> None:
        """Copies do not train these parameters: the port has none to train beside them."""
        self.held |= frozenset(names)

    def with_values(self, values: Arrays) -> "ReferenceModel":
        """The same with other values of some parameters and buffers, by name; no memory is shared with the user's
        module."""
        module = copied(self.module)
        with torch.no_grad():
            for name, tensor in [*module.named_parameters(), *module.named_buffers()]:
                if name in values:
                    tensor.copy_(torch.from_numpy(np.array(values[name])))
        other = ReferenceModel(module)
        other.held = self.held
        return other

    def state(self) -> Arrays:
        """The module's own parameters and floating buffers: views of its memory where it lies on the CPU, read-only."""
        tensors: dict[str, torch.Tensor] = dict(self.module.named_parameters())
        tensors |= {name: tensor for name, tensor in self.module.named_buffers() if name in self.buffers}
        return {name: _seen(tensor) for name, tensor in tensors.items()}

    def copy(
        self,
        weights: Arrays,
        precision: Precision,
        device: torch.device,
        placed: Callable[[torch.Tensor], torch.Tensor] = lambda made: made,
    ) -> nn.Module:
        """The module at ``precision`` on ``device`` with ``weights`` and buffers by name in the place of its own.

        What is not among ``weights`` (constants) is converted. No memory is shared with the user's module. ``placed``
        says where each new parameter lies.

        Raises:
            UsageError: the module cannot be copied.
        """
        memo: dict[int, object] = {}
        dtypes = getattr(torch, precision.name), getattr(torch, complex_name(precision))
        for name, tensor in self.module.named_parameters():
            own = to_torch(weights[name], precision, device) if name in weights else _converted(tensor, dtypes, device)
            memo[id(tensor)] = nn.Parameter(placed(own), requires_grad=tensor.requires_grad and name not in self.held)
        for name, buffer in self.module.named_buffers():
            if name in weights:
                memo[id(buffer)] = to_torch(weights[name], precision, device)
            else:
                memo[id(buffer)] = _converted(buffer, dtypes, device)
        for held in _attributes(self.module):
            if held.device.type != device.type and held.is_leaf:
                memo.setdefault(id(held), held.detach().to(device))
        return copied(self.module, memo)


def _is_a_ports(model: object) -> bool:
    """Whether a model is one of JAX's, by the packages that it is made of: none of them need be loaded for that."""
    return any(kind.__module__.partition(".")[0] in ("flax", "equinox") for kind in type(model).__mro__)


def copied(module: nn.Module, memo: dict[int, object] | None = None) -> nn.Module:
    """A deep copy of the user's module, which is never run itself; ``memo`` as ``copy.deepcopy`` has it.

    Raises:
        UsageError: something in it cannot be copied.
    """
    try:
        return copy.deepcopy(module, copies_on_disk(module) if memo is None else memo)
    except Exception as error:
        swallowed(error)
        where = _uncopied(module)
        raise UsageError(
            f"reference: the module cannot be copied ({f'its {where}: ' if where else ''}{described(error)}): "
            "expected one that holds no results of its own runs, no locks and no generators"
        ) from error


def _uncopied(module: nn.Module) -> str:
    """The first attribute of the module or its layers that cannot be copied; nothing where none is to blame alone."""
    for path, layer in module.named_modules():
        for name, value in vars(layer).items():
            try:
                if name not in REGISTERED:
                    copy.deepcopy(value)
            except Exception as error:
                swallowed(error)
                return f"{path}.{name}" if path else name
    return ""


def _check(module: nn.Module) -> None:
    """Refuse a module whose copies cannot be run on other weights.

    Raises:
        UsageError: it was not initialised, is compiled by TorchScript, or a parameter has no values, or odd ones.
    """
    if not hasattr(module, "_parameters"):
        raise UsageError(f"reference: {type(module).__name__} is not initialised: call super().__init__() in its own")
    if scripted := [path for path, layer in module.named_modules() if isinstance(layer, torch.jit.ScriptModule)]:
        raise UsageError(
            f"reference: {scripted[0] or 'the model'} is a TorchScript module, whose copies keep its weights and its "
            "precision: give the nn.Module that it was made from"
        )
    for name, tensor in module.named_parameters():
        if nn.parameter.is_lazy(tensor):
            raise UsageError(f"reference: {name} has no shape yet: call the module once before it is compared")
        if tensor.is_meta:
            raise UsageError(f"reference: {name} is on the meta device and has no values: load the module's weights")
        if tensor.layout is not torch.strided or tensor.is_quantized:
            kind = "sparse" if tensor.layout is not torch.strided else str(tensor.dtype).removeprefix("torch.")
            raise UsageError(f"reference: {name} is {kind}: expected dense parameters of floats or complex numbers")


def _attributes(module: nn.Module) -> Iterator[torch.Tensor]:
    """Tensors that the module and its layers hold without having registered them: ``.to()`` passes these over."""
    seen: set[int] = set()
    for layer in module.modules():
        held = [value for name, value in vars(layer).items() if name not in REGISTERED]
        while held:
            value = held.pop()
            if id(value) in seen:
                continue
            seen.add(id(value))
            if isinstance(value, torch.Tensor):
                yield value
            else:
                held += _items(value)


def _items(value: object) -> list[object]:
    """What a list, a tuple or a dictionary holds, by Python's own methods: a user's class may refuse its length, or to
    be walked over."""
    if isinstance(value, tuple):
        return [*tuple.__iter__(value)]
    if isinstance(value, list):
        return [*list.__iter__(value)]
    return [*dict.values(value)] if isinstance(value, dict) else []


def in_single(module: nn.Module) -> nn.Module:
    """The module with every float32 or complex64, in place; ``float()`` leaves what is complex as it is."""

    def single(tensor: torch.Tensor) -> torch.Tensor:
        return tensor.to(torch.complex64) if tensor.is_complex() else tensor

    return module.float()._apply(single)


def _floats(tensor: torch.Tensor) -> bool:
    return tensor.is_floating_point() or tensor.is_complex()


def _converted(tensor: torch.Tensor, dtypes: tuple[torch.dtype, torch.dtype], device: torch.device) -> torch.Tensor:
    """A copy in the first of two dtypes, or in the second where it is complex."""
    own = dtypes[tensor.is_complex()] if _floats(tensor) else None
    return tensor.detach().clone().to(device, own)


def _has_mode(module: nn.Module) -> bool:
    if isinstance(module, nn.RNNBase | nn.MultiheadAttention):
        return bool(module.dropout)
    if isinstance(module, nn.modules.batchnorm._NormBase):
        return module.track_running_stats
    return isinstance(module, MODAL)


def _seen(tensor: torch.Tensor) -> np.ndarray:
    """The tensor's values, read-only; its own memory where NumPy can hold it."""
    tensor = tensor.detach()
    if tensor.device.type == "cpu" and tensor.dtype in SEEN and tensor.is_contiguous() and not tensor.is_conj():
        array = tensor.numpy()
        array.setflags(write=False)
        return array
    array = from_torch(tensor)
    array.setflags(write=False)
    return array
