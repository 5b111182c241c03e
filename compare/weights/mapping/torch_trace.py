"""The reference's forward pass, noted operation by operation."""

import warnings
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._pytree import tree_flatten
from torch.utils.weak import WeakTensorKeyDictionary

from compare.arrays.batch import named_leaves
from compare.errors import UsageError, swallowed
from compare.frameworks.blame import described
from compare.frameworks.dispatch_mode import DispatchMode
from compare.frameworks.models.references import copied, in_single
from compare.frameworks.torch_insides import Kernel
from compare.weights.mapping.aten_schema import named_arguments, result_of
from compare.weights.mapping.complaints import not_followed
from compare.weights.mapping.gates import GRU, HIDDEN, INPUT, LSTM, PLAIN, Gate
from compare.weights.mapping.program import Program, plain_argument


def program_of(reference: nn.Module, args: tuple, kwargs: dict) -> Program:
    """The forward pass of a copy of ``reference`` in evaluation mode (in training mode if that one raises), without a
    tape (with one if that raises, as of a model that takes a gradient inside).

    Raises:
        UsageError: the reference raises in both modes, or does so only while its operations are noted.
    """
    first: Exception | None = None
    for training, taped in product((False, True), (False, True)):
        module = in_single(copied(reference)).train(training)
        try:
            with torch.inference_mode(False):
                return _recorded(module, args, kwargs, taped)
        except Exception as error:
            swallowed(error)
            first = first or error
    assert first is not None
    if _runs(reference, args, kwargs):  # what raised is in the noting of it, which is ours
        raise not_followed("the reference", first) from first
    raise UsageError(f"the reference raised {described(first)}") from first


def _runs(reference: nn.Module, args: tuple, kwargs: dict) -> bool:
    """Whether a copy runs in either mode while nobody looks."""
    for training in (False, True):
        module = in_single(copied(reference)).train(training)
        device = next((tensor.device for tensor in module.parameters()), torch.device("cpu"))
        try:
            given = _mapped((args, kwargs), partial(_tensor, device=device, inputs=[]))
            with torch.no_grad(), torch.random.fork_rng(devices=[]), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                module(*given[0], **given[1])
            return True
        except Exception as error:
            swallowed(error)
    return False


def _recorded(module: nn.Module, args: tuple, kwargs: dict, taped: bool) -> Program:
    recorder = _Recorder(Program(gates=reference_gates(module)))
    program = recorder.program
    device = next((tensor.device for tensor in module.parameters()), torch.device("cpu"))
    for name, tensor in [*module.named_parameters(), *module.named_buffers()]:
        program.weights[name] = tuple(tensor.shape)
        program.complex_weights += [name] if tensor.is_complex() else []
        recorder.enter(tensor, "weight", name)
    program.optional = [name for name, _ in module.named_buffers()]
    # A frozen parameter (a fixed table of positions) may be a constant of the port's code.
    program.optional += [name for name, tensor in module.named_parameters() if not tensor.requires_grad]
    first = {id(tensor): name for name, tensor in module.named_parameters()}
    every = module.named_parameters(remove_duplicate=False)
    program.tied = {name: first[id(tensor)] for name, tensor in every if first[id(tensor)] != name}
    inputs: list[torch.Tensor] = []
    given = _mapped((args, kwargs), lambda leaf: _tensor(leaf, device, inputs))
    program.inputs = [recorder.enter(tensor, "input", list(tensor.shape)) for tensor in inputs]
    with _plain_kernels(), torch.set_grad_enabled(taped), torch.random.fork_rng(devices=[]), recorder:
        result = module(*given[0], **given[1])
    tensors = {name: item for name, item in named_leaves(result, "output") if isinstance(item, torch.Tensor)}
    program.outputs = {name: recorder.number(tensor) for name, tensor in tensors.items()}
    return program


