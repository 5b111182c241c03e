"""A run of torch written down below autograd: each operation with its values, the node that it made or that ran it, and
the layer and line of the model that it belongs to."""

import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.autograd.graph import Node
from torch.utils._pytree import tree_map_only

from compare.frameworks.dispatch_mode import DispatchMode
from compare.frameworks.dropout.masks import draw
from compare.frameworks.islands.places import here
from compare.frameworks.recording.tape_nodes import name_of_node, number_of, tensors_in
from compare.frameworks.recording.whose import BETWEEN, is_users, ours
from compare.frameworks.torch_insides import Kernel, written_by

_APPLY = torch.autograd.Function.apply.__func__.__code__  # type: ignore[attr-defined]
_TORCH = f"{Path(torch.__file__).parent}/"
_CALLERS = ours("pair/forward.py", "pair/fields.py")
COPY_SLICES = "CopySlices"  # the node of a tensor some of whose memory was written into
READ = -2  # in the place of a number: what was written into is read, and no operation ran
COPIES = 3  # numbers at most between such a node and the operation


@dataclass
class Dispatched:
    """One operation.

    Attributes:
        operands, results: the numbers of the values that it takes and makes.
        node: that it made, or, in the backward pass, that ran it; None of what the engine adds up between nodes.
        path: of the innermost layer that is running; place: "file:line" of the user's code.
        own: the model's, the loss's, or run for one of theirs; not the harness's.
        late: it ran after the loss was there: for the gradient. within: a function with a backward of its own runs it.
        number: by which autograd sorts the node that it may have made. is_view: it shares its operand's memory.
        writes: into an operand; in_part: into some of its memory.
        again: runs it once more on other numbers; its operands and results then.
    """

    name: str
    operands: tuple[int, ...]
    results: tuple[int, ...]
    path: str
    place: str
    own: bool
    late: bool
    within: bool
    number: int
    node: Node | None = None
    is_view: bool = False
    writes: bool = False
    in_part: bool = False
    again: Callable[[np.random.Generator], list[np.ndarray]] | None = None


@dataclass
class DispatchRecord:
    """What ran, and every value by its number; ``given`` are those that nothing made."""

    operations: list[Dispatched] = field(default_factory=list)
    values: dict[int, np.ndarray] = field(default_factory=dict)
    given: list[int] = field(default_factory=list)
    dropped: list[tuple[tuple[int, ...], float]] = field(default_factory=list)

    def attach(self, nodes: Sequence[Node]) -> None:
        """Give each operation of the forward pass the node that it made. A function with a backward of its own runs its
        operations with recording off; the last of them makes what the node stands for."""
        by_number: dict[int, list[Dispatched]] = {}
        for one in self.operations:
            if not one.late and one.node is None:
                by_number.setdefault(one.number, []).append(one)
        without = []
        for node in nodes:
            made = by_number.get(number_of(node), [])
            within = [one for one in made if one.within] if hasattr(type(node), "saved_tensors") else []
            for one in within or made[:1]:
                one.node = node
            if not made:
                without.append(node)
        for node in sorted(without, key=number_of):
            if (write := self._write_of(node)) is not None:
                write.node = node
        writes = {number: one for one in self.operations if one.in_part for number in one.results}
        for one in self.operations:
            if one.number == READ and not one.late and one.operands[-1] in writes:
                one.node = writes[one.operands[-1]].node

    def _write_of(self, node: Node) -> Dispatched | None:
        """What is written into has its node before or after its own number.

        Where the formula needs what was there, that is copied after the node is made, and the copy, whose node nothing
        carries, takes a number. What is written into a part is of a node of the whole, made afterwards.
        """
        number, after = number_of(node), name_of_node(node) == COPY_SLICES
        writes = [
            one for one in self.operations if one.writes and not one.late and one.node is None and one.in_part == after
        ]
        if after:
            return next((one for one in reversed(writes) if number - COPIES <= one.number < number), None)
        return next((one for one in writes if number < one.number <= number + COPIES), None)


