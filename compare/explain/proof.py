"""Whether a change of the reference makes one section what the port's is: at two draws, forward and backward.

Both sides are run with the same arrays going on from every cut, and with cotangents only where the section ends: what
comes back is the section's own vector-Jacobian product, whatever else differs in the pair.
"""

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import NamedTuple

import numpy as np

from compare.arrays.arrays import Arrays
from compare.errors import swallowed
from compare.explain.calls.call import Call
from compare.explain.calls.change import Change
from compare.explain.locate.crossings import LOSS as AFTER
from compare.explain.locate.crossings import Crossing, Judge
from compare.explain.locate.cuts import Boundary, Cut, Passage
from compare.explain.locate.difference import BACKWARD, STATISTICS
from compare.explain.locate.forcing import Forced
from compare.explain.locate.introduced import Introduced, differs, kept_by
from compare.explain.locate.locate import Looked
from compare.explain.locate.port import Crossed
from compare.explain.locate.sections import Cutter, Sections, sent_by
from compare.explain.redrawn import REDRAWS, Redraw, redrawn
from compare.pair.pair import Entering, cotangent_of
from compare.verdict.verdict import Judgement


class Closed(NamedTuple):
    """Whether a section makes what the port's does, and whether what comes back through it is the port's as well."""

    there: bool
    back: bool

    @property
    def wholly(self) -> bool:
        return self.there and self.back


@dataclass(frozen=True)
class Ends:
    """Where a section ends: at ``crossings``, or with the quantities of these ``names``."""

    crossings: tuple[Crossing, ...] = ()
    names: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[object, ...]:
        return (*(crossing.cut for crossing in self.crossings), *self.names)


def ends_of(sections: Sections, one: Introduced) -> Ends | None:
    """The ends of the section that a difference arises in: the boundary where it shows, or, for one that shows on the
    way back, all that the layer's own code makes; None where this run of the pair has no such boundary."""
    if one.owner == AFTER:
        return Ends(names=("loss",))
    if one.direction == STATISTICS:
        return Ends(names=tuple(name for name in sections.reference_ends if kept_by(name) == one.owner))
    if one.direction == BACKWARD:
        own = tuple(crossing for crossing in sections.crossings if crossing.owner == one.owner)
    else:
        boundary = one.crossings[0].cut.boundary if one.crossings else None
        own = tuple(crossing for crossing in sections.crossings if crossing.cut.boundary == boundary)
    if own:
        return Ends(own)
    outputs = tuple(name for name in sections.reference_ends if name.split("/")[0] == "output")
    return None if one.crossings else Ends(names=outputs)


@dataclass(frozen=True)
class Runs:
    """One section run on both sides: the reference's passages and ends at both precisions, the port's, and who judges
    them."""

    at_p: Mapping[Boundary, Passage]
    at_64: Mapping[Boundary, Passage]
    ends_p: Arrays
    ends_64: Arrays
    port: Crossed
    judged: Judge


