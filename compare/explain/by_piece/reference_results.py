"""What the reference computes on its way, each result of a function of torch's with what came back to it, on disk."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.overrides import TorchFunctionMode
from torch.utils.weak import WeakTensorKeyDictionary

from compare.arrays.arrays import from_torch, wide
from compare.arrays.aside import Aside
from compare.frameworks.dropout.reference import Drawn
from compare.frameworks.islands.places import here
from compare.frameworks.models.modes import Mode
from compare.frameworks.torch_insides import (
    functions_not_intercepted,
    in_backward,
    leaves_of,
    operations_not_intercepted,
)
from compare.pair.pair import Entering
from compare.sides.reference import ReferenceSide
from compare.sides.side import Result


@dataclass(eq=False)
class Made:
    """One result, of a floating dtype, on which a gradient depends.

    Attributes:
        path: of the innermost module whose code made it; leaf: whether that holds no others.
        function: of torch's, by name; place: the user's line.
        operands: the results that it was made of; the same tensor in another layout is the same result.
        value, cotangent: in float64; the latter is None where nothing came back.
    """

    number: int
    path: str
    leaf: bool
    function: str
    place: str
    operands: tuple["Made", ...]
    value: np.ndarray
    cotangent: np.ndarray | None = field(default=None, repr=False)


class Results(TorchFunctionMode):
    """Notes them while a model runs."""

    def __init__(self, aside: Aside) -> None:
        super().__init__()
        self.made: list[Made] = []
        self._aside, self._by_tensor, self._versions = aside, WeakTensorKeyDictionary(), WeakTensorKeyDictionary()
        self._open: list[tuple[str, bool]] = [("", False)]

    def follow(self, module: nn.Module) -> None:
        """Have the results of each of its modules bear its name."""
        for path, layer in module.named_modules():
            leaf = not any(True for _ in layer.children())
            layer.register_forward_pre_hook(partial(self._enter, (path, leaf)))
            layer.register_forward_hook(self._leave)

    def _enter(self, layer: tuple[str, bool], *given: object) -> None:
        self._open.append(layer)

    def _leave(self, *given: object) -> None:
        self._open.pop()

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        if not in_backward():
            with functions_not_intercepted():
                tensors = [one for one in leaves_of(out) if isinstance(one, torch.Tensor) and one.requires_grad]
                if tensors:
                    given = [one for one in leaves_of((args, kwargs or {})) if isinstance(one, torch.Tensor)]
                    self._note(getattr(func, "__name__", str(func)), given, tensors)
        return out

    def _note(self, name: str, given: Sequence[torch.Tensor], tensors: Sequence[torch.Tensor]) -> None:
        operands = tuple(dict.fromkeys(self._by_tensor[one] for one in given if one in self._by_tensor))
        for tensor in tensors:
            outside = len(self._open) == 1 and not operands  # what enters the model, made ready for it
            if tensor.is_leaf or outside or self._versions.get(tensor) == tensor._version:
                continue
            if (same := _in_another_layout(tensor, given)) is not None:
                if same in self._by_tensor:  # of a parameter or an input it is no result at all
                    self._by_tensor[tensor] = self._by_tensor[same]
                continue
            path, leaf = self._open[-1]
            with operations_not_intercepted(), torch.no_grad():
                value = self._aside.put(wide(from_torch(tensor)))
            made = Made(len(self.made), path, leaf, name, here(), operands, value)
            self.made.append(made)
            self._by_tensor[tensor], self._versions[tensor] = made, tensor._version
            tensor.register_hook(partial(self._came_back, made))

    def _came_back(self, made: Made, cotangent: torch.Tensor) -> None:
        with functions_not_intercepted(), operations_not_intercepted(), torch.no_grad():
            made.cotangent = self._aside.put(wide(from_torch(cotangent)))


def _in_another_layout(tensor: torch.Tensor, given: Sequence[torch.Tensor]) -> torch.Tensor | None:
    """Of what a function was given, the tensor whose entries, all of them, it returned as they lie."""
    if tensor._base is None or any(tensor is one for one in given):
        return None
    lies = (one for one in given if tensor._base is one or tensor._base is one._base)
    return next((one for one in lies if one.numel() == tensor.numel()), None)


class NotedReference(ReferenceSide):
    """The reference, its results noted while it runs."""

    def noted(self, entering: Entering, mode: Mode) -> tuple[Result, list[Made]]:
        """One run, and every result in order."""
        assert self.prepared.aside is not None
        self._results = Results(self.prepared.aside)
        return self.run(entering, mode), self._results.made

    def _watch(self, module: nn.Module) -> None:
        self._results.follow(module)

    @contextmanager
    def _replaying(self, entering: Entering, mode: Mode, step: int = 0) -> Iterator[Drawn | None]:
        # Innermost: the model's own calls are noted, and not those of another mode.
        with super()._replaying(entering, mode, step) as replay, self._results:
            yield replay
