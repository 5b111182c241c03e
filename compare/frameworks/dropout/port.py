"""Replay on the port's side: every library's dropout takes the reference's mask while a function is traced."""

import contextvars
import itertools
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from types import ModuleType
from typing import Any

import jax
import jax.numpy as jnp

from compare.frameworks.dropout import mask_layouts as layouts
from compare.frameworks.dropout.frames import module_of, stack, user_line
from compare.frameworks.dropout.mask_layouts import Shape
from compare.frameworks.dropout.pairing import DropoutMismatch, DropoutReused, Pairing, Replay
from compare.frameworks.dropout.shard_masks import spread_of
from compare.frameworks.models.choose import LIBRARIES, loaded
from compare.frameworks.models.ports import Draws
from compare.frameworks.models.vmap_levels import Level, drawn

__all__ = ["DropoutMismatch", "Replay", "replayed"]

# Bodies that run more than once, on slices, or not at all: no one mask is theirs. A kind's own come on top.
VMAP = "jax._src.interpreters.batching"
SHARDED = "jax._src.shard_map"
BODIES = {
    "jax._src.lax.control_flow.loops": "a scan or a loop",
    "jax._src.lax.control_flow.conditionals": "a cond or a switch",
    VMAP: "a vmap",
    SHARDED: "a shard_map",
}

# Inner programs (jit, remat) are traced by this one.
TRACING = "jax._src.interpreters.partial_eval"

# Every function of jax.random checks its key by this one. Those below derive keys and draw nothing.
SAMPLERS, CHECK = "jax._src.random.core", "_check_prng_key"
BERNOULLI = (SAMPLERS, "bernoulli")
DERIVE = {"split", "fold_in", "key_data", "key_impl", "clone", "wrap_key_data"}

# Part of the key of JAX's tracing caches. A program traced under replay holds masks, and must never be found again; nor
# one in which something drew, since that is noted while it is traced. What is traced without masks and draws nothing
# may be found by every replay without masks: until one of them notes a draw, they share an epoch.
_epoch = jax.make_user_context(None)
_serial = itertools.count(1)
_undrawn = 0
_one = threading.Lock()

# Folded into every key that something draws with, a hand-made one too; None: the keys are as they are.
_stream: contextvars.ContextVar[jax.Array | None] = contextvars.ContextVar("stream", default=None)


@contextmanager
def in_stream(number: jax.Array) -> Iterator[None]:
    """What is traced inside a replay within it draws other numbers for each ``number``, which may be traced; masks that
    are replayed are the same."""
    token = _stream.set(number)
    try:
        yield
    finally:
        _stream.reset(token)


@contextmanager
def replayed(masks: Sequence[jax.Array], *, channels_last: bool = False) -> Iterator[Replay]:
    """Inside it, every dropout layer of a port's library that draws takes the next of ``masks``.

    Enter it *inside* the function that ``jax.jit`` or ``jax.vjp`` traces, with ``masks`` among that function's
    arguments: boolean arrays of the reference's shapes in its order (``masks.draw``). Entered once per trace; the
    record is complete when the trace is. A call that finds the compiled program does not enter it again.

    A library's dropout asks a name of its own module for its mask, ``jax.random``: that name is exchanged, where the
    kind's file says (``ports.Draws``). The model still needs its random keys, whose values then do not matter, and
    which the kind's ``apply`` provides.

    A mask is paired by order and by shape (``layouts.fits``); pass ``channels_last=True`` where the port runs
    (N, H, W, C). Attention's without ``broadcast_dropout`` is paired like a layer's. Inner ``jit`` and ``remat`` are
    looked into, and ``vmap`` where the library's layers are written for one row: there a mask is one of all rows. A
    dropout in a ``shard_map`` takes its shard's part of the mask (``shard_masks``).
    Dropouts of rate 0 or 1 draw nothing, as in torch, and neither does ``jax.random.bernoulli`` of the number 0 or 1.

    Listed in ``not_compared``, and left to draw for themselves: dropouts in the body of a scan, loop, cond, another
    vmap, after which masks are searched for and no longer demanded in order; attention's dropout with
    ``broadcast_dropout=True`` against a mask per head, which is passed over; and ``jax.random`` called by anyone else.

    Raises DropoutMismatch where the shapes do not fit, the masks have run out, or a key is one that another dropout has
    drawn with, and RuntimeError where another replay is under way.
    """
    global _undrawn
    if not _one.acquire(blocking=False):
        raise RuntimeError("dropout is already being replayed: leave the other replayed() first")
    draws_nothing = False
    try:
        record = Replay([tuple(mask.shape) for mask in masks])
        with ExitStack() as undo:
            every = [kind.draws for kind in loaded()]
            replay = _Replaying(record, masks, channels_last, undo, every)
            for draws in every:
                for name in (*draws.layers, *draws.attention):
                    if name in sys.modules:
                        replay.stand_in(name, draws)
            replay.watch()
            yield record
            draws_nothing = record == Replay(record.given)
    finally:
        if not (masks or draws_nothing):
            _undrawn = next(_serial)
        _one.release()


