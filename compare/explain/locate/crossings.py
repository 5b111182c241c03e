"""Every array that crosses a cut, in the reference's layout, judged: made of the reference's arrays, and of its own."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import prod

import numpy as np

from compare.arrays.arrays import FLOATING, Arrays
from compare.explain.doctor.gaps import distance
from compare.explain.locate.cuts import IN, OUT, Boundary, Cut, Passage, Shape
from compare.explain.locate.port import Crossed
from compare.explain.locate.shown_by import Layout, relative_distance
from compare.explain.locate.thresholds import ALIKE, APART, ROUNDINGS
from compare.verdict.precision import Precision
from compare.verdict.verdict import Judgement, Verdict, judge

LOSS = "loss"  # whose code runs after the whole model

SAME = Judgement(Verdict.MATCH)

Matched = tuple[Cut, Layout]  # an array of the reference, and how the port shows it
Pick = Callable[[Crossed], np.ndarray]


@dataclass(frozen=True)
class Crossing:
    """One array at one cut of the reference, and the port's there.

    Attributes:
        owner: the reference's layer whose own code makes the array; user: the one whose own code takes it on.
        around: the calls (path, number) of layers that are under way there, outermost first.
        forward, backward: what the port makes of the reference's arrays, or cotangents: introduced here if no match.
            ``backward`` and ``returned`` are None where the reference asks for no gradient, whatever the port sends.
        arrived, returned: the same in the port's own run, with what others have introduced.
    """

    cut: Cut
    port: Cut
    passage: Passage
    owner: str
    user: str
    around: tuple[tuple[str, int], ...]
    forward: Judgement
    arrived: Judgement
    backward: Judgement | None = None
    returned: Judgement | None = None


class Judge:
    """Judges what the port makes at float64; its own run at the working precision is made when it is first needed."""

    def __init__(self, precision: Precision, run: Callable[[], Crossed]) -> None:
        """``run``: the port on the reference's arrays at the working precision."""
        self.precision, self._run = precision, run
        self._made: Crossed | None = None

    def __call__(self, t: np.ndarray, t64: np.ndarray, j64: np.ndarray, pick: Pick | None = None) -> Judgement:
        """The judgement, without the port's own rounding error where the gap is one that no rounding explains.

        ``pick`` takes the port's array from its run at the working precision.
        """
        if t64.shape != j64.shape or t64.dtype.kind not in FLOATING:
            return judge(t, j64, t64, j64, self.precision)
        judgement = judge(t, np.where(np.isfinite(t), j64, t), t64, j64, self.precision)
        if (
            pick is None
            or judgement.verdict in (Verdict.MATCH, Verdict.INVALID)
            or judgement.gap > APART * judgement.scale > 0
        ):
            return judgement
        self._made = self._made or self._run()
        return judge(t, pick(self._made), t64, j64, self.precision)

    def ends(self, t: Arrays, t64: Arrays, j64: Arrays, forced: bool) -> dict[str, Judgement]:
        """Outputs, loss, gradients and statistics, by quantity."""
        made = {}
        for name in t64:
            if name in j64:
                made[name] = self(t[name], t64[name], j64[name], partial(_end, name) if forced else None)
            else:
                made[name] = Judgement(Verdict.INVALID, reason="only the reference has it")
        return made


class RoughJudge(Judge):
    """Judges two runs at the working precision, where no float64 runs: within so many roundings two arrays are one."""

    def __init__(self, precision: Precision) -> None:
        super().__init__(precision, lambda: Crossed({}, {}))

    def __call__(self, t: np.ndarray, t64: np.ndarray, j64: np.ndarray, pick: Pick | None = None) -> Judgement:
        """``t64`` is the reference's and ``j64`` the port's, both as rounded as ``t``."""
        judgement = judge(t64, j64, t64, j64, self.precision)
        if judgement.verdict is Verdict.INVALID or t64.dtype.kind not in FLOATING:
            return judgement
        gap, allowed = distance(t64, j64), rough(self.precision) * judgement.scale
        return replace(
            judgement, verdict=Verdict.MISMATCH if gap > allowed else Verdict.MATCH, gap=gap, allowed=allowed
        )


def rough(precision: Precision) -> float:
    """Of an array's size: what roundings at this precision do to it within one section, at most."""
    return ROUNDINGS * precision.unit_roundoff


