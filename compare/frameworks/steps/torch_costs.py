"""What torch itself counts of a step, and what lies in its memory."""

import gc
from collections.abc import Callable, Collection
from typing import Any

import torch
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from compare.frameworks.dispatch_mode import DispatchMode
from compare.frameworks.torch_insides import Kernel


def torch_flops(step: Callable[[], object]) -> float:
    """Operations on floats that torch counts in the products of one call of ``step``, which is made.

    It passes over products that are added in place and those with a vector: the formula of the gates counts all.
    """
    with FlopCounterMode(display=False) as counter:
        step()
    return float(counter.get_total_flops())


def kernels_generated() -> int:
    """Kernels that torch's compiler has generated in this process so far, and the calls of a library in its graphs."""
    import torch._dynamo
    import torch._inductor.metrics

    calls = torch._dynamo.utils.counters["inductor"]["extern_calls"]
    return int(torch._inductor.metrics.generated_kernel_count) + int(calls)


def bytes_left(call: Callable[[], object]) -> int:
    """Bytes of the memories that ``call`` has made and that something holds while its result lives, the result's own
    left out: whatever holds them, a node of the tape, a checkpoint, or nobody's table of either."""
    with _Memories() as made:
        result = call()
    own = {leaf.untyped_storage().data_ptr() for leaf in tree_leaves(result) if isinstance(leaf, torch.Tensor)}
    gc.collect()
    left = {at: size for weak, at, size in made.found if not weak.expired() and at not in own}
    return sum(left.values())


class _Memories(DispatchMode):
    """Notes every memory that an operation gives back, and holds none."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[StorageWeakRef, int, int]] = []

    def __torch_dispatch__(
        self, func: Kernel, types: Collection[type], args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        entered = {_place(leaf) for leaf in tree_leaves((args, kwargs)) if _has_memory(leaf)}
        result = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(result):
            if _has_memory(leaf) and _place(leaf) not in entered:
                memory = leaf.untyped_storage()
                self.found.append((StorageWeakRef(memory), memory.data_ptr(), memory.nbytes()))
        return result


def _has_memory(leaf: object) -> bool:
    return isinstance(leaf, torch.Tensor) and leaf.layout is torch.strided


def _place(leaf: torch.Tensor) -> int:
    return leaf.untyped_storage().data_ptr()


def bytes_held(*trees: Any) -> int:
    """Of all tensors in ``trees``, a memory that several share once."""
    storages = {
        leaf.untyped_storage().data_ptr(): leaf.untyped_storage().nbytes()
        for leaf in tree_leaves(trees)
        if isinstance(leaf, torch.Tensor) and leaf.layout is torch.strided
    }
    return sum(storages.values())