class DispatchRecorder(DispatchMode):
    """Notes every operation; enter it after other modes, whose results it is to see. A mask that a dropout draws is the
    one of its number, so that the other side can be given the same."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.record, self.late, self.paths = DispatchRecord(), False, list[str]()
        self._seed = seed
        self._running: Node | None = None
        self._numbers: dict[tuple[object, ...], int] = {}
        self._written: dict[object, list[int]] = {}  # by memory: the values that were written into it last
        self._held: list[torch.Tensor] = []  # a memory that is given back could be taken for another's

    def __torch_dispatch__(
        self, func: Kernel, types: Collection[type], args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        kwargs = kwargs or {}
        node = self._running  # of a gradient inside the loss, what it runs makes nodes like any other code
        number = torch.autograd._get_sequence_nr() - 1
        operands = [self.value(tensor) for tensor in tensors_in((args, kwargs))]
        result = self._drawn(func, args, kwargs)
        outputs, written = tensors_in(result), tensors_in([args[at] for at in written_by(func) if isinstance(at, int)])
        before = {_key(tensor)[0]: self._forget(tensor) for tensor in written}
        known = {self._numbers.get(_key(tensor)) for tensor in outputs}
        if written or not outputs or not known <= set(operands):
            results = [self._new(tensor) for tensor in (written or outputs)]
            for tensor, made in zip(written, results, strict=False):
                memory = _key(tensor)[0]
                # What is written into a part leaves the rest as it was.
                rest = self._written.get(memory) or before[memory] if _is_part(tensor) else []
                self._written[memory] = [*rest, made]
            own, place = self._whose()
            path = self.paths[-1] if self.paths else ""
            self.record.operations.append(
                Dispatched(
                    func.overloadpacket.__name__,
                    tuple(operands),
                    tuple(results),
                    path,
                    place,
                    own,
                    self.late,
                    _is_within(),
                    number,
                    node,
                    func.is_view,
                    bool(written),
                    any(map(_is_part, written)),
                    None if written else _repeat(func, args, kwargs),
                )
            )
        return result

    def expect(self, nodes: Sequence[Node]) -> None:
        """From now on the loss is there, and these run: what runs between two of them is the engine's own, which adds
        gradients that meet."""
        self.late = True
        for node in nodes:
            node.register_prehook(lambda *_, node=node: self._run(node))
            node.register_hook(lambda *_: self._run(None))

    def _run(self, node: Node | None) -> None:
        self._running = node

    def value(self, tensor: torch.Tensor, name: str = "") -> int:
        """The number of the value that a tensor holds. Of what nobody has seen it is given, or a view of what was
        written since."""
        key = _key(tensor)
        if key not in self._numbers:
            parents = self._written.get(key[0], [])
            number = self._new(tensor)
            if parents:
                self.record.operations.append(self._view(parents, number))
            else:
                self.record.given.append(number)
        return self._numbers[key]

    def _view(self, parents: Sequence[int], number: int) -> Dispatched:
        """What was written into, read again: of the layer, and the line, that wrote."""
        wrote = next((one for one in reversed(self.record.operations) if parents[-1] in one.results), None)
        path, place = (wrote.path, wrote.place) if wrote else ("", "")
        return Dispatched("view", tuple(parents), (number,), path, place, True, self.late, False, READ, is_view=True)

    def maker_of(self, tensor: torch.Tensor) -> Dispatched | None:
        """The operation that made a tensor, views of it left aside; None where none did."""
        number = self._numbers.get(_key(tensor))
        while number is not None:
            made = next((one for one in self.record.operations if number in one.results), None)
            if made is None or not made.is_view:
                return made
            number = made.operands[0] if made.operands else None
        return None

    def _new(self, tensor: torch.Tensor) -> int:
        number = len(self.record.values)
        self.record.values[number] = array_of(tensor)
        self._numbers[_key(tensor)] = number
        self._held.append(tensor)
        return number

    def _forget(self, tensor: torch.Tensor) -> list[int]:
        """The numbers of what lay in a tensor's memory, of which the views are no more."""
        memory = _key(tensor)[0]
        keys = [key for key in self._numbers if key[0] == memory]
        return [self._numbers.pop(key) for key in keys][:1]

    def _drawn(self, func: Kernel, args: tuple, kwargs: dict) -> Any:
        """What an operation returns; of a dropout's draw, and of torch's own fused one, the mask of its number."""
        name = func.overloadpacket.__name__
        if name == "bernoulli_" and isinstance(rate := (args[1:] or (kwargs.get("p", 0.5),))[0], float):
            return args[0].copy_(self._mask(tuple(args[0].shape), 1 - rate).to(args[0]))
        if name == "bernoulli" and isinstance(rate := (args[1:] or (kwargs.get("p"),))[0], float):  # of torch.func's
            return self._mask(tuple(args[0].shape), 1 - rate).to(args[0])
        if name == "native_dropout" and args[2] and 0 < args[1] < 1:
            mask = self._mask(tuple(args[0].shape), args[1]).to(args[0].device)
            return args[0] * mask / (1 - args[1]), mask
        return func(*args, **kwargs)

    def _mask(self, shape: tuple[int, ...], rate: float) -> torch.Tensor:
        mask = draw(self._seed, len(self.record.dropped), shape, rate)
        self.record.dropped.append((shape, rate))
        return torch.from_numpy(mask)

    def _whose(self) -> tuple[bool, str]:
        """Whether the model, or a function of the pair, makes the call that is running now, and on which line."""
        frame: Any = sys._getframe(2)
        while frame is not None:
            file = frame.f_code.co_filename
            if not file.startswith((_TORCH, *BETWEEN)):
                return is_users(file, _CALLERS), here()
            frame = frame.f_back
        return True, here()


