"""The promoted oracle of the reference: a torch module in double whose own float32 is raised to float64."""

import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils._pytree import tree_map

from compare.frameworks.dispatch_mode import DispatchMode
from compare.frameworks.islands.constants import shortest
from compare.frameworks.islands.low_reference import KeptSteps, rounded
from compare.frameworks.islands.lowered import Kept
from compare.frameworks.islands.primitives import Given
from compare.frameworks.islands.requests import Requests
from compare.frameworks.islands.seen import RAISED, Seen, tensors_in, widen_tensor
from compare.frameworks.torch_insides import Kernel, leaves_of, schema_of, written_by

Result = Any  # a tensor, or a nest of tensors and plain values

_default_dtype = threading.RLock()  # torch's default dtype belongs to the process
_TORCHS_OWN = ("aten", "prim", "prims", "profiler", "_c10d_functional")


@contextmanager
def promoted_torch(kept: Kept | None = None) -> Iterator[Seen]:
    """Raise to float64 every cast to, creation in and accumulation in float32, float16 or bfloat16.

        with promoted_torch() as seen:
            loss = loss_of(module(x))
            loss.backward()          # inside as well: the backward pass has casts of its own

    The module and its inputs are in double already. Within the block torch's default dtype is float64, so one thread
    at a time can be in it (others wait). ``complex64`` becomes ``complex128``. Random draws in float32 stay the draws
    that they are and are widened. A kernel of torch's whose float64 is accurate to float32 only is taken apart into
    primitive operations (``primitives``). Left alone: reinterpreted bits (``x.view(dtype)``), in-place writes into a
    float32 tensor that the module keeps outside its buffers, and what custom operators do inside. The steps of ``kept``
    are taken in their low format all the same.
    """
    seen = Seen()
    with _default_dtype:
        before = torch.get_default_dtype()
        torch.set_default_dtype(torch.float64)
        try:
            with Requests(seen), _Operations(seen, kept or Kept()):
                yield seen
        finally:
            torch.set_default_dtype(before)


@contextmanager
def float64_by_default() -> Iterator[None]:
    """torch's default dtype is float64, and so is what torch's optimizers keep of their own then: NAdam's product of
    momenta, ASGD's rate. As ``promoted_torch``, for one thread at a time."""
    with _default_dtype:
        before = torch.get_default_dtype()
        torch.set_default_dtype(torch.float64)
        try:
            yield
        finally:
            torch.set_default_dtype(before)


class _Operations(DispatchMode):
    """Sees every operation below autograd, forward and backward, and raises the dtypes it is asked for."""

    def __init__(self, seen: Seen, kept: Kept) -> None:
        super().__init__()
        self.seen, self.kept = seen, KeptSteps(kept)

    def __torch_dispatch__(
        self, func: Kernel, types: Collection[type], args: tuple = (), kwargs: dict | None = None
    ) -> Result:
        if low := self.kept.format_of(func):
            written = written_by(func)
            args = tuple(value if at in written else rounded(value, low) for at, value in enumerate(args))
            result = self._promoted(func, args, kwargs or {})
            return result if written else rounded(result, low)
        return self._promoted(func, args, kwargs or {})

    def _promoted(self, func: Kernel, args: tuple, kwargs: dict) -> Result:
        if func is torch.ops.aten.lift_fresh.default:
            return self._born(func(*args))
        if func is torch.ops.aten.view.dtype:
            return func(*args, **kwargs)
        leaves = leaves_of((args, kwargs))
        if any(isinstance(leaf, torch.dtype) and leaf in RAISED for leaf in leaves):
            self.seen.place()
        if torch.Tag.nondeterministic_seeded in func.tags and not tensors_in((args, kwargs)):
            return self._drawn(func, args, kwargs)
        if any(map(_is_low, leaves)):
            # A view of a float32 tensor stays one: autograd holds a view and its base to the same dtype.
            raise_tensor = (lambda tensor: tensor) if func.is_view else self._raised
            written = written_by(func)
            args = tuple(
                value if place in written else tree_map(lambda leaf: _raise(leaf, raise_tensor), value)
                for place, value in enumerate(args)
            )
            kwargs = {
                name: value if name in written else tree_map(lambda leaf: _raise(leaf, raise_tensor), value)
                for name, value in kwargs.items()
            }
        given = Given(func, args, kwargs)
        results = func(*args, **kwargs) if func.namespace in _TORCHS_OWN else self._foreign(func, args, kwargs)
        if given.taken_apart(results):
            self.seen.kernel(func.overloadpacket.__name__)
        return results

    def _foreign(self, func: Kernel, args: tuple, kwargs: dict) -> Result:
        """A custom operator: in float64 if it takes that, else in float32, and then it is a witness."""
        try:
            results = func(*args, **kwargs)
        except (RuntimeError, TypeError, NotImplementedError, ValueError):
            results = func(*tree_map(_lowered, args), **tree_map(_lowered, kwargs))
        if any(tensor.dtype in RAISED for tensor in tensors_in(results)):
            self.seen.call(str(func))
        return tree_map(lambda leaf: _raise(leaf, _widened), results)

    def _raised(self, tensor: torch.Tensor) -> torch.Tensor:
        if tensor.dtype not in RAISED:
            return tensor
        self.seen.constant(tensor)
        return tensor.to(RAISED[tensor.dtype])

    def _born(self, tensor: torch.Tensor) -> torch.Tensor:
        """A tensor made from Python or NumPy values, which torch has rounded already."""
        if tensor.dtype not in RAISED:
            return tensor
        if tensor.numel() == 1:
            self.seen.place()
            name = str(tensor.dtype).removeprefix("torch.")
            return torch.from_numpy(shortest(widen_tensor(tensor), name)).to(tensor.device)
        return self._raised(tensor)

    def _drawn(self, func: Kernel, args: tuple, kwargs: dict) -> Result:
        """Random numbers made from nothing: float64 would draw others, not the same ones more exactly."""
        if any(one.name == "dtype" and one.default_value is not None for one in schema_of(func).arguments):
            return func(*args, **kwargs)  # integers, unless something else is asked for: the dispatcher leaves that out
        if kwargs.get("dtype") is None:
            self.seen.place()
        drawn = func(*args, **{**kwargs, "dtype": kwargs.get("dtype") or torch.float32})
        return _widened(drawn)


def _is_low(leaf: object) -> bool:
    """Whether ``_raise`` would do anything about it."""
    dtype = leaf.dtype if isinstance(leaf, torch.Tensor) else leaf
    return isinstance(dtype, torch.dtype) and dtype in RAISED


def _raise(leaf: object, raise_tensor: Callable[[torch.Tensor], torch.Tensor]) -> object:
    if isinstance(leaf, torch.Tensor):
        return raise_tensor(leaf)
    return RAISED.get(leaf, leaf) if isinstance(leaf, torch.dtype) else leaf


def _lowered(leaf: object) -> object:
    return leaf.float() if isinstance(leaf, torch.Tensor) and leaf.dtype == torch.float64 else leaf


def _widened(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.to(RAISED.get(tensor.dtype, tensor.dtype))