class _Recorder(DispatchMode):
    """Notes every operation. Composite ones have fallen apart before they get here."""

    def __init__(self, program: Program) -> None:
        super().__init__()
        self.program = program
        self.numbers: Any = WeakTensorKeyDictionary()
        self.count = 0

    def __torch_dispatch__(
        self, function: Kernel, types: Collection[type], args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        kwargs = kwargs or {}
        named = named_arguments(function, args, kwargs)
        # Before it runs: what it changes in place becomes another value.
        arguments = {key: plain_argument(_replaced(argument, self._as_value)) for key, argument in named.items()}
        result = function(*args, **kwargs)
        outs = [out for out in tree_flatten(result)[0] if isinstance(out, torch.Tensor)]
        name = function.overloadpacket.__name__
        if name in ("copy_", "index_put_", "scatter_", "masked_scatter_"):
            tensors = [leaf for leaf in tree_flatten(args)[0] if isinstance(leaf, torch.Tensor)]
            self._write(args[0], [self.number(tensor) for tensor in tensors])
        elif outs:
            numbers = [self._new(out) for out in outs]
            shapes = [list(out.shape) for out in outs]
            self.program.events.append(["op", name, result_of(function), arguments, numbers, shapes])
            if name.endswith("_") and not name.endswith("__") and outs[0]._base is not None:
                self.program.events.append(["into", self.number(outs[0]._base), numbers[0]])
        return result

    def number(self, tensor: torch.Tensor) -> int:
        """The value that a tensor is; one that nobody has seen is a constant."""
        if tensor not in self.numbers:
            self.enter(tensor, "constant", list(tensor.shape))
        return int(self.numbers[tensor])

    def enter(self, tensor: torch.Tensor, origin: str, name_or_shape: object) -> int:
        self.program.events.append([origin, self._new(tensor), name_or_shape])
        return self.count

    def _new(self, tensor: torch.Tensor) -> int:
        self.count += 1
        self.numbers[tensor] = self.count
        return self.count

    def _as_value(self, tensor: torch.Tensor) -> dict[str, int]:
        return {"value": self.number(tensor)}

    def _write(self, target: torch.Tensor, written: list[int]) -> None:
        number, base = self.number(target), None if target._base is None else self.number(target._base)
        self.program.events.append(["write", number, written, base])


def reference_gates(module: nn.Module) -> dict[str, tuple[Gate, ...]]:
    """By name of a recurrent layer's weight, the gates it packs, in order."""
    packed: dict[str, tuple[Gate, ...]] = {}
    for path, layer in module.named_modules():
        if not isinstance(layer, nn.RNNBase | nn.modules.rnn.RNNCellBase):
            continue
        mode = getattr(layer, "mode", "")
        gates: tuple[str, ...] = LSTM if mode == "LSTM" or isinstance(layer, nn.LSTMCell) else PLAIN
        gates = GRU if mode == "GRU" or isinstance(layer, nn.GRUCell) else gates
        for name, _ in layer.named_parameters(recurse=False):
            for source in (INPUT, HIDDEN):
                if f"_{source}" in name:
                    number = f"{path}{name.partition('_' + source)[2]}"
                    packed[f"{path}.{name}" if path else name] = tuple(
                        Gate(source, gate, number, name.startswith("bias")) for gate in gates
                    )
    return packed


def _replaced(item: object, slot: Callable[[torch.Tensor], object]) -> object:
    if isinstance(item, torch.Tensor):
        return slot(item)
    if isinstance(item, list | tuple):
        return [_replaced(entry, slot) for entry in item]
    return item


def _mapped(item: object, change: Callable[[object], object]) -> Any:
    """A nest with every leaf changed, in the order in which JAX lists leaves: dictionaries by their sorted keys."""
    if isinstance(item, dict):
        changed = {key: _mapped(item[key], change) for key in sorted(item)}
        return {key: changed[key] for key in item}
    if isinstance(item, list | tuple):
        items = [_mapped(entry, change) for entry in item]
        return type(item)(*items) if hasattr(item, "_fields") else type(item)(items)
    return change(item)


def _tensor(leaf: object, device: torch.device, inputs: list[torch.Tensor]) -> Any:
    if isinstance(leaf, np.ndarray | np.generic):
        inputs.append(torch.tensor(np.array(leaf), device=device))
        return inputs[-1]
    return leaf


@contextmanager
def _plain_kernels() -> Iterator[None]:
    """No fused kernels: attention and recurrent layers fall apart into products."""
    fast = torch.backends.mha.get_fastpath_enabled()
    with ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        stack.enter_context(torch.backends.mkldnn.flags(enabled=False))
        stack.enter_context(torch.backends.cudnn.flags(enabled=False))
        stack.enter_context(sdpa_kernel(SDPBackend.MATH))
        torch.backends.mha.set_fastpath_enabled(False)
        try:
            yield
        finally:
            torch.backends.mha.set_fastpath_enabled(fast)
