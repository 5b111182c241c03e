"""What torch tells of itself through no promised interface: whether a backward pass runs, and what operations take.

None of it is documented, so it is asked in this one file: a version of torch that lacks it is mended here.
"""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from functools import cache
from typing import Any

import torch
from torch.utils._pytree import SUPPORTED_NODES, tree_leaves

Kernel = torch._ops.OpOverload  # one overload of an operation, as a dispatch mode gets it
Schema = torch._C.FunctionSchema  # its arguments, with their types and defaults, and what it returns


def in_backward() -> bool:
    """Whether autograd runs a backward pass on this thread: a checkpoint's second forward pass is within one."""
    return torch._C._current_graph_task_id() != -1


def schemas_of(name: str) -> list[Schema]:
    """Those of every overload of a native function, by its plain name ("add"); none of what is no native function, nor
    where torch no longer says them."""
    of_operator: Callable[[str], list[Schema]] | None = getattr(torch._C, "_jit_get_schemas_for_operator", None)
    return of_operator(f"aten::{name}") if of_operator and name else []


def schema_of(kernel: Kernel) -> Schema:
    """That of one overload."""
    return kernel._schema


@cache
def written_by(kernel: Kernel) -> frozenset[int | str]:
    """Positions and names of the arguments that ``kernel`` writes into."""
    written: set[int | str] = set()
    for place, argument in enumerate(schema_of(kernel).arguments):
        if argument.alias_info is not None and argument.alias_info.is_write:
            written |= {place, argument.name}
    return frozenset(written)


def definition_of(kernel: Kernel) -> Callable[..., Any] | None:
    """What torch's compilers take ``kernel`` apart into: a function of the same arguments that calls other operations;
    None where there is none."""
    from torch._decomp import decomposition_table

    return decomposition_table.get(kernel)


def leaves_of(nest: object) -> list[Any]:
    """What ``torch.utils._pytree.tree_leaves`` gives, in a fifth of the time for the arguments of an ordinary call: a
    mode asks this of every operation."""
    leaves = list[Any]()
    _gather((nest,), leaves)
    return leaves


def _gather(parts: Iterable[object], leaves: list[Any]) -> None:
    for part in parts:
        kind = type(part)
        if kind is tuple or kind is list:
            _gather(part, leaves)  # type: ignore[arg-type]  # by its kind, one comparison for each
        elif kind is dict:
            _gather(part.values(), leaves)  # type: ignore[attr-defined]  # likewise
        elif kind in SUPPORTED_NODES or isinstance(part, tuple):
            leaves += tree_leaves(part)
        else:
            leaves.append(part)


def operations_not_intercepted() -> AbstractContextManager[object]:
    """Within it no dispatch mode sees what is called: what a mode asks for itself is nothing of the model's."""
    return torch.utils._python_dispatch._disable_current_modes()


def functions_not_intercepted() -> AbstractContextManager[None]:
    """No mode is asked about torch's functions within it; dispatch modes go on."""
    return torch._C.DisableTorchFunction()


def has_memory(tensor: torch.Tensor) -> bool:
    """Whether a tensor's values lie in memory of its own on the CPU: not on a card, not sparse, no subclass, and none
    that ``vmap`` or another transformation wraps."""
    plain = type(tensor) in (torch.Tensor, torch.nn.Parameter) and tensor.layout is torch.strided
    return plain and tensor.device.type == "cpu" and not torch._C._functorch.is_functorch_wrapped_tensor(tensor)


def saved_alpha(tensor: object) -> float | None:
    """The alpha that the derivative of ``tensor`` keeps, if it keeps one, not rounded yet; under ``vmap`` too."""
    while isinstance(tensor, torch.Tensor) and torch._C._functorch.is_batchedtensor(tensor):
        tensor = torch._C._functorch.get_unwrapped(tensor)
    return getattr(getattr(tensor, "grad_fn", None), "_saved_alpha", None)


def uncompiled(function: Callable[..., Any]) -> None:
    """Have torch's compiler pass ``function`` over: what Python's profiler calls within a compiled program is code like
    any other to it, which it would compile, or refuse to where it was told to compile nothing more."""
    from torch._dynamo.eval_frame import skip_code

    skip_code(function.__code__)
