"""Replay on the reference's side: every active dropout of a torch program takes its mask from ``draw``."""

import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FunctionType
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from compare.frameworks.dispatch_mode import DispatchMode
from compare.frameworks.dropout.frames import user_line
from compare.frameworks.dropout.kernels import attention, between_layers, draws
from compare.frameworks.dropout.masks import Dropout, draw
from compare.frameworks.dropout.undecided import Undecided
from compare.frameworks.torch_insides import Kernel, in_backward

# Functions that end in one of torch's own dropout kernels, and the mask's shape is known from the input's.
WHOLE = {torch.dropout, torch.dropout_}
FEATURES = {torch.feature_dropout, torch.feature_dropout_}
IN_PLACE = {torch.dropout_, torch.feature_dropout_}
ALPHA = {torch.alpha_dropout, torch.alpha_dropout_, torch.feature_alpha_dropout, torch.feature_alpha_dropout_}
RECURRENT = {torch.lstm, torch.gru, torch.rnn_tanh, torch.rnn_relu}

# Python functions with a dropout inside (in a backward pass: that of a checkpoint, run again). A mode is off while it
# handles one of them, so their bodies run from a copy that does not ask for modes: what they call is then seen.
OPENED = {
    F.dropout, F.dropout1d, F.dropout2d, F.dropout3d, F.alpha_dropout, F.feature_alpha_dropout,
    F.multi_head_attention_forward, torch.Tensor.backward, torch.autograd.backward, torch.autograd.grad,
}  # fmt: skip

Draw = Callable[[int, int, tuple[int, ...], float], np.ndarray]  # as ``masks.draw``
Result = Any  # a tensor, or a nest of tensors and plain values
Function = Callable[..., Result]

_running = threading.local()


@dataclass
class Drawn:
    """What was met: the dropouts that were replayed, in order, and the randomness that was not, as sentences."""

    drawn: list[Dropout] = field(default_factory=list)
    not_compared: list[str] = field(default_factory=list)

    def miss(self, what: str) -> None:
        """List ``what`` with the user's line, once."""
        self.miss_line(line_of(what))

    def miss_line(self, line: str) -> None:
        if line not in self.not_compared:
            self.not_compared.append(line)


def line_of(what: str) -> str:
    return f"{what} at {user_line({'torch'})}"


@contextmanager
def replayed(seed: int, *, unfuse: bool = False, stream: int | None = None, drawn: Draw = draw) -> Iterator[Drawn]:
    """Inside it, the n-th active dropout computes ``x * draw(seed, n, shape, p) / (1 - p)``, and so does its gradient.

    Covered: ``nn.Dropout``, ``Dropout1d``, ``2d`` and ``3d`` (mask (N, C, 1, ...)), their functions, in place or not,
    at any floating dtype, under ``torch.func.functional_call``; the dropout of ``nn.MultiheadAttention`` on attention
    weights (mask (N * H, L, S) where it returns weights, (N, H, L, S) where it does not: there its fused kernel
    is replaced by the documented formula); and a dropout that ``torch.utils.checkpoint`` runs again in a backward pass,
    which takes its first mask again. Dropouts with p = 0, p = 1 or an empty input draw nothing, here as in torch.

    Listed in ``not_compared`` and left to draw for themselves: ``scaled_dot_product_attention`` with
    ``dropout_p > 0`` called directly (with ``unfuse=True`` it is replayed, too, by its documented formula), dropout
    between recurrent layers, alpha dropout, dropout under ``torch.vmap``, and every random number that the model
    draws by hand through torch. Random numbers from NumPy or from ``random`` are not seen, and compiled modules
    are not looked into. A uniform draw that decides nothing, as one compared with a rate of 0, is none (``undecided``).

    ``drawn`` makes the masks in the place of ``draw``. With a ``stream`` a generator that the model hands to a draw is
    exchanged for one seeded with that number; the default generator is its caller's to seed.

    Raises RuntimeError where it is entered twice.
    """
    if getattr(_running, "on", False):
        raise RuntimeError("dropout is already being replayed: leave the outer replayed() first")
    record = Drawn()
    net = _Net(record, stream)
    _running.on = True
    try:
        with net, _Replaying(seed, record, net, unfuse, drawn):
            yield record
        net.undecided.end()
    finally:
        _running.on = False


class _Net(DispatchMode):
    """Names every random kernel that runs although nobody replayed it."""

    def __init__(self, record: Drawn, stream: int | None = None) -> None:
        super().__init__()
        self.record, self.quiet, self.stream = record, False, stream
        self.undecided = Undecided(record.miss_line)

    def __torch_dispatch__(
        self, func: Kernel, types: Collection[type], args: tuple = (), kwargs: dict | None = None
    ) -> Result:
        kwargs = kwargs or {}
        if not self.quiet and draws(func, args, kwargs):
            line = line_of(f"torch's {func.overloadpacket.__name__}, drawn by hand,")
            own = kwargs.get("generator")
            if self.stream is not None and isinstance(own, torch.Generator):
                kwargs = {**kwargs, "generator": torch.Generator(own.device).manual_seed(self.stream)}
            drawn = func(*args, **kwargs)
            if not self.undecided.take(func, args, kwargs, drawn, line):
                self.record.miss_line(line)
            return drawn
        return self.undecided.follow(func, args, kwargs, func) if self.undecided else func(*args, **kwargs)

    def off(self, func: Function, *args: Any, **kwargs: Any) -> Result:
        """Call ``func`` unwatched: what it draws is listed already."""
        before, self.quiet = self.quiet, True
        try:
            return func(*args, **kwargs)
        finally:
            self.quiet = before


