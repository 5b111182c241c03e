"""Programs of JAX run piece by piece: forward, backward, or through once; what goes on from a piece is kept on disk
where it is much."""

import hashlib
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from compare.arrays.aside import Aside
from compare.frameworks.cutting.calls_outside import calls_outside
from compare.frameworks.cutting.cuts_of_program import Cut
from compare.frameworks.cutting.steps_of_program import Number, Steps
from compare.sides.kept_values import KeptValues, is_key
from compare.sides.shelf import trim

Read = Mapping[Number, Callable[[], Any]]  # what enters a program and is read when its turn comes
Evaluated = Callable[[Callable[..., Any]], Callable[..., Any]]  # how a side runs a function of arrays


@dataclass(frozen=True, eq=False)
class Pieces:
    """One traced program, cut.

    Attributes:
        returned: the tree that it returns, of numbers.
        moving: the numbers of what a derivative is taken by, and of what depends on it.
        evaluated: how its pieces are run.
        compiled: each of them that has run, forward and backward.
    """

    steps: Steps
    cuts: list[Cut]
    returned: Any
    moving: frozenset[Number] = frozenset()
    evaluated: Evaluated = lambda function: function
    compiled: dict[tuple[int, str], Callable[..., Any]] = field(default_factory=dict)

    def moved(self, cut: Cut) -> list[Number]:
        """What a piece takes, and a derivative goes on to."""
        return [number for number in cut.taken if number in self.moving]

    def ends(self, cut: Cut) -> list[Number]:
        """What a piece makes, and a derivative comes from."""
        return [number for number in cut.made if number in self.moving]


def moving_in(steps: Steps, first: set[Number]) -> frozenset[Number]:
    """The floating values that depend on the first ones, and these."""
    moving = set(first)
    for step in steps.steps:
        if not moving.isdisjoint(step.operands):
            moving.update(one for one in step.results if jnp.issubdtype(steps.avals[one].dtype, jnp.inexact))
    return frozenset(moving)


class Compiler:
    """Compiles pieces: those that are the same program, as repeated layers are, once."""

    def __init__(self, aside: Aside, options: dict[str, bool | int] | None = None) -> None:
        self._aside, self._options = aside, options
        self._programs: dict[Hashable, Callable[..., Any]] = {}

    def piece(self, pieces: Pieces, at: int, what: str, args: Sequence[Any]) -> Callable[..., Any]:
        """A piece compiled: ``forward``, from what it takes to what it makes; ``backward``, from that and the
        cotangents of what it makes to those of what it takes, with its forward pass computed once more."""
        if (at, what) not in pieces.compiled:
            function = partial(_forward if what == "forward" else _backward, pieces, pieces.cuts[at])
            traced = jax.jit(pieces.evaluated(function), compiler_options=self._options).trace(*args)
            lowered = traced.lower()
            text = lowered.as_text()
            digest = hashlib.blake2b(text.encode(), digest_size=16).digest()
            key = (digest, calls_outside(traced.jaxpr, text))
            if key not in self._programs:
                self._programs[key] = lowered.compile()
                self._aside.note_program()
            pieces.compiled[at, what] = self._programs[key]
        return pieces.compiled[at, what]


class Pass:
    """One run of a program."""

    def __init__(
        self,
        compiler: Compiler,
        pieces: Pieces,
        values: KeptValues,
        read: Read,
        aside: Aside,
        device: jax.Device,
        name: str = "",
    ) -> None:
        """``values``: what enters, but for what is ``read`` when its turn comes; ``name``: what is run, for whoever
        waits."""
        self.compiler, self.pieces, self.values, self.read = compiler, pieces, values, read
        self.aside, self.device, self.name = aside, device, name

    def forward(self) -> Any:
        """The tree that the program returns. What a derivative needs stays."""
        for at in range(len(self.pieces.cuts)):
            self.step(at)
        return jax.tree.map(self.value, self.pieces.returned)

    def through(self) -> Any:
        """The tree that the program returns, its arrays in NumPy and put aside; nothing else stays."""
        last = {number: at for at, cut in enumerate(self.pieces.cuts) for number in cut.taken}
        returned: dict[Number, Any] = {}
        wanted = set(self.pieces.steps.outputs)
        for at, cut in enumerate(self.pieces.cuts):
            self.step(at)
            for number in wanted.intersection(cut.made):
                returned[number] = self._put(number)
            for number in (*cut.taken, *cut.made):
                if last.get(number, -1) <= at:
                    self.values.drop(number)
        for number in wanted - set(returned):  # what is returned as it came
            returned[number] = self._put(number)
        return jax.tree.map(returned.__getitem__, self.pieces.returned)

    def backward(self, against: Iterable[tuple[Number, Any]]) -> KeptValues:
        """The cotangents of what enters the program, from those of what it returned: of what is read on disk, summed
        over all its uses."""
        pieces = self.pieces
        cotangents, sums = KeptValues(self.aside), KeptValues(self.aside, room=0)
        for number, array in against:
            if number in pieces.moving:
                (sums if number in self.read else cotangents).add(number, array)
        for at, cut in reversed(list(enumerate(pieces.cuts))):
            ends = pieces.ends(cut)
            if any(number in cotangents for number in ends):
                for number, array in zip(pieces.moved(cut), self.pull(at, cotangents), strict=True):
                    (sums if number in self.read else cotangents).add(number, array)
            for number in cut.made:
                self.values.drop(number)
            trim()
        return sums.with_those_of(cotangents)

    def pull(self, at: int, cotangents: KeptValues) -> list[Any]:
        """The cotangents of what a piece takes, from those of what it makes; zeros where there is none of one."""
        pieces, cut = self.pieces, self.pieces.cuts[at]
        self._at(at, "backward")
        pulled = []
        for number in pieces.ends(cut):
            dtype = self.values.dtype(number)
            there = number in cotangents
            zeros = partial(jnp.zeros, pieces.steps.avals[number].shape, dtype)
            pulled.append(cotangents.take(number).astype(dtype) if there else zeros())
        taken = self.taken(at)
        gone: list[Any] = self.compiler.piece(pieces, at, "backward", (taken, pulled))(taken, pulled)
        return gone

    def _put(self, number: Number) -> Any:
        value = self.value(number)
        return value if is_key(value) else self.aside.put(np.asarray(value))

    def _at(self, at: int, what: str) -> None:
        self.aside.at(f"{self.name}: {what}, piece {at + 1} of {len(self.pieces.cuts)}")

    def step(self, at: int) -> None:
        """Run a piece, all those before it having run; what it makes is kept."""
        self._at(at, "forward")
        taken = self.taken(at)
        made = self.compiler.piece(self.pieces, at, "forward", (taken,))(taken)
        del taken
        for number, array in zip(self.pieces.cuts[at].made, made, strict=True):
            self.values.keep(number, array)
        del made
        trim()

    def taken(self, at: int) -> list[Any]:
        """What a piece takes, on the device."""
        return [self.value(number) for number in self.pieces.cuts[at].taken]

    def value(self, number: Number) -> Any:
        """What is kept, or read, or a constant."""
        if number in self.read:
            return self.read[number]()
        if number in self.pieces.steps.constants:
            return jnp.asarray(self.pieces.steps.constants[number])
        return self.values.get(number, self.device)


