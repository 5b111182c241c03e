"""The port's pieces held against the reference's results: which array is which, and the first that none is."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from compare.arrays.arrays import from_jax
from compare.explain.by_piece.recognized import Found, Recognized
from compare.frameworks.cutting.steps_of_program import Number, Step
from compare.frameworks.islands.places import UNKNOWN
from compare.frameworks.islands.replay import place_of_eqn
from compare.sides.kept_values import KeptValues, is_key
from compare.sides.piecewise import Pass, cotangents_inside, step_values


@dataclass(eq=False)
class Held:
    """A pass of the port, held against what the reference computed.

    Attributes:
        found: by number, the reference's result that a value is; of what goes on from a piece, and of everything in the
            pieces that were opened.
    """

    run: Pass
    known: Recognized
    found: dict[Number, Found] = field(default_factory=dict)

    def forward(self) -> None:
        """Run it with its own activations."""
        for at, cut in enumerate(self.run.pieces.cuts):
            self.run.step(at)
            for number in cut.made:
                self._look(number, self.run.value(number))

    def sound(self) -> set[Number]:
        """The values that agree, or from which one follows that does; and those that no gradient depends on, or that
        are made of parameters alone: whether they are right shows where they are used."""
        steps, moving = self.run.pieces.steps, self.run.pieces.moving
        alone = {*self.run.read, *steps.constants}
        for step in steps.steps:
            if alone.issuperset(step.operands):
                alone.update(step.results)
        sound = set(self.found)
        for step in reversed(steps.steps):
            if not sound.isdisjoint(step.results):
                sound.update(step.operands)
        still = {one for step in steps.steps for one in step.results if one not in moving}
        return sound | alone | still | {*steps.given}

    def first_piece(self) -> int | None:
        """The first piece that makes something that does not agree, though all that it takes does; None where there is
        none."""
        sound = self.sound()
        for at, cut in enumerate(self.run.pieces.cuts):
            if sound.issuperset(cut.taken) and not sound.issuperset(cut.made):
                return at
        return None

    def open(self, at: int) -> list[tuple[Step, np.ndarray]]:
        """Look into a piece: its steps whose results do not agree, in order, and these; the first takes nothing that
        does not."""
        pieces = self.run.pieces
        wanted = self._inside(at)
        values = dict(zip(wanted, step_values(pieces, at, self.run.taken(at), wanted), strict=True))
        for number, value in values.items():
            self._look(number, value)
        sound = self.sound()
        return [
            (step, from_jax(values[number]))
            for step in self._steps(at)
            for number in step.results
            if number not in sound
        ]

    def parameters(self, step: Step) -> list[Number]:
        """Those that go into a step after everything that agrees."""
        made = {number: one for one in self.run.pieces.steps.steps for number in one.results}
        waiting, seen = [*step.operands], dict[Number, None]()
        while waiting:
            number = waiting.pop()
            if number not in seen and number not in self.found:
                seen[number] = None
                waiting += made[number].operands if number in made else ()
        return [number for number in seen if number in self.run.read]

    def backward(self, against: Iterable[tuple[Number, Any]]) -> "Back":
        """The way back, each piece from the reference's cotangents where the values agree."""
        run, pieces = self.run, self.run.pieces
        back, cotangents = Back(KeptValues(run.aside, room=0)), KeptValues(run.aside)
        for number, array in against:
            if number in pieces.moving:
                (back.sums if number in run.read else cotangents).add(number, array)
        for at, cut in reversed(list(enumerate(pieces.cuts))):
            inside = {one for step in self._steps(at) for one in step.operands}
            for number in pieces.ends(cut):
                if number not in inside:  # else only a part of its cotangent comes from the pieces behind
                    self._exchange(number, cotangents, back)
            if any(number in cotangents for number in pieces.ends(cut)):
                for number, array in zip(pieces.moved(cut), run.pull(at, cotangents), strict=True):
                    if number in run.read:
                        back.sent.setdefault(number, {})[at] = bool(jnp.any(array != 0))
                        back.sums.add(number, array)
                    else:
                        cotangents.add(number, array)
        return back

    def open_back(self, at: int) -> list[tuple[Number, Found, np.ndarray]]:
        """Look into a piece on the way back: of each value in it that agrees, from the end, the port's own cotangent,
        from the reference's of what the piece makes. Nothing where the reference does not have those."""
        pieces, run = self.run.pieces, self.run
        self.open(at)
        against = []
        for number in pieces.ends(pieces.cuts[at]):
            found = self.found.get(number)
            if found is None or found.made.cotangent is None:
                return []
            against.append(jnp.asarray(found.layout.to_port(found.made.cotangent)))
        wanted = [number for number in self._inside(at) if number in self.found]
        gone = cotangents_inside(pieces, at, run.taken(at), against, wanted)
        pairs = [(number, self.found[number], np.asarray(own)) for number, own in zip(wanted, gone, strict=True)]
        return [one for one in reversed(pairs) if one[1].made.cotangent is not None]

    def _inside(self, at: int) -> list[Number]:
        """The values that a piece makes and a gradient depends on, in order."""
        moving = self.run.pieces.moving
        return [number for step in self._steps(at) for number in step.results if number in moving]

    def _steps(self, at: int) -> Sequence[Step]:
        pieces = self.run.pieces
        return pieces.steps.steps[pieces.cuts[at].span.start : pieces.cuts[at].span.stop]

    def _exchange(self, number: Number, cotangents: KeptValues, back: "Back") -> None:
        """The reference's cotangent in the place of the port's; what is apart is noted."""
        found = self.found.get(number)
        if found is None or found.made.cotangent is None:
            return
        wanted = found.layout.to_port(found.made.cotangent)
        own = cotangents.take(number) if number in cotangents else np.zeros_like(wanted)
        back.came.append((number, found, np.asarray(own)))
        cotangents.keep(number, jax.device_put(wanted.astype(own.dtype), self.run.device))

    def _look(self, number: Number, value: Any) -> None:
        if number not in self.run.pieces.moving or is_key(value):
            return
        if (found := self.known.find(from_jax(value))) is not None:
            self.found[number] = found

    def users(self, number: Number) -> list[int]:
        """The pieces that take a value."""
        return [at for at, cut in enumerate(self.run.pieces.cuts) if number in cut.taken]

    def place(self, at: int, number: Number | None = None) -> str:
        """The port's first line of a piece, or that uses a value there; empty where none is known."""
        own = self._steps(at)
        places = (place_of_eqn(step.eqn) for step in own if number is None or number in step.operands)
        return next((place for place in places if place != UNKNOWN), "")


@dataclass
class Back:
    """What the way back showed.

    Attributes:
        sums: the gradients of what is read; sent: of each of them by piece, whether anything came back from there.
        came: of each value, from the end, whose cotangent the reference has: the port's own.
    """

    sums: KeptValues
    sent: dict[Number, dict[int, bool]] = field(default_factory=dict)
    came: list[tuple[Number, Found, np.ndarray]] = field(default_factory=list)
