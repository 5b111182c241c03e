"""Numbers the torch functions that a forward pass calls, notes them, and puts others in their place."""

import sys
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves, tree_map_only

from compare.explain.calls.call import OUTSIDE, Call, Described
from compare.frameworks.islands.places import here
from compare.frameworks.torch_insides import in_backward
from compare.pair.fields import answer_of
from compare.pair.forward import reference_outputs

Function = Callable[..., Any]  # one of torch's
Replacement = Callable[..., Any]  # f(function, args, kwargs), in place of function(*args, **kwargs)

_COMPARE = f"{Path(__file__).parents[2]}/"
# What calls the model, and the functions of the pair: they may be torch's own, nn.Sequential or F.cross_entropy.
_MODEL = reference_outputs.__code__.co_filename
_FUNCTIONS = answer_of.__code__.co_filename
# What calls a function on the program's behalf: torch, and the modes that may stand before this one.
_BETWEEN = (
    f"{Path(torch.__file__).parent}/",
    f"{_COMPARE}frameworks/dropout/",
    f"{_COMPARE}frameworks/islands/",
    __file__,
)
# Properties that compute; the others, and what only asks, are not counted.
_VIEWS = {"T", "mT", "H", "mH", "real", "imag"}
_QUESTIONS = {"_set_grad_enabled", "dim", "size", "numel", "stride", "is_floating_point", "is_contiguous", "is_complex",
              "backward", "requires_grad", "get_device", "type", "item", "tolist", "__len__", "__bool__", "__hash__",
              "__format__", "__repr__", "__contains__", "_is_view", "storage_offset", "data_ptr"}  # fmt: skip
_RENAMED = {"radd": "add", "rmul": "mul", "truediv": "div", "rtruediv": "rdiv", "true_divide": "div", "divide": "div",
            "subtract": "sub", "multiply": "mul", "absolute": "abs", "negative": "neg",
            "swapaxes": "transpose"}  # fmt: skip
# By name: "__invert__" begins like them and is none.
_IN_PLACE = {f"__i{name}__" for name in ("add", "sub", "mul", "div", "truediv", "floordiv", "mod", "pow", "matmul",
                                         "and", "or", "xor", "lshift", "rshift")}  # fmt: skip


_ORIGIN = "returned_by_layer"  # the attribute in which a tensor says where it comes from


def returned(tensor: torch.Tensor, path: str) -> None:
    """Notes on a tensor that the layer at ``path`` has returned it."""
    setattr(tensor, _ORIGIN, path)


def name_of(function: Any) -> str:
    """ "add" of ``torch.add``, ``Tensor.add_`` and ``+``; "T" of the property; "rsub" where operands are turned."""
    name = getattr(function, "__name__", "") or str(function)
    if name == "__get__":
        return getattr(getattr(function, "__self__", None), "__name__", name)
    plain = plain_name(name)
    return _RENAMED.get(plain, plain)


def plain_name(name: str) -> str:
    """ "add" of "add", "add_", "__add__" and "__iadd__"."""
    return name.strip("_")[name in _IN_PLACE :]


def in_place(name: str) -> bool:
    """Whether the function of this name writes into its first tensor."""
    return name in _IN_PLACE or (name.endswith("_") and not name.endswith("__"))


def gets_number(function: Any) -> bool:
    """Whether a call of ``function`` gets a number."""
    name = getattr(function, "__name__", "")
    if name in ("__get__", "__set__", "__delete__"):
        return name == "__get__" and name_of(function) in _VIEWS
    return name not in _QUESTIONS


class Calls(list[Call]):
    """The calls of one run, and the number of every tensor that was seen in it."""

    def __init__(self, calls: Iterable[Call] = ()) -> None:
        super().__init__(calls)
        self._known: dict[int, tuple[weakref.ref[torch.Tensor], int]] = {}
        self._numbers = count(1)

    def tag(self, tensor: torch.Tensor) -> int:
        """The number of a tensor, its own while it is there: another may take its place in memory."""
        known, number = self._known.get(id(tensor), (None, 0))
        if known is None or known() is not tensor:
            number = next(self._numbers)
            self._known[id(tensor)] = weakref.ref(tensor), number
        return number