@dataclass(frozen=True)
class PortRuns:
    """What there is to judge: the reference's passages at the working precision, the port's runs and their layouts.

    Attributes:
        ports: the port's layers by the reference's paths; shapes: of every cut of the port.
    """

    low: Mapping[Boundary, Passage]
    forced: Crossed
    free: Crossed
    by_reference: Mapping[Cut, Matched]  # here the port's cut, and how it shows the reference's array
    ports: Mapping[str, str]
    shapes: Mapping[Cut, Shape]


def crossings(passages: Sequence[Passage], runs: PortRuns, judged: Judge) -> Iterator[Crossing]:
    """Of every array of the reference that the port has too, in the reference's order."""
    around: list[tuple[str, int]] = []
    first = True  # all arrays of another shape after the first are what became of it
    for passage in passages:
        if passage.way == OUT:
            around.pop()
        outer = around[-1][0] if around else LOSS
        owner, user = (outer, passage.path) if passage.way == IN else (passage.path, outer)
        for leaf in range(len(passage.values)):
            cut = Cut(passage.path, passage.call, passage.way, leaf)
            empty = Crossing(cut, cut, passage, owner, user, tuple(around), SAME, SAME)
            if cut in runs.by_reference:
                yield _there_and_back(empty, *runs.by_reference[cut], runs, judged)
            elif (other := _of_another_shape(passage, runs)) and not _repeated(passage.values[leaf], other, runs):
                apart = _shapes(passage.values[leaf].shape, runs.shapes[other])
                yield replace(empty, port=other, forward=apart if first else SAME, arrived=apart)
                first = False
        if passage.way == IN:
            around.append((passage.path, passage.call))


def _there_and_back(entry: Crossing, port: Cut, layout: Layout, runs: PortRuns, judged: Judge) -> Crossing:
    leaf, passage, low = entry.cut.leaf, entry.passage, runs.low[entry.passage.boundary]
    value, cotangent = passage.values[leaf], passage.cotangents[leaf]
    there, own = (layout.to_reference(run.values[port]) for run in (runs.forced, runs.free))
    forward = judged(low.values[leaf], value, there, partial(_value, port, layout))
    entry = replace(entry, port=port, forward=forward, arrived=judged(low.values[leaf], value, own))
    low_cotangent = low.cotangents[leaf]
    if cotangent is None or low_cotangent is None:
        return entry
    there, own = (layout.to_reference(run.cotangents[port]) for run in (runs.forced, runs.free))
    backward = judged(low_cotangent, cotangent, there, partial(_cotangent, port, layout))
    return replace(entry, backward=backward, returned=judged(low_cotangent, cotangent, own))


def _of_another_shape(passage: Passage, runs: PortRuns) -> Cut | None:
    """The one array that leaves the port's layer, where one leaves the reference's and it has another size."""
    cut = Cut(runs.ports[passage.path], passage.call, passage.way, 0)
    alone = len(passage.values) == 1 and cut in runs.shapes and replace(cut, leaf=1) not in runs.shapes
    return cut if alone and passage.way == OUT and prod(runs.shapes[cut]) != passage.values[0].size else None


def _repeated(value: np.ndarray, port: Cut, runs: PortRuns) -> bool:
    """Whether the port's array is the reference's for every row of the batch, or the other way round: positions that
    one side has once and the other in each row are the same positions."""
    made = runs.forced.values.get(port)
    if made is None or made.ndim != value.ndim:
        return False
    many, one = (made, value) if made.size > value.size else (value, made)
    if any(few not in (1, size) for few, size in zip(one.shape, many.shape, strict=True)):
        return False
    return relative_distance(np.broadcast_to(one, many.shape), many) <= ALIKE


def _shapes(reference: Shape, port: Shape) -> Judgement:
    return Judgement(Verdict.INVALID, reason=f"shape {tuple(reference)} in the reference, {tuple(port)} in the port")


def _value(cut: Cut, layout: Layout, run: Crossed) -> np.ndarray:
    return layout.to_reference(run.values[cut])


def _cotangent(cut: Cut, layout: Layout, run: Crossed) -> np.ndarray:
    return layout.to_reference(run.cotangents[cut])


def _end(name: str, run: Crossed) -> np.ndarray:
    return run.ends[name]
