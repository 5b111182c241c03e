"""What a reference rounds below the working precision: its forward pass at that precision, operation by operation."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch.utils._pytree import tree_leaves, tree_map
from torch.utils.weak import WeakTensorKeyDictionary

from compare.frameworks.dispatch_mode import DispatchMode
from compare.frameworks.islands.constants import shortest
from compare.frameworks.islands.lowered import Kept, Step
from compare.frameworks.islands.places import here
from compare.frameworks.islands.roundings import Book, Reach, Value
from compare.frameworks.islands.seen import tensors_in, widen_tensor
from compare.frameworks.torch_insides import Kernel, in_backward

Result = Any  # a tensor, or a nest of tensors and plain values

# Which arguments of a product are its operands; one before them is added.
PRODUCTS: dict[str, tuple[int, ...]] = {
    "mm": (0, 1), "bmm": (0, 1), "mv": (0, 1), "dot": (0, 1), "vdot": (0, 1), "linear": (0, 1),
    "convolution": (0, 1), "addmm": (1, 2), "baddbmm": (1, 2), "addbmm": (1, 2), "addmv": (1, 2),
}  # fmt: skip
ATTENTION = "_scaled_dot_product"  # queries and keys, then what softmax makes of them and the values
# The same numbers elsewhere, beside torch's own views.
MOVES = {
    "clone", "_to_copy", "cat", "stack", "index", "index_select", "gather", "embedding", "_unsafe_view",
    "constant_pad_nd", "roll", "flip", "repeat", "copy", "copy_", "lift_fresh", "lift_fresh_copy", "slice_scatter",
    "select_scatter", "index_put_", "detach", "alias",
}  # fmt: skip
WRITES = {"copy_", "index_put_"}


class Roundings(DispatchMode):
    """Notes in a book every rounding below the working precision that the forward pass makes, autocast's too.

    Autocast acts above what a dispatch mode sees, and leaves tensors in float64 alone: only a run at the working
    precision shows what it lowers.
    """

    def __init__(self, book: Book) -> None:
        super().__init__()
        self.book = book
        self._values: Any = WeakTensorKeyDictionary()

    def weight(self, tensor: torch.Tensor, reach: Reach, layer: str) -> None:
        self._values[tensor] = Value(reach, weight=True, layer=layer)

    def input(self, tensor: torch.Tensor, name: str) -> None:
        self._values[tensor] = Value(frozenset({name}))

    def __torch_dispatch__(
        self, func: Kernel, types: Collection[type], args: tuple = (), kwargs: Mapping[str, Any] | None = None
    ) -> Result:
        result = func(*args, **(kwargs or {}))
        if not in_backward():
            self._note(func, args, kwargs or {}, result)
        return result

    def _note(self, func: Kernel, args: tuple, kwargs: Mapping[str, Any], result: Result) -> None:
        given, outs = tensors_in((args, kwargs)), [out for out in tensors_in(result) if not out.is_meta]
        if not outs:
            return
        name = func.overloadpacket.__name__
        main = next((out for out in outs if out.is_floating_point()), outs[0])
        low = self.book.low(main.dtype)
        step = partial(_step, name, low)
        if name in WRITES:
            given = given[1:] if name == "copy_" else given
        floats = [self._value(tensor) for tensor in given if tensor.is_floating_point()]
        beside = [self._value(tensor) for tensor in given if not tensor.is_floating_point()]
        if name.startswith("lift_fresh") and low and not _is_short(main, low):
            value = self.book.computed([], step, low)  # made by torch.tensor, which has rounded it
        elif func.is_view or name in MOVES:
            value = self._moved(func, args, kwargs, main, floats, beside, step, low)
        elif name in PRODUCTS:
            value = self._product(name, args, floats, step, low)
        elif name.startswith(ATTENTION):
            q, k, v = (self._value(tensor) for tensor in args[:3])
            scores = self.book.product((q, k), step, q.format and low)
            value = self.book.product((scores, v), step, low)
        elif not floats and low and _is_exact(func, args, kwargs, main):
            value = Value(format=low, exact=True, made=step())
        else:
            value = self.book.computed([*floats, *beside], step, low)
        value = replace(value, scalar=value.scalar or main.numel() == 1)
        for out in outs:
            self._values[out] = value if out is main else Value(value.reach, layer=value.layer)
        if name.endswith("_") and outs[0]._base is not None:  # what is written into a view is in the whole
            whole = self._value(outs[0]._base)
            self._values[outs[0]._base] = Value(
                whole.reach | value.reach, low, whole.origins | value.origins, whole.own | value.own, layer=value.layer
            )

    def _moved(
        self, func: Kernel, args: tuple, kwargs: Mapping[str, Any], out: torch.Tensor, floats: Sequence[Value],
        beside: Sequence[Value], step: Callable[[], Step], low: str,
    ) -> Value:  # fmt: skip
        reach = frozenset().union(*(value.reach for value in [*floats, *beside]))
        if floats:
            if low and not reach and not any(value.format for value in floats) and _keeps_all(args, out):
                return Value(format=low, exact=True, made=step())  # a constant that loses nothing
            return self.book.moved(floats, step, low, beside)
        if low and any(one.dtype is torch.bool for one in tensors_in((args, kwargs))):
            return Value(reach, low, made=step())
        if low and not beside and _is_exact(func, args, kwargs, out):
            return Value(format=low, exact=True, made=step())
        return self.book.computed(beside, step, low)

    def _product(self, name: str, args: tuple, floats: Sequence[Value], step: Callable[[], Step], low: str) -> Value:
        operands = [self._value(args[at]) for at in PRODUCTS[name]]
        others = [arg for at, arg in enumerate(args) if at not in PRODUCTS[name] and isinstance(arg, torch.Tensor)]
        return self.book.product(operands, step, low, [self._value(tensor) for tensor in others])

    def _value(self, tensor: torch.Tensor) -> Value:
        known = self._values.get(tensor)
        if known is not None:
            return known
        return Value(format=self.book.low(tensor.dtype), scalar=tensor.numel() == 1)


class KeptSteps:
    """The steps of a reference that its promoted oracle takes in their low format: operands and results are rounded to
    it. A step is known by its line and its operation, so that autocast, which leaves float64 alone, is among them."""

    def __init__(self, kept: Kept) -> None:
        self._formats: dict[str, dict[str, str]] = {}
        for step in kept.steps:
            self._formats.setdefault(step.operation, {})[step.place] = step.format

    def format_of(self, func: Kernel) -> str:
        """The low format of the step that is being taken; empty for what is not kept."""
        places = self._formats.get(func.overloadpacket.__name__)
        return places.get(here(), "") if places else ""


def rounded(tree: Result, low: str) -> Result:
    """The floating tensors of a tree, rounded to a low format and as wide as they were."""
    dtype = getattr(torch, low)
    return tree_map(
        lambda leaf: (
            leaf.to(dtype).to(leaf.dtype) if isinstance(leaf, torch.Tensor) and leaf.is_floating_point() else leaf
        ),
        tree,
    )


def _step(operation: str, low: str) -> Step:
    return Step(here(), operation, low)


def _is_exact(func: Kernel, args: tuple, kwargs: Mapping[str, Any], out: torch.Tensor) -> bool:
    """Whether an operation that makes numbers from none makes the same ones in float64."""
    if torch.Tag.nondeterministic_seeded in func.tags or kwargs.get("dtype") is None:
        numbers = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, float)]
        return not numbers and not tensors_in((args, kwargs)) and not bool(out.count_nonzero())
    return bool(torch.equal(func(*args, **{**kwargs, "dtype": torch.float64}), out.double()))


def _is_short(out: torch.Tensor, low: str) -> bool:
    """Whether the numbers that were written are those that are held."""
    values = widen_tensor(out)
    return bool(np.array_equal(shortest(values, low), values))


def _keeps_all(args: tuple, out: torch.Tensor) -> bool:
    source = next((arg for arg in args if isinstance(arg, torch.Tensor)), None)
    return source is not None and source.shape == out.shape and bool(torch.equal(source.double(), out.double()))
