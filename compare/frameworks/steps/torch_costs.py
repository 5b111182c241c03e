"""What torch itself counts of a step, and what lies in its memory."""

from collections.abc import Callable
from typing import Any

import torch
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode


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


def bytes_held(*trees: Any) -> int:
    """Of all tensors in ``trees``, a memory that several share once."""
    storages = {
        leaf.untyped_storage().data_ptr(): leaf.untyped_storage().nbytes()
        for leaf in tree_leaves(trees)
        if isinstance(leaf, torch.Tensor) and leaf.layout is torch.strided
    }
    return sum(storages.values())
