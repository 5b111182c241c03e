"""A training step in torch, written down while it is dispatched: what is computed, at which dtypes, and what for."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.utils._pytree import tree_flatten

from compare.frameworks.dispatch_mode import DispatchMode
from compare.frameworks.steps.step_operation import Operation
from compare.frameworks.steps.torch_products import UNCOUNTABLE, Products, products_of
from compare.frameworks.torch_insides import Kernel

Value = tuple[object, ...] | int


@dataclass(frozen=True)
class _Memories:
    """The memories that an operation touches, each by a number that no later one has.

    Attributes:
        outputs: of each output by its place; some calls return None among them.
        writes: of all outputs, and of what is changed in place.
        made: of these, the ones that did not exist before.
    """

    reads: list[int]
    outputs: dict[int, int]
    writes: list[int]
    made: set[int]


@dataclass
class _Call:
    """One dispatched operation, of the step with that number; ``needed`` are the memories it writes for somebody."""

    name: str
    memories: _Memories
    dtypes: frozenset[str]
    products: Products
    again: bool
    step: int
    size: int
    devices: int
    needed: set[int] = field(default_factory=set)


def torch_step(step: Callable[[], object], following: int = 2) -> tuple[Operation, ...]:
    """The operations of one call of ``step``, views left out: they compute nothing.

    The call is made, and ``following`` more, since what the next steps need of this one decides what is needed: the
    gradient by a parameter is, and the gradient by an input is not.
    """
    recorder = _Recorder()
    with recorder:
        for number in range(1 + following):
            recorder.step = number
            returned = step()
    leaves = [leaf for leaf in tree_flatten(returned)[0] if isinstance(leaf, torch.Tensor)]
    _mark_needed(recorder.calls, {recorder.memory(leaf) for leaf in leaves} or _left_behind(recorder.calls))
    return tuple(_operation(call) for call in recorder.calls if call.step == 0)


def _left_behind(calls: Sequence[_Call]) -> set[int]:
    """What a step that returns nothing is needed for: what it changes of what was there before it."""
    made = {place for call in calls for place in call.memories.made}
    written = {place for call in calls for place in call.memories.writes}
    return written - made or written


def _mark_needed(calls: Sequence[_Call], wanted: set[int]) -> None:
    wanted = set(wanted)
    for call in reversed(calls):
        call.needed = wanted.intersection(call.memories.writes)
        wanted -= call.memories.made
        if call.needed:
            wanted.update(call.memories.reads)


def _operation(call: _Call) -> Operation:
    needed = sum(count for place, count in call.products.items() if call.memories.outputs.get(place) in call.needed)
    return Operation(
        name=call.name,
        dtypes=call.dtypes,
        multiply_adds=needed,
        unneeded=sum(call.products.values()) - needed,
        needed=bool(call.needed),
        again=call.again,
        kept_again=call.again,
        size=call.size,
        between_devices=call.devices > 1,
        uncountable=call.name.removesuffix("_backward") in UNCOUNTABLE,
    )


class _Recorder(DispatchMode):
    """Notes every operation that computes; composite ones have fallen apart before they get here."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[_Call] = []
        self.step = 0
        self._memories: dict[int, int] = {}
        self._values: dict[int, Value] = {}  # what a memory holds: equal numbers, equal contents
        self._known: dict[Value, int] = {}
        self._count = 0

    def __torch_dispatch__(
        self, function: Kernel, types: Collection[type], args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        kwargs = kwargs or {}
        given = _tensors((args, kwargs))
        reads = [self.memory(tensor) for tensor in given]
        value = self._value(function, args, kwargs)
        result = function(*args, **kwargs)
        outputs = _tensors(result)
        if given and not outputs and not function._schema.is_mutable:  # what leaves torch, an item()
            self._note(function, args, kwargs, given, _Memories(reads, {}, [], set()), again=False)
            return result
        before = {_place(tensor) for tensor in given}
        fresh = [_place(tensor) not in before for tensor in outputs]
        if not (any(fresh) or function._schema.is_mutable):
            return result  # a view
        changed = [self.memory(tensor) for tensor in _changed(function, args, kwargs)]
        writes = [self._new(out) if is_new else self.memory(out) for out, is_new in zip(outputs, fresh, strict=True)]
        made = {place for place, is_new in zip(writes, fresh, strict=True) if is_new}
        again = value in self._known
        number = self._known.setdefault(value, len(self._known))
        for i, place in enumerate([*writes, *changed]):
            self._values[place] = (number, i)
        parts = result if isinstance(result, tuple | list) else (result,)
        placed = {i: self.memory(part) for i, part in enumerate(parts) if isinstance(part, torch.Tensor)}
        touched = _Memories(reads, placed, [*writes, *changed], made)
        self._note(function, args, kwargs, [*given, *outputs], touched, again)
        return result

    def memory(self, tensor: torch.Tensor) -> int:
        place = _place(tensor)
        if place not in self._memories:
            self._new(tensor)
        return self._memories[place]

    def _new(self, tensor: torch.Tensor) -> int:
        """A memory that has just been made; it may lie where one lay that is gone."""
        self._count += 1
        self._memories[_place(tensor)] = self._count
        self._values[self._count] = self._count
        return self._count

    def _value(self, function: Kernel, args: tuple, kwargs: dict) -> Value:
        """Equal for two calls that compute the same from the same."""
        leaves, structure = tree_flatten((args, kwargs))
        parts = [self._content(leaf) if isinstance(leaf, torch.Tensor) else repr(leaf) for leaf in leaves]
        once = self._count + len(self.calls) if torch.Tag.nondeterministic_seeded in function.tags else -1
        return (str(function), str(structure), *parts, once)

    def _content(self, tensor: torch.Tensor) -> Value:
        place = self.memory(tensor)
        form = (tensor.storage_offset(), tuple(tensor.shape), tuple(tensor.stride())) if _strided(tensor) else ()
        return (self._values[place], str(tensor.dtype), *form)

    def _note(
        self,
        function: Kernel,
        args: tuple,
        kwargs: dict,
        tensors: Sequence[torch.Tensor],
        touched: _Memories,
        again: bool,
    ) -> None:
        floating = {str(one.dtype).removeprefix("torch.") for one in tensors if one.is_floating_point()}
        name, products = function.overloadpacket.__name__, products_of(function, args, kwargs)
        size, devices = max(one.numel() for one in tensors), len({one.device for one in tensors if one.dim()})
        self.calls.append(_Call(name, touched, frozenset(floating), products, again, self.step, size, devices))


def _tensors(tree: object) -> list[torch.Tensor]:
    return [leaf for leaf in tree_flatten(tree)[0] if isinstance(leaf, torch.Tensor)]


def _place(tensor: torch.Tensor) -> int:
    return tensor.untyped_storage()._cdata if _strided(tensor) else id(tensor)


def _strided(tensor: torch.Tensor) -> bool:
    return tensor.layout is torch.strided


def _changed(function: Kernel, args: tuple, kwargs: dict) -> list[torch.Tensor]:
    """What a call changes in place, by its schema."""
    arguments = function._schema.arguments
    by_name = dict(zip([one.name for one in arguments], args, strict=False)) | kwargs
    written = [one.name for one in arguments if one.alias_info is not None and one.alias_info.is_write]
    return [tensor for name in written for tensor in _tensors(by_name.get(name))]