@contextmanager
def _exchanged(module: ModuleType, name: str, value: object) -> Iterator[None]:
    before = getattr(module, name)
    setattr(module, name, value)
    try:
        yield
    finally:
        setattr(module, name, before)


class _Random:
    """``jax.random`` as one module of a library sees it: ``bernoulli`` replays, everything else is the real one's."""

    def __init__(self, replay: "_Replaying", attention: bool, draws: Draws) -> None:
        self._replay, self._attention, self._draws = replay, attention, draws

    def bernoulli(self, key: jax.Array, p: float = 0.5, shape: Shape = (), **rest: Any) -> jax.Array:
        """The next mask, or a draw of one's own where there is none to be had."""
        replay, mask = self._replay, None
        if replay.mine():
            rate = self._draws.rate(sys._getframe(1).f_locals["self"]) if self._draws.rate else 1.0 - p
            mask = replay.mask(tuple(shape), _Asked(rate, self._attention, self._draws.rows), key)
        return replay.off(jax.random.bernoulli, key, p, shape, **rest) if mask is None else mask

    def __getattr__(self, name: str) -> Callable[..., jax.Array]:
        return getattr(jax.random, name)


@dataclass(frozen=True)
class _Asked:
    """What a dropout says of itself: its rate, and whether it is attention's, and written for one row."""

    rate: float
    attention: bool
    rows: bool