class Draw:
    """One draw of what enters, cut; it runs one section of both sides."""

    def __init__(self, cutter: Cutter, sections: Sections) -> None:
        self.cutter, self.sections = cutter, sections
        self._passages = {passage.boundary: passage for passage in sections.passages}
        self._port: dict[tuple[object, ...], Crossed] = {}
        self._shown: list[tuple[tuple[object, ...], Change | None, bool]] = []

    def shows(self, one: Introduced, under: Change | None = None) -> bool:
        """Whether the section differs here at all: where it does not, nothing is proven by what it makes.

        Args:
            under: what the reference has of the port's already; only what differs beside it counts.

        Raises:
            Exception: whatever a side raises.
        """
        ends = ends_of(self.sections, one)
        if ends is None:
            return False
        key = (one.direction == BACKWARD, *ends.key)  # on the way back what the section makes does not count
        for known, other, shown in self._shown:
            if known == key and other is under:
                return shown
        shown = not self.closes(one, under or Change()).wholly
        self._shown.append((key, under, shown))
        return shown

    def closes(self, one: Introduced, change: Change) -> Closed:
        """Whether with ``change`` all that the section makes, and all that comes back through it, is a match.

        Raises:
            Exception: whatever the reference raises under the change.
        """
        ends = ends_of(self.sections, one)
        if ends is None:
            return Closed(False, False)
        runs = self._runs(ends, change)
        if one.direction != BACKWARD and any(differs(judgement) for judgement in self._made(ends, runs)):
            return Closed(False, False)
        return Closed(True, not any(differs(judgement) for judgement in self._came_back(ends, runs, change)))

    def _runs(self, ends: Ends, change: Change) -> "Runs":
        sections, cutter = self.sections, self.cutter
        entering, against = self._against(ends)
        onwards = {own: self._passage(own).values[own.leaf] for own, _ in sections.matched.values()}
        forced = Forced(onwards, against)
        ends_64 = cutter.reference.watch(entering, sections.mode, change, forced=forced)
        at_64 = {passage.boundary: passage for passage in cutter.reference.passages}
        ends_p = cutter.reference_p.watch(entering, sections.mode, change, forced=forced)
        at_p = {passage.boundary: passage for passage in cutter.reference_p.passages}
        run = partial(self._run_port, ends)
        port = self._port[ends.key] = self._port.get(ends.key) or run(False)
        judged = Judge(cutter.quartet.precision, partial(run, True))
        return Runs(at_p, at_64, ends_p, ends_64, port, judged)

    def _made(self, ends: Ends, runs: "Runs") -> Iterator[Judgement]:
        for crossing in ends.crossings:
            yield self._value(crossing, runs)
        for name in ends.names:
            if name.startswith("state/") and name not in runs.port.ends:
                continue  # a counter, say, which the port does without
            yield runs.judged(runs.ends_p[name], runs.ends_64[name], runs.port.ends[name], partial(_end, name))

    def _came_back(self, ends: Ends, runs: "Runs", change: Change) -> Iterator[Judgement]:
        if any(name.startswith("state/") for name in ends.names):
            return  # nothing comes back from what a layer keeps
        for crossing in self.sections.crossings:
            if (came_back := self._cotangent(crossing, runs)) is not None:
                yield came_back
        weights, port = self.sections.entering.weights, runs.port
        own_64, own_p = (gradients(made, change, weights) for made in (runs.ends_64, runs.ends_p))
        for name, array in own_64.items():
            if name in port.ends and (np.any(array) or np.any(port.ends[name])):
                yield runs.judged(own_p[name], array, port.ends[name], partial(_end, name))

    def _value(self, crossing: Crossing, runs: Runs) -> Judgement:
        boundary, leaf = crossing.cut.boundary, crossing.cut.leaf
        pick = partial(self.sections.shown_by, crossing)
        own_p, own = (at[boundary].values[leaf] for at in (runs.at_p, runs.at_64))
        return runs.judged(own_p, own, pick(runs.port), pick)

    def _cotangent(self, crossing: Crossing, runs: Runs) -> Judgement | None:
        """None where the reference asks for no gradient, whatever the port sends back (the array may be an input, say);
        and where what comes back is zero on both sides."""
        boundary, leaf = crossing.cut.boundary, crossing.cut.leaf
        if crossing.port not in self.sections.matched:
            return None
        own_p, own = (at[boundary].cotangents[leaf] for at in (runs.at_p, runs.at_64))
        if own is None or own_p is None:
            return None
        pick = partial(self.sections.shown_by, crossing, backward=True)
        theirs = pick(runs.port)
        return runs.judged(own_p, own, theirs, pick) if np.any(own) or np.any(theirs) else None

    def _passage(self, cut: Cut) -> Passage:
        return self._passages[cut.boundary]

    def _against(self, ends: Ends) -> tuple[Entering, dict[Cut, np.ndarray]]:
        """What enters, and the cotangent at every cut of the reference: a random one where the section ends."""
        sections = self.sections
        entering = replace(sections.entering, cotangent=0.0) if ends.crossings else sections.entering
        wanted = {crossing.cut for crossing in ends.crossings}
        against = {}
        for own, _ in sections.matched.values():
            if own not in wanted and self._passage(own).cotangents[own.leaf] is None:
                continue
            sent = self._passage(own).values[own.leaf]  # where the reference detaches, the port may let it through
            name = f"{own.path}/{own.call}/{own.way}/{own.leaf}"
            drawn = cotangent_of(name, sent.shape, entering.seed, entering.precision, np.iscomplexobj(sent))
            against[own] = drawn.astype(sent.dtype) if own in wanted else np.zeros_like(sent)
        return entering, against

    def _run_port(self, ends: Ends, low: bool) -> Crossed:
        sections = self.sections
        entering, by_own = self._against(ends)
        onwards, plain = sent_by(sections.matched, self._passages)
        taking = {crossing.port for crossing in ends.crossings}
        against = {}
        for cut, (own, layout) in sections.matched.items():
            if cut in taking:
                against[cut] = layout.to_port(by_own[own])
            elif cut in plain:
                against[cut] = np.zeros_like(plain[cut])
        side = self.cutter.port_p if low else self.cutter.port
        return side.cross(entering, sections.mode, sections.dropped, onwards, against)


