"""The reference, watched: what enters and leaves each layer, and the cotangents that come back."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

from compare.arrays.arrays import Arrays, from_torch, wide
from compare.explain.calls.change import Change, recorded
from compare.explain.calls.counting import Calls, returned
from compare.explain.locate.cuts import IN, OUT, Boundary, Cut, Passage, arrays_in, next_visit, substituted
from compare.explain.locate.forcing import Forced, InPlaceOf
from compare.explain.locate.thresholds import REPLAYS
from compare.frameworks.dropout.reference import Drawn
from compare.frameworks.islands.places import here
from compare.frameworks.models.modes import Mode
from compare.frameworks.torch_insides import functions_not_intercepted, in_backward, operations_not_intercepted
from compare.pair.pair import Entering
from compare.sides.reference import ReferenceSide
from compare.sides.reference_forward import has_gradient
from compare.sides.side import Result


class ReachedError(Exception):
    """The cut that was asked for has been reached: the rest of the run would tell nothing new."""


class WatchedReference(ReferenceSide):
    """Notes what passes the boundaries of some layers.

    Every array that passes one goes through a view of its own, so that its cotangent there is that of this use alone.
    A view that is changed in place leaves the graph, and with it its hook: where a run did that, a copy takes its place
    in another run.

    Attributes:
        result: of the last run that came to its end.
        passages: of the last run, in order.
        torch_calls: those of the last run, in order, unless it was a changed one.
    """

    def __init__(self, paths: Collection[str], *args: Any, **kwargs: Any) -> None:
        """``paths``: the layers to watch."""
        super().__init__(*args, **kwargs)
        self.paths = paths
        self.result = Result({})
        self.passages: list[Passage] = []
        self.torch_calls = Calls()
        self._until: Boundary | None = None
        self._forced: Forced | None = None
        self._cut_off: list[tuple[torch.Tensor, torch.Tensor, torch.Tensor, Passage, Cut]] = []
        self._counts: dict[str, int] = {}
        self._open: list[tuple[str, int]] = []
        self._layers: list[str] = []
        self._passed: list[tuple[Boundary, torch.Tensor, int]] = []  # views, each with its version
        self._changed_in_place: set[Boundary] = set()

    def watch(
        self,
        entering: Entering,
        mode: Mode,
        change: Change | None = None,
        until: Boundary | None = None,
        forced: Forced | None = None,
    ) -> Arrays:
        """One run, of the reference as it is or changed; with ``until`` it ends at that boundary, and there are no
        quantities but the passages. With ``forced`` other arrays go on from its cuts, and other cotangents back, as
        the port's forced run has it: what is changed in one section shows in that section alone.

        Raises:
            Exception: whatever the model raises.
        """
        self._until, self._change, self._forced = until, change, forced
        if change is not None:
            entering = replace(
                entering, weights=change.entering(entering.weights), buffers=change.entering(entering.buffers)
            )
        for _ in range(REPLAYS):
            ends = self._watched(entering, mode)
            changed = {boundary for boundary, view, version in self._passed if view._version != version}
            self._passed.clear()
            if not changed:
                break
            self._changed_in_place |= changed
        return ends

    def _watched(self, entering: Entering, mode: Mode) -> Arrays:
        self.passages, self.torch_calls, self._counts, self._open, self._layers = [], Calls(), {}, [], []
        self._cut_off.clear()
        try:
            self.result = self.run(entering, mode)
        except ReachedError:
            return {}
        return dict(self.result.arrays)

    def load(self, entering: Entering, mode: Mode = None) -> nn.Module:
        self._module = module = super().load(entering, mode)
        for path, layer in module.named_modules():
            if path in self.paths:
                layer.register_forward_pre_hook(partial(self._enter, path), with_kwargs=True)
                layer.register_forward_hook(partial(self._leave, path))
            elif not any(True for _ in layer.children()):
                layer.register_forward_pre_hook(partial(self._pass, path))
        return module

    def _enter(self, path: str, layer: nn.Module, args: tuple, kwargs: dict) -> tuple[tuple, dict] | None:
        if in_backward():
            return None
        call = next_visit(self._counts, path)
        self._open.append((path, call))
        return self._through(path, call, IN, (args, kwargs))

    def _leave(self, path: str, layer: nn.Module, args: tuple, output: Any) -> Any:
        if in_backward():
            return None
        return self._through(*self._open.pop(), OUT, output)

    @property
    def last(self) -> tuple[str, ...]:
        """Paths of layers without a counterpart that have run since the last passage."""
        return tuple(self._layers)

    def _pass(self, path: str, layer: nn.Module, args: tuple) -> None:
        if not in_backward():
            self._layers.append(path)

    def _through(self, path: str, call: int, way: str, item: Any) -> Any:
        """The nest with each floating array in it replaced by a view of its own."""
        passage = Passage(path, call, way, place=here(), number=len(self.torch_calls), layers=tuple(self._layers))
        self._layers.clear()
        self.passages.append(passage)
        views = {}
        for key, tensor in arrays_in(item, _is_floating).items():
            views[key] = self._noted(tensor, passage)
            passage.tags.append((self.torch_calls.tag(tensor), self.torch_calls.tag(views[key])))
        if self._until == (path, call, way):
            raise ReachedError
        return substituted(item, views, _is_floating)

    def _noted(self, tensor: torch.Tensor, passage: Passage) -> torch.Tensor:
        place = len(passage.values)
        if self._change is not None and (function := self._change.passing.get((*passage.boundary, place))):
            tensor = function(tensor)
        passage.values.append(_array(tensor))
        if self._forced is not None and (cut := Cut(*passage.boundary, place)) in self._forced.values:
            return self._going_on(tensor, passage, cut, self._forced)
        if not (tensor.requires_grad and torch.is_grad_enabled()):
            passage.cotangents.append(None)
            return tensor
        passage.cotangents.append(np.zeros_like(passage.values[-1]))
        if passage.boundary in self._changed_in_place:
            own = tensor.clone()
        else:
            own = tensor.view_as(tensor)
            self._passed.append((passage.boundary, own, own._version))

        def came_back(cotangent: torch.Tensor) -> None:
            passage.cotangents[place] = _array(cotangent)

        own.register_hook(came_back)
        if passage.way == OUT:
            returned(own, passage.path)
        return own

    def _going_on(self, tensor: torch.Tensor, passage: Passage, cut: Cut, forced: Forced) -> torch.Tensor:
        """What is sent on in the place of a tensor: what comes back to it is noted, and goes no further."""
        sent = torch.from_numpy(np.array(forced.values[cut])).to(tensor.device, tensor.dtype)
        if sent.shape != tensor.shape:
            raise ValueError(f"{cut}: shape {tuple(tensor.shape)}, in the plain run {tuple(sent.shape)}")
        if not (tensor.requires_grad and torch.is_grad_enabled()):
            passage.cotangents.append(None)
            return sent
        passage.cotangents.append(np.zeros_like(passage.values[-1]))
        if cut not in forced.against:
            followed: torch.Tensor = InPlaceOf.apply(tensor, sent)
            return followed
        self._cut_off.append((tensor, torch.from_numpy(np.array(forced.against[cut])).to(sent), sent, passage, cut))
        return sent.requires_grad_().clone()  # which the layer may change in place

    def _backward(
        self, outputs: object, named: dict[str, torch.Tensor], targets: dict[str, torch.Tensor], entering: Entering
    ) -> torch.Tensor | None:
        """That of the ends, and from every cut where other arrays go on: each section is a graph of its own."""
        if self._cut_off:
            own, against = zip(*((tensor, back) for tensor, back, *_ in self._cut_off), strict=True)
            torch.autograd.backward(own, against, retain_graph=True)
        if self._change is not None:
            outputs, targets = self._change.scoring(outputs, targets)
        loss = super()._backward(outputs, named, targets, entering)
        for _, _, sent, passage, cut in self._cut_off:
            if sent.grad is not None:
                passage.cotangents[cut.leaf] = _array(sent.grad)
        self._cut_off.clear()
        return loss

    @contextmanager
    def _replaying(self, entering: Entering, mode: Mode, step: int = 0) -> Iterator[Drawn | None]:
        # Innermost: what counts the calls must see the model's own, and not those of another mode.
        with super()._replaying(entering, mode, step) as replay:
            if self._change is not None:
                with self._change.applied(self._module):
                    yield replay
            else:
                with recorded(self._module) as self.torch_calls:
                    yield replay


def _array(tensor: torch.Tensor) -> np.ndarray:
    """Read past the modes that watch the model: each would be asked about every step of it."""
    with functions_not_intercepted(), operations_not_intercepted():
        return wide(from_torch(tensor))


def _is_floating(item: object) -> bool:
    with functions_not_intercepted():
        return isinstance(item, torch.Tensor) and has_gradient(item)


def by_cut(passages: list[Passage]) -> Iterator[tuple[Cut, np.ndarray, np.ndarray | None]]:
    """Every array that passed, with what came back to it."""
    for one in passages:
        for leaf, (value, cotangent) in enumerate(zip(one.values, one.cotangents, strict=True)):
            yield Cut(one.path, one.call, one.way, leaf), value, cotangent
