"""A dispatch mode that leaves torch's compiler where it is until somebody compiles.

torch wraps what a mode does with an operation so that its compiler passes it over, and imports the compiler for that
with the first operation: a fifth of the processor time in which a small pair is verified, for a pair that compiles
nothing. Before the compiler is there nothing is compiled, and nothing has to be passed over.
"""

import sys
from collections.abc import Callable
from types import MethodType
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

COMPILER = "torch._dynamo"


class DispatchMode(TorchDispatchMode):
    """What every mode of ours derives from. A version of torch that does not ask ``_should_skip_dynamo`` wraps by
    itself, and imports its compiler."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        if "__torch_dispatch__" in vars(cls):
            cls.__torch_dispatch__ = PassedOver(vars(cls)["__torch_dispatch__"])  # type: ignore[assignment, method-assign]


class PassedOver:
    """A method into which torch's compiler does not look, once it is imported; chosen before it is called, so that no
    frame stands between an operation and the mode."""

    def __init__(self, own: Callable[..., Any]) -> None:
        self.own, self.disabled = own, torch._disable_dynamo(own, recursive=True)

    def __get__(self, mode: object, kind: type | None = None) -> Callable[..., Any]:
        chosen = self.disabled if COMPILER in sys.modules else self.own
        return MethodType(chosen, mode) if mode is not None else chosen
