"""What a torch module asks for, seen before torch rounds it: ``torch.tensor(0.1, dtype=torch.float32)``."""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch.overrides import TorchFunctionMode

from compare.frameworks.islands.places import users_own
from compare.frameworks.islands.seen import RAISED, Seen, tensors_in
from compare.frameworks.torch_insides import leaves_of, saved_alpha

Function = Callable[..., Any]  # of torch, as it asks its modes about it

MAKERS = {torch.tensor, torch.as_tensor, torch.asarray, torch.Tensor.new_tensor, torch.scalar_tensor}
BACKWARDS = {torch.autograd.backward, torch.autograd.grad}
RMS_NORMS = {torch.nn.functional.rms_norm, torch.rms_norm}
CELUS = {torch.nn.functional.celu, torch.celu, torch.celu_}
LOW_NUMPY = (np.float32, np.float16, np.complex64)


class Requests(TorchFunctionMode):
    """Sees what the user's code asks for before torch rounds it: ``torch.tensor(0.1, dtype=torch.float32)``."""

    def __init__(self, seen: Seen) -> None:
        super().__init__()
        self.seen = seen

    def __torch_function__(
        self, func: Function, types: Collection[type], args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func is torch.Tensor.backward:
            func, kwargs = torch.autograd.backward, _renamed(kwargs)
        if func in BACKWARDS:
            # A mode is off while it handles a call, and the backward pass runs the user's code too.
            with self, _not_intercepted():
                return func(*args, **kwargs)
        if func in MAKERS:
            return self._make(func, args, kwargs)
        if func in CELUS:
            return self._celu(func, args, kwargs)
        for leaf in (*args, *kwargs.values()):
            if isinstance(leaf, np.generic) and leaf.dtype in LOW_NUMPY:
                self.seen.scalar(leaf)
        if func in RMS_NORMS:
            args, kwargs = _with_eps(args, kwargs)
        made = func(*args, **kwargs)
        if _by_default(made, func, args, kwargs):
            self.seen.place()
        return made

    def _celu(self, func: Function, args: tuple, kwargs: dict) -> torch.Tensor:
        """With the derivative of ``elu``, of which it is a case: its own divides by an alpha in float32."""
        x, *rest = args or (kwargs["input"],)
        rest_by_name = {name: value for name, value in kwargs.items() if name != "input"}
        kept, given = x.clone(), x.clone()
        made = func(given, *rest, **rest_by_name)
        alpha = saved_alpha(made)
        if alpha is not None and float(np.float32(alpha)) != alpha:
            self.seen.kernel("celu_backward")
            exact = torch.ops.aten.elu.default(kept, alpha, 1.0, 1.0 / alpha)
        else:
            exact = made
        return x.copy_(exact) if made is given else exact

    def _make(self, func: Function, args: tuple, kwargs: dict) -> Any:
        """``torch.tensor`` and its like: from here on the Python numbers in ``args`` are float64's to round."""
        asked = kwargs.get("dtype")
        raised = {**kwargs, "dtype": RAISED.get(asked, asked)} if asked is not None else kwargs
        if asked in RAISED and _rounded_array(args):  # its values were float32 before torch saw them
            return func(*args, **kwargs)
        made = func(*args, **raised)
        if asked in RAISED or _by_default(made, func, args, kwargs):
            self.seen.place()
        return made


@contextmanager
def _not_intercepted() -> Iterator[None]:
    """``torch.autograd.grad`` hands itself to the mode that is on, which calls it with itself on: once is enough.

    torch offers no other way to keep a mode on within such a call.
    """
    before = torch.autograd.has_torch_function
    torch.autograd.has_torch_function = lambda args: False
    try:
        yield
    finally:
        torch.autograd.has_torch_function = before


def _renamed(kwargs: dict) -> dict:
    """What ``Tensor.backward`` calls ``gradient``, ``torch.autograd.backward`` calls ``grad_tensors``."""
    return {{"gradient": "grad_tensors"}.get(name, name): value for name, value in kwargs.items()}


def _with_eps(args: tuple, kwargs: dict) -> tuple[tuple, dict]:
    """``rms_norm`` without an epsilon takes the dtype's: float32's, in the run that the promoted one stands for."""
    if len(args) > 3:
        return (*args[:3], torch.finfo(torch.float32).eps if args[3] is None else args[3]), kwargs
    return args, {**kwargs, "eps": torch.finfo(torch.float32).eps} if kwargs.get("eps") is None else kwargs


def _by_default(made: object, func: Function, args: tuple, kwargs: dict) -> bool:
    """Whether the user's code made a tensor that is of the default dtype: in float32, then, without promotion."""
    if not isinstance(made, torch.Tensor) or made.dtype not in (torch.float64, torch.complex128):
        return False
    leaves = leaves_of((args, kwargs))
    named = any(isinstance(leaf, torch.dtype) for leaf in leaves) or func in (torch.Tensor.double, torch.Tensor.type)
    arrays = any(isinstance(leaf, np.ndarray | np.generic) for leaf in leaves)
    floats = any(tensor.is_floating_point() or tensor.is_complex() for tensor in tensors_in(leaves))
    return not (named or arrays or floats) and users_own()


def _rounded_array(args: tuple) -> bool:
    return any(isinstance(leaf, np.ndarray | np.generic) and leaf.dtype in LOW_NUMPY for leaf in leaves_of(args))
