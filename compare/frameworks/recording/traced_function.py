"""The reference's value and gradient as one program without a tape: ``torch.func``, traced by ``make_fx``, and its
operations run again with every value noted."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.func import grad_and_value
from torch.fx import GraphModule, Interpreter
from torch.fx.experimental.proxy_tensor import make_fx
from torch.utils._pytree import tree_map_only

from compare.frameworks.recording.dispatch_record import DispatchRecorder

Tree = Any  # tensors, in a nest
RAISED = {torch.float32: torch.float64, torch.complex64: torch.complex128}


def traced_function(loss: Callable[..., torch.Tensor], args: Sequence[Tree]) -> GraphModule:
    """The program of ``loss`` and of its gradient by the first of ``args``: what it returns is a pure function of
    ``args``, and no operation in it records anything.

    Raises:
        Exception: ``torch.func`` or the tracing does not take the function; whatever either raises then.
    """
    with torch.enable_grad():
        return make_fx(grad_and_value(loss))(*args)


def run_noted(program: GraphModule, args: Sequence[Tree], recorder: DispatchRecorder) -> torch.Tensor:
    """Run a traced program on ``args``, each operation noted by ``recorder``; the value that it returns beside the
    gradient. Where ``args`` are float64, what the program makes float32 is float64 too."""
    is_raised = any(one.dtype is torch.float64 for one in _leaves(args[0]))
    with torch.no_grad(), recorder:
        returned = (_Raised if is_raised else Interpreter)(program.double() if is_raised else program).run(*args)
    value: torch.Tensor = returned[1]
    return value


def _leaves(tree: Tree) -> list[torch.Tensor]:
    return [one for one in torch.utils._pytree.tree_leaves(tree) if isinstance(one, torch.Tensor)]


class _Raised(Interpreter):
    def call_function(self, target: Any, args: tuple, kwargs: dict) -> Any:
        args, kwargs = tree_map_only(torch.dtype, lambda one: RAISED.get(one, one), (args, kwargs))
        return super().call_function(target, args, kwargs)