class Counting(TorchFunctionMode):
    """Stands between the program and torch's functions, before or behind another mode.

    A call within a call is not seen (torch switches a mode off while it handles one), so each counts once, where the
    program makes it. Not counted: what is asked of a tensor and computes nothing, what ``compare`` itself calls (the
    hooks of a run, say), and whatever runs in a backward pass, a checkpoint's second forward pass included.
    """

    def __init__(self, names: Mapping[int, str], replaced: Mapping[int, Replacement], calls: Calls | None) -> None:
        super().__init__()
        self.names, self.replaced, self.calls = names, replaced, calls
        self.paths: list[str] = []
        self.number = -1

    def __torch_function__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        kwargs = kwargs or {}
        if not gets_number(func) or in_backward() or _ours(bool(self.paths)):
            return func(*args, **kwargs)
        self.number += 1
        number = self.number
        noted: tuple = self._described((args, kwargs)) if self.calls is not None else ()
        result = self._call(number, func, args, kwargs)
        if self.calls is not None and any(isinstance(leaf, torch.Tensor) for leaf in tree_leaves(result)):
            path = self.paths[-1] if self.paths else OUTSIDE
            described = self._described(result)
            self.calls.append(Call(number, name_of(func), noted[0], noted[1], here(), path, described, func))
        return result

    def leave(self) -> None:
        """The innermost module's forward is done."""
        self.paths.pop()

    def _call(self, number: int, func: Any, args: tuple, kwargs: dict) -> Any:
        replacement = self.replaced.get(number)
        if replacement is None:
            return func(*args, **kwargs)
        writes = in_place(getattr(func, "__name__", "")) or kwargs.get("inplace")
        if not (writes and args and isinstance(args[0], torch.Tensor)):
            return replacement(func, args, kwargs)
        made = replacement(func, (args[0].clone(), *args[1:]), kwargs)
        return args[0].copy_(made)

    def _described(self, values: Any) -> Any:
        return tree_map_only(torch.Tensor, self._describe, values)

    def _describe(self, tensor: torch.Tensor) -> Described:
        dtype = str(tensor.dtype).removeprefix("torch.")
        name, origin = self.names.get(id(tensor), ""), getattr(tensor, _ORIGIN, "")
        tag = self.calls.tag(tensor) if self.calls is not None else 0
        return Described(tuple(tensor.shape), dtype, tensor.requires_grad, name, tag, origin)


@contextmanager
def counting(module: nn.Module, replaced: Mapping[int, Replacement], calls: Calls | None = None) -> Iterator[Counting]:
    """Within it, calls are counted, those in ``replaced`` replaced, and all noted in ``calls`` if it is given."""
    named = [*module.named_parameters(remove_duplicate=False), *module.named_buffers(remove_duplicate=False)]
    mode = Counting({id(tensor): name for name, tensor in reversed(named)}, replaced, calls)
    handles = []
    for path, layer in module.named_modules():
        if isinstance(layer, torch.jit.ScriptModule):
            continue
        handles.append(layer.register_forward_pre_hook(lambda *_, path=path: mode.paths.append(path), prepend=True))
        handles.append(layer.register_forward_hook(lambda *_: mode.leave(), always_call=True))
    try:
        with mode:
            yield mode
    finally:
        for handle in handles:
            handle.remove()


def _ours(in_module: bool) -> bool:
    """Whether ``compare`` itself makes the call that is running now, and neither the user nor torch for the user.

    Args:
        in_module: a module's forward is running: then what calls the model waits for it.
    """
    frame: Any = sys._getframe(1)
    while frame is not None:
        file = frame.f_code.co_filename
        if not file.startswith(_BETWEEN):
            return file.startswith(_COMPARE) and file != _FUNCTIONS and not (in_module and file == _MODEL)
        frame = frame.f_back
    return False