def _is_part(tensor: torch.Tensor) -> bool:
    """Whether a tensor is some of its memory."""
    return tensor.layout is torch.strided and tensor.nbytes < tensor.untyped_storage().nbytes()


def _is_within() -> bool:
    """Whether the forward pass of a ``torch.autograd.Function`` is running."""
    frame: Any = sys._getframe(2)
    while frame is not None:
        if frame.f_code is _APPLY:
            return True
        frame = frame.f_back
    return False


@contextmanager
def layers_noted(module: nn.Module, recorder: DispatchRecorder) -> Iterator[None]:
    """Within it the recorder knows which layer of ``module`` runs."""

    def leave(*_: object) -> None:
        recorder.paths.pop()

    handles = []
    for path, layer in module.named_modules():
        if not isinstance(layer, torch.jit.ScriptModule):
            handles.append(layer.register_forward_pre_hook(lambda *_, path=path: recorder.paths.append(path)))
            handles.append(layer.register_forward_hook(leave, always_call=True))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def is_bare_zeros(tensor: torch.Tensor) -> bool:
    """Whether a tensor is torch's own zeros, which have no memory: the tangent of what nothing moves."""
    return tensor._is_zerotensor()


def array_of(tensor: torch.Tensor) -> np.ndarray:
    """A copy in NumPy, floats at float64."""
    tensor = tensor.detach()
    if tensor.layout is not torch.strided or tensor.is_meta:  # a shape that torch infers holds no numbers
        return np.zeros(0)
    if is_bare_zeros(tensor):
        return np.zeros(tuple(tensor.shape))
    if tensor.is_floating_point():
        tensor = tensor.to(torch.float64)
    return tensor.resolve_conj().resolve_neg().cpu().numpy().copy()


def _repeat(func: Kernel, args: tuple, kwargs: dict) -> Callable[[np.random.Generator], list[np.ndarray]]:
    """The same operation on other numbers in the place of its floats and its truths; what counts or points stays."""
    form = tree_map_only(torch.Tensor, lambda tensor: tensor.detach(), (args, kwargs))

    def again(rng: np.random.Generator) -> list[np.ndarray]:
        def other(tensor: torch.Tensor) -> torch.Tensor:
            if tensor.is_floating_point() or tensor.is_complex():
                return torch.from_numpy(np.asarray(rng.standard_normal(tuple(tensor.shape)))).to(tensor)
            return (
                torch.from_numpy(np.asarray(rng.random(tensor.shape) < 0.5)) if tensor.dtype == torch.bool else tensor
            )

        with torch.no_grad():
            drawn = tree_map_only(torch.Tensor, other, form)
            made = tensors_in(func(*drawn[0], **drawn[1]))
        return [array_of(tensor) for tensor in (*tensors_in(drawn), *made)]

    return again


def _key(tensor: torch.Tensor) -> tuple[object, ...]:
    if tensor.layout is not torch.strided:
        return (id(tensor),)
    memory = tensor.untyped_storage()._cdata
    return memory, tensor.storage_offset(), tuple(tensor.shape), tuple(tensor.stride()), tensor.dtype