@dataclass
class Proof:
    """The draws on which a change is put to the proof; another than the first is made when it is first needed."""

    looked: Looked
    _others: dict[Redraw, Draw | None] = field(default_factory=dict)

    @cached_property
    def first(self) -> Draw:
        """That on which the difference was found."""
        return Draw(self.looked.cutter, self.looked.sections)

    def closes(self, group: Sequence[Introduced], change: Change, under: Change | None = None) -> bool:
        """Whether with ``change`` the section of ``group`` is the port's, there and back, on the draw where it was
        found and on a new one. ``under``: the part of it that is known already, and that leaves something open."""
        return self.of(group, change, under).wholly

    def of(self, group: Sequence[Introduced], change: Change, under: Change | None = None) -> Closed:
        """What the section of ``group`` is with ``change``, on the draw where it was found and on a new one.

        The new one is the first of ``REDRAWS`` that the pair and the change run on, on which the reference makes the
        same calls, and on which the section differs (with ``under``, still): one that changes least where the change
        itself knows how many rows there are.
        """
        with warnings.catch_warnings(), np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            warnings.simplefilter("ignore")  # what a library thinks of settings that the user did not choose
            return self._of(group, change, under)

    def _of(self, group: Sequence[Introduced], change: Change, under: Change | None) -> Closed:
        try:
            here = self.first.closes(group[0], change)
        except Exception as error:  # a change may ask of the user's code what it cannot do
            swallowed(error)
            here = Closed(False, False)
        worth = here.back if group[0].direction == BACKWARD else here.there
        for how in REDRAWS if worth else ():
            draw = self._drawn(how)
            try:
                if draw is not None and draw.shows(group[0], under):
                    there = draw.closes(group[0], change)
                    return Closed(there.there, here.back and there.back)
            except Exception as error:
                swallowed(error)
        return Closed(False, False)

    def _drawn(self, how: Redraw) -> Draw | None:
        """One of the new draws; None where the pair does not run on it, or other calls are made there."""
        if how not in self._others:
            try:
                self._others[how] = self._cut(how)
            except Exception as error:  # the pair takes no other number of rows
                swallowed(error)
                self._others[how] = None
        return self._others[how]

    def _cut(self, how: Redraw) -> Draw | None:
        sections, cutter = self.looked.sections, self.looked.cutter

        def runs(other: Entering) -> bool:
            try:
                cutter.reference_p.watch(other, sections.mode)
            except Exception as error:  # it does not take an axis of that length
                swallowed(error)
                return False
            return _made_in(cutter.reference_p.torch_calls) == own

        own = _made_in(sections.calls)
        entering = redrawn(cutter.quartet, sections.entering, self.looked.probe, how, runs)
        if entering is None or not (how.lengths or runs(entering)):
            return None
        return Draw(cutter, cutter.again(sections, entering))


def _made_in(calls: Sequence[Call]) -> list[tuple[str, str]]:
    """What is called where, in order: a change names calls by their numbers."""
    return [(call.name, call.module) for call in calls]


def gradients(made: Arrays, change: Change, weights: Arrays) -> Arrays:
    """The gradients of the arrays that entered, of a run changed on entering: where one took another's
    place, its gradient is the other's; a linear change is undone; of another nothing is said."""
    of: Arrays = {name: array for name, array in made.items() if name.startswith("grad/")}
    for name, function in change.weights.items():
        key = f"grad/{name}"
        if name in weights and key in of:
            undone = _undone(function, weights[name])
            if undone is None:
                del of[key]
            else:
                of[key] = undone(of[key])
    for name, other in change.others.items():
        own, theirs = f"grad/{name}", f"grad/{other}"
        if own in of and theirs in of:
            of |= {theirs: of[theirs] + of[own], own: np.zeros_like(of[own])}
    return of


def _end(name: str, run: Crossed) -> np.ndarray:
    return run.ends[name]


def _undone(change: Callable[[np.ndarray], np.ndarray], own: np.ndarray) -> Callable[[np.ndarray], np.ndarray] | None:
    """The transpose of a change of one array: entries moved, each with a factor and something added; None where it is
    another."""
    if np.iscomplexobj(own):
        return None
    numbers = np.arange(1.0, own.size + 1).reshape(own.shape)
    added = change(np.zeros(own.shape))
    factor, moved = change(np.ones(own.shape)) - added, change(numbers) - added
    with np.errstate(divide="ignore", invalid="ignore"):
        places = np.where(factor == 0, 0.0, moved / factor)
    if moved.shape != own.shape or np.any(places != np.round(places)) or places.max(initial=0) > own.size:
        return None

    def back(gradient: np.ndarray) -> np.ndarray:
        made = np.zeros(own.size, gradient.dtype)
        kept = places > 0
        np.add.at(made, places[kept].astype(int) - 1, (factor * gradient)[kept])
        return made.reshape(own.shape)

    return back