class _Replaying:
    """One replay: its pairing, and which frames were running when it began."""

    def __init__(
        self, record: Replay, masks: Sequence[jax.Array], channels_last: bool, undo: ExitStack, every: Sequence[Draws]
    ) -> None:
        self.record, self.masks, self.undo = record, masks, undo
        self.bodies: Mapping[str, str] = BODIES | {name: body for draws in every for name, body in draws.bodies.items()}
        self.shapes = frozenset().union(*(draws.shapes for draws in every))
        self.pairing, self.level = Pairing(record, channels_last), Level()
        self.keys: list[tuple[jax.Array, str]] = []  # those that were drawn with, and where
        self.thread, self.around = threading.get_ident(), set(stack())
        # A program that holds a stream's number is nobody else's either.
        self.serial = next(_serial) if masks or _stream.get() is not None else _undrawn
        self.quiet, self.drawn_at, self.unseen = False, set[str](), set[str]()
        self._turn_epoch()

    def stand_in(self, name: str, draws: Draws) -> None:
        """In the place of ``jax.random`` in a module of a library; where a version calls it otherwise, that is said as
        soon as the module draws, and not before: a port may have nothing to do with the library."""
        if hasattr(sys.modules[name], draws.name):
            shim = _Random(self, name in draws.attention, draws)
            self.undo.enter_context(_exchanged(sys.modules[name], draws.name, shim))
        else:
            self.unseen.add(name)

    def mine(self) -> bool:
        """Whether the running thread is the one that replays."""
        return threading.get_ident() == self.thread

    def off(self, draw: Callable[..., jax.Array], *args: Any, **kwargs: Any) -> jax.Array:
        """Call ``draw`` unwatched: it is listed already."""
        before, self.quiet = self.quiet, True
        try:
            return draw(*args, **kwargs)
        finally:
            self.quiet = before

    def mask(self, shape: Shape, asked: _Asked, key: jax.Array) -> jax.Array | None:
        """The mask for a dropout that asks for ``shape``; None, and a line in the record, where it has to draw."""
        where, modules = user_line(LIBRARIES), self._inside()
        self._not_again(key, where)
        in_rows = asked.rows and self.level.is_above_rows
        inside = {name: self.bodies[name] for name in modules if name in self.bodies and not (in_rows and name == VMAP)}
        if [*inside] == [SHARDED] and not in_rows and (spread := spread_of(shape, partial(self._is_due, asked))):
            mask = self._next(spread.whole, asked, where, True)
            return None if mask is None else spread.own_part(mask, key)
        if body := next(iter(inside.values()), None):
            self.record.in_order = False
            self.record.miss(f"dropout inside {body} at {where}")
            return None
        if in_rows:
            return drawn(self.level, key, shape, lambda whole: self._of_rows(whole, asked, where))
        return self._next(shape, asked, where, TRACING in modules)

    def _not_again(self, key: jax.Array, where: str) -> None:
        """Refuse a key that another dropout has drawn with: the masks that are replayed would hide it."""
        for other, first in self.keys:  # held, so that no other key takes its identity
            if other is key:
                raise DropoutReused(first, where)
        self.keys.append((key, where))

    def _is_due(self, asked: _Asked, shape: Shape) -> bool:
        return self.pairing.is_due(shape, asked.attention)

    def _of_rows(self, shape: Shape, asked: _Asked, where: str) -> jax.Array:
        mask = self._next(shape, asked, where, False)
        if mask is None:
            return self.off(jax.random.bernoulli, jax.random.key(0), 1.0 - asked.rate, shape)
        return mask

    def _next(self, shape: Shape, asked: _Asked, where: str, inner: bool) -> jax.Array | None:
        if asked.attention and self.pairing.pass_shared(shape):
            self.record.miss(f"attention's dropout with broadcast_dropout=True at {where}")
            return None
        taken = self.pairing.take(shape, asked.rate, where, asked.attention)
        if taken is None:
            return None
        if inner:
            # The mask is now part of an inner program, which JAX would use again for the next call of the same shape.
            self._turn_epoch()
        number, way = taken
        return layouts.laid_out(jnp.asarray(self.masks[number], bool), shape, way)

    def watch(self) -> None:
        """List every function of ``jax.random`` that is called by somebody else than the layers above."""
        core: ModuleType | None = sys.modules.get(SAMPLERS)
        if core is None or not hasattr(core, CHECK):
            self.record.miss("random numbers drawn by hand: this version of JAX cannot be watched for them")
            return
        check = getattr(core, CHECK)

        def watched(name: str, *args: object, **kwargs: object) -> object:
            checked, stream = check(name, *args, **kwargs), _stream.get()
            if not self.mine() or name in DERIVE or self._only_a_shape() or _is_certain(name):
                return checked
            if not self.quiet:
                self._drawn_by_hand(name)
            if stream is None:
                return checked
            key, *rest = checked
            return (jax.random.fold_in(key, stream), *rest)

        self.undo.enter_context(_exchanged(core, CHECK, watched))

    def _drawn_by_hand(self, name: str) -> None:
        where = user_line(LIBRARIES)
        if where not in self.drawn_at:  # one sampler calls another: the first name is the one the user wrote
            self.drawn_at.add(where)
            unseen = next((module for module in self._inside() if module in self.unseen), None)
            if unseen is not None:
                library = unseen.partition(".")[0]
                self.record.miss(f"dropout at {where}: this version of {library} cannot be watched")
            else:
                self.record.miss(f"jax.random.{name}, drawn by hand, at {where}")

    def _inside(self) -> list[str]:
        """The modules of the frames between the dropout that asks and the function that entered the replay."""
        return [module_of(frame) for frame in itertools.takewhile(lambda frame: frame not in self.around, stack())]

    def _turn_epoch(self) -> None:
        self.undo.enter_context(_epoch((self.serial, self.pairing.position)))

    def _only_a_shape(self) -> bool:
        """Whether the library runs an initializer only to learn its shape."""
        return any((module_of(frame), frame.f_code.co_name) in self.shapes for frame in stack())


def _is_certain(name: str) -> bool:
    """Whether ``jax.random.bernoulli`` asks, of the number 0 or 1, which keeps nothing or all; or a sampler on its
    behalf, when it has asked itself."""
    asking = next((each for each in stack() if (module_of(each), each.f_code.co_name) == BERNOULLI), None)
    rate = asking.f_locals.get("p") if asking else None
    return asking is not None and (name != BERNOULLI[1] or (isinstance(rate, float | int) and rate in (0, 1)))