class _Replaying(TorchFunctionMode):
    """Stands between the program and torch's dropout functions."""

    def __init__(self, seed: int, record: Drawn, net: _Net, unfuse: bool, drawn: Draw) -> None:
        super().__init__()
        self.draw = drawn
        self.seed, self.record, self.net, self.unfuse = seed, record, net, unfuse
        self.inside_attention = False
        self.seen: dict[float, Dropout] = {}

    def __torch_function__(
        self, func: Function, types: Collection[type], args: tuple = (), kwargs: dict | None = None
    ) -> Result:
        kwargs = kwargs or {}
        if func in OPENED:
            return self._open(func, args, kwargs)
        if func in WHOLE or func in FEATURES:
            return self._dropout(func, *args, **kwargs)
        if func is F.scaled_dot_product_attention:
            return self._attention(func, *args, **kwargs)
        if func in ALPHA:
            return self._alpha(func, *args, **kwargs)
        if func in RECURRENT:
            if between_layers(args):
                self.record.miss(f"dropout between the layers of torch.{func.__name__}")
            return self.net.off(func, *args, **kwargs)
        return func(*args, **kwargs)

    def _open(self, func: Any, args: tuple, kwargs: dict) -> Result:
        before = self.inside_attention
        self.inside_attention = before or func is F.multi_head_attention_forward
        try:
            with self:
                return _body(func)(*args, **kwargs)
        finally:
            self.inside_attention = before

    def _dropout(self, func: Function, input: torch.Tensor, p: float, train: bool) -> torch.Tensor:
        if not train or p in (0.0, 1.0) or input.numel() == 0:
            return func(input, p, train)
        if torch._C._functorch.is_batchedtensor(input):
            self.record.miss("dropout under torch.vmap")
            return self.net.off(func, input, p, train)
        shape = tuple(input.shape)
        if func in FEATURES:
            shape = shape[:2] + (1,) * (len(shape) - 2)
        mask = self._mask(shape, p, input)
        if func in IN_PLACE:
            return input.mul_(mask).div_(1.0 - p)
        return input * mask / (1.0 - p)

    def _alpha(self, func: Function, input: torch.Tensor, p: float, train: bool) -> torch.Tensor:
        if train and p not in (0.0, 1.0):
            self.record.miss("alpha dropout")
        return self.net.off(func, input, p, train)

    def _attention(self, func: Function, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, *args: Any,
                   **kwargs: Any) -> torch.Tensor:  # fmt: skip
        given = dict(zip(("attn_mask", "dropout_p", "is_causal"), args, strict=False)) | kwargs
        if not given.get("dropout_p", 0.0):
            return self.net.off(func, query, key, value, **given)
        if self.inside_attention or self.unfuse:
            with self:
                return attention(query, key, value, **given)
        self.record.miss("scaled_dot_product_attention with dropout_p > 0")
        return self.net.off(func, query, key, value, **given)

    def _mask(self, shape: tuple[int, ...], rate: float, like: torch.Tensor) -> torch.Tensor:
        dropout = self._next(shape, rate)
        mask = self.draw(self.seed, dropout.index, shape, rate)
        return torch.from_numpy(mask).to(like.device, like.dtype)

    def _next(self, shape: tuple[int, ...], rate: float) -> Dropout:
        # A checkpoint runs a part of the forward pass again during the backward pass, from the generator's state at
        # its first run. So a number drawn from the generator tells which dropout this is.
        token = self.net.off(torch.randint, 2**62, (), dtype=torch.int64, device="cpu").item()
        if in_backward():
            if token in self.seen and self.seen[token].shape == shape:
                return self.seen[token]
            self.record.miss("dropout that first runs in a backward pass")
        dropout = Dropout(len(self.record.drawn), shape, rate, user_line({"torch"}))
        self.record.drawn.append(dropout)
        self.seen[token] = dropout
        return dropout


def _body(func: FunctionType) -> FunctionType:
    """``func`` without its question whether a mode wants to handle it."""
    questions = ("has_torch_function", "has_torch_function_unary", "has_torch_function_variadic")
    names = func.__globals__ | dict.fromkeys(questions, lambda *_: False)
    body = FunctionType(func.__code__, names, func.__name__, func.__defaults__, func.__closure__)
    body.__kwdefaults__ = func.__kwdefaults__
    return body
