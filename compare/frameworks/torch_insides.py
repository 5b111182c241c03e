"""What torch tells of itself through no promised interface: whether a backward pass runs, and what operations take.

None of it is documented, so it is asked in this one file: a version of torch that lacks it is mended here.
"""

from collections.abc import Callable

import torch

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
