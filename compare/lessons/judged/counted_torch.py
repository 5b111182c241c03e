"""What of torch is counted outside a lesson: bytes that wait for a backward pass, and programs that were compiled."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from weakref import WeakValueDictionary

import torch
from torch import Tensor, fx


def leaves(**arrays: Tensor) -> dict[str, Tensor]:
    """Copies of the arrays, marked: what a lesson may train."""
    return {name: array.clone().requires_grad_() for name, array in arrays.items()}


def bytes_kept(forward: Callable[[], Tensor], held: Iterable[Tensor]) -> int:
    """Bytes that the tape keeps alive for the backward pass, beyond the tensors that the caller holds anyway."""
    alive: WeakValueDictionary[int, Tensor] = WeakValueDictionary()

    def pack(saved: Tensor) -> Tensor:
        kept = saved.detach()  # another tensor on the same memory; it lives as long as the tape has it
        alive[id(kept)] = kept
        return kept

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda kept: kept):
        result = forward()  # holds its tape
    memory = {one.untyped_storage().data_ptr(): one.untyped_storage().nbytes() for one in alive.values()}
    del result
    return sum(memory.values()) - sum(memory.get(one.untyped_storage().data_ptr(), 0) for one in held)


class Compiled:
    """``torch.compile`` that runs each graph as it is and counts them, by the name of the function."""

    def __init__(self, dynamic: bool | None = None) -> None:
        self.graphs: Counter[str] = Counter()
        self._dynamic = dynamic

    def __call__(self, function: Callable[..., Tensor], dynamic: bool | None = None) -> Callable[..., Tensor]:
        name = getattr(function, "__name__", "")

        def backend(graph: fx.GraphModule, _: list[Tensor]) -> Callable[..., object]:
            self.graphs[name] += 1  # a backend is given each graph once, to make a program of it
            return graph.forward

        return torch.compile(function, backend=backend, dynamic=self._dynamic if dynamic is None else dynamic)


@contextmanager
def compiled(dynamic: bool | None = None) -> Iterator[Compiled]:
    """A counting ``torch.compile``; what it compiled is forgotten in the end: it stays with the code it came from."""
    try:
        yield Compiled(dynamic)
    finally:
        torch.compiler.reset()