def _forward(pieces: Pieces, cut: Cut, taken: Sequence[Any]) -> list[Any]:
    values = _as_traced(pieces, cut.taken, taken)
    pieces.steps.run(cut.span, values)
    return [_plain(values[number]) for number in cut.made]


def step_values(pieces: Pieces, at: int, taken: Sequence[Any], wanted: Sequence[Number]) -> list[Any]:
    """Values inside a piece, from what it takes."""

    def inside(taken: Sequence[Any]) -> list[Any]:
        values = _as_traced(pieces, pieces.cuts[at].taken, taken)
        pieces.steps.run(pieces.cuts[at].span, values)
        return [_plain(values[number]) for number in wanted]

    made: list[Any] = jax.jit(pieces.evaluated(inside))(taken)
    return made


def cotangents_inside(
    pieces: Pieces, at: int, taken: Sequence[Any], against: Sequence[Any], wanted: Sequence[Number]
) -> list[Any]:
    """What comes back to values inside a piece, from what it takes and the cotangents of what it makes."""

    def inside(taken: Sequence[Any], against: Sequence[Any]) -> list[Any]:
        values, ends = _as_traced(pieces, pieces.cuts[at].taken, taken), pieces.ends(pieces.cuts[at])

        def moved_by(steps: dict[Number, Any]) -> list[Any]:
            own = dict(values)
            for place in pieces.cuts[at].span:
                pieces.steps.run(range(place, place + 1), own)
                own |= {one: own[one] + steps[one] for one in pieces.steps.steps[place].results if one in steps}
            return [own[number] for number in ends]

        avals = pieces.steps.avals
        nothing = {number: jnp.zeros(avals[number].shape, avals[number].dtype) for number in wanted}
        _, pull_back = jax.vjp(moved_by, nothing)
        (gone,) = pull_back(list(_as_traced(pieces, ends, against).values()))
        return [_plain(gone[number]) for number in wanted]

    made: list[Any] = jax.jit(pieces.evaluated(inside))(taken, against)
    return made


def _backward(pieces: Pieces, cut: Cut, taken: Sequence[Any], against: Sequence[Any]) -> list[Any]:
    values, moved, ends = _as_traced(pieces, cut.taken, taken), pieces.moved(cut), pieces.ends(cut)

    def made(moving: list[Any]) -> list[Any]:
        own = values | dict(zip(moved, moving, strict=True))
        pieces.steps.run(cut.span, own)
        return [own[number] for number in ends]

    _, pull_back = jax.vjp(made, [values[number] for number in moved])
    (gone,) = pull_back(list(_as_traced(pieces, ends, against).values()))
    return [_plain(array) for array in gone]


def _as_traced(pieces: Pieces, numbers: Sequence[Number], arrays: Sequence[Any]) -> dict[Number, Any]:
    """Arrays by number, each of the dtype that the program was traced with: in a promoted run, where all are wide, this
    is a cast like those of the model's own code, and is raised with them."""
    avals = pieces.steps.avals
    return {number: _plain(array, avals[number].dtype) for number, array in zip(numbers, arrays, strict=True)}


def _plain(array: Any, dtype: Any = None) -> Any:
    """An array of a dtype that is nobody's guess: two pieces that differ in JAX's weak types alone are one program."""
    own = array.dtype if dtype is None else dtype
    return array if is_key(array) else lax.convert_element_type(array, own)
