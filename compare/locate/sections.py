"""Both sides cut at the same places and run: every array that crosses a cut, in the reference's layout, judged."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np

from compare.doctor.scene import Call
from compare.locate.cuts import IN, OUT, Boundary, Cut, Passage, Shape
from compare.locate.layouts import Layout, Seen
from compare.locate.modules import paired_modules
from compare.locate.port import Crossed, CutPort
from compare.locate.reference import WatchedReference
from compare.models.modes import Mode
from compare.pair import Entering
from compare.precision import FLOAT64, Precision
from compare.quartet import Quartet
from compare.sides.port import Dropped
from compare.verdict import Judgement, Verdict, judge
from compare.weights import Arrays

ROUNDS = 12  # of looking for layouts: each settles at least the next cut that the ones before had kept hidden
PLAIN = 2.0**-19  # of a quantity's size: no rounding error of a side explains a larger gap
LOSS = "loss"  # whose code runs after the whole model

Matched = tuple[Cut, Layout]  # an array of the reference, and how the port shows it


@dataclass(frozen=True)
class Crossing:
    """One array at one cut of the reference, and the port's there.

    Attributes:
        owner: the reference's layer whose own code makes the array; user: the one whose own code takes it on.
        around: the calls (path, number) of layers that are under way there, outermost first.
        forward, backward: what the port makes of the reference's arrays, or cotangents: introduced here if no match.
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


@dataclass(frozen=True)
class Sections:
    """One run of a pair, cut.

    Attributes:
        pairs: the port's layers by path, with the reference's.
        passages: the reference's, in order; crossings: those arrays that the port has too, in the same order.
        ends: of outputs, loss, gradients and statistics, what the port makes of the reference's arrays, judged;
            free_ends: the same of the port's own run.
        matched: by cut of the port; forced: what the port makes at each of the reference's arrays.
        reference_ends: the reference's quantities in float64; calls: its torch calls.
        dropped: shape and rate of each dropout.
    """

    pairs: dict[str, str]
    entering: Entering
    mode: Mode
    dropped: Dropped
    passages: list[Passage]
    calls: list[Call]
    crossings: list[Crossing]
    ends: dict[str, Judgement]
    free_ends: dict[str, Judgement]
    matched: dict[Cut, Matched]
    forced: Crossed
    reference_ends: Arrays

    def made_by_port(self, crossing: Crossing, backward: bool = False) -> np.ndarray:
        """What the port makes at a cut of the reference's arrays, in the reference's layout."""
        layout = self.matched[crossing.port][1]
        return layout.to_reference((self.forced.cotangents if backward else self.forced.values)[crossing.port])

    def onwards(self) -> dict[Cut, np.ndarray]:
        """The reference's arrays that go on from the port's cuts."""
        return _sent(self.matched, {one.boundary: one for one in self.passages})[0]


class Cutter:
    """Cuts one pair's sides and runs them."""

    def __init__(self, quartet: Quartet, promoted: bool = True) -> None:
        prepared = quartet.prepared
        self.quartet, self.promoted = quartet, promoted
        self.pairs = paired_modules(prepared)
        paths = frozenset(self.pairs.values())
        self.reference = WatchedReference(paths, prepared, FLOAT64, quartet.oracle.torch, promoted)
        self.reference_p = WatchedReference(paths, prepared, quartet.precision, quartet.device.torch)
        self.port = CutPort(self.pairs, prepared, FLOAT64, quartet.oracle.jax, promoted)
        self.port_p = CutPort(self.pairs, prepared, quartet.precision, quartet.device.jax)

    def cut(self, entering: Entering, mode: Mode) -> Sections:
        """Run both sides on what enters.

        Raises:
            Exception: whatever a side raises: at these precisions, or since it does not stand being watched.
        """
        ends_p = self.reference_p.watch(entering, mode)
        at_p = {one.boundary: one for one in self.reference_p.passages}
        ends_64 = self.reference.watch(entering, mode)
        passages, calls = self.reference.passages, self.reference.torch_calls
        dropped = tuple((tuple(one.shape), float(one.rate)) for one in self.reference.dropouts)
        shapes = self.port.cuts(entering, mode, dropped)
        by_boundary = {one.boundary: one for one in passages}
        forced, matched = self._forced(entering, mode, dropped, shapes, by_boundary)
        onwards, against = _sent(matched, by_boundary)
        free = self.port.cross(entering, mode, dropped, onwards, against, free=True)
        exact = _Exact(self.port_p, lambda port: port.cross(entering, mode, dropped, onwards, against))
        judge_one = _Judge(self.quartet.precision, exact)
        ports = {reference: port for port, reference in self.pairs.items()}
        return Sections(
            self.pairs, entering, mode, dropped, passages, calls,
            list(_crossings(passages, at_p, matched, forced, free, judge_one, shapes, ports)),
            _ends(ends_p, ends_64, forced.ends, judge_one, forced=True),
            _ends(ends_p, ends_64, free.ends, judge_one, forced=False),
            matched, forced, ends_64,
        )  # fmt: skip

    def _forced(
        self,
        entering: Entering,
        mode: Mode,
        dropped: Any,
        shapes: Mapping[Cut, Shape],
        passages: Mapping[Boundary, Passage],
    ) -> tuple[Crossed, dict[Cut, Matched]]:
        """The port run on the reference's arrays, in layouts that are found on the way: what arrives at a cut tells the
        layout there, as soon as the arrays before it are right."""
        seen = Seen(turned=bool(self.quartet.prepared.input_axes))
        arrived: Mapping[Cut, np.ndarray] = {}
        matched: dict[Cut, Matched] = {}
        for _ in range(ROUNDS):
            before = matched
            matched = {}
            for cut, shape in shapes.items():
                passage = passages.get((self.pairs[cut.path], cut.call, cut.way))
                if passage and (found := seen.find(passage.values, arrived.get(cut), shape, cut.leaf)):
                    number, layout = found
                    matched[cut] = (Cut(passage.path, passage.call, passage.way, number), layout)
            if matched == before:
                break
            forced = self.port.cross(entering, mode, dropped, *_sent(matched, passages))
            arrived = forced.values
        return forced, matched


def _sent(
    matched: Mapping[Cut, Matched], passages: Mapping[Boundary, Passage]
) -> tuple[dict[Cut, np.ndarray], dict[Cut, np.ndarray]]:
    """The reference's arrays that go on from the port's cuts, and its cotangents that go back there."""
    onwards, against = {}, {}
    for cut, (own, layout) in matched.items():
        passage = passages[own.boundary]
        onwards[cut] = layout.to_port(passage.values[own.leaf])
        cotangent = passage.cotangents[own.leaf]
        against[cut] = layout.to_port(np.zeros_like(passage.values[own.leaf]) if cotangent is None else cotangent)
    return onwards, against


class _Exact:
    """The port's run on the reference's arrays at the working precision, made when it is first asked for."""

    def __init__(self, port: CutPort, run: Callable[[CutPort], Crossed]) -> None:
        self._port, self._run = port, run
        self._made: Crossed | None = None

    def __call__(self) -> Crossed:
        if self._made is None:
            self._made = self._run(self._port)
        return self._made


@dataclass(frozen=True)
class _Judge:
    precision: Precision
    exact: _Exact

    def __call__(
        self, t: np.ndarray, t64: np.ndarray, j64: np.ndarray, j: Callable[[Crossed], np.ndarray] | None = None
    ) -> Judgement:
        """The judgement, without the port's own rounding error where the gap is one that no rounding explains."""
        if t64.shape != j64.shape:
            return judge(t, j64, t64, j64, self.precision)
        alike = np.where(np.isfinite(t), j64, t) if t.dtype.kind == "f" else j64
        one = judge(t, alike, t64, j64, self.precision)
        if j is None or one.verdict in (Verdict.MATCH, Verdict.INVALID) or one.gap > PLAIN * one.scale:
            return one
        return judge(t, j(self.exact()), t64, j64, self.precision)


def _crossings(
    passages: list[Passage],
    at_p: Mapping[Boundary, Passage],
    matched: Mapping[Cut, Matched],
    forced: Crossed,
    free: Crossed,
    judged: _Judge,
    shapes: Mapping[Cut, Shape],
    ports: Mapping[str, str],
) -> Iterator[Crossing]:
    by_reference: dict[Cut, tuple[Cut, Layout]] = {}
    for cut, (own, layout) in matched.items():
        by_reference.setdefault(own, (cut, layout))
    around: list[tuple[str, int]] = []
    for passage in passages:
        if passage.way == OUT:
            around.pop()
        outer = around[-1][0] if around else LOSS
        owner, user = (outer, passage.path) if passage.way == IN else (passage.path, outer)
        low = at_p[passage.boundary]
        for leaf, value in enumerate(passage.values):
            cut = Cut(passage.path, passage.call, passage.way, leaf)
            if cut not in by_reference:
                if other := _of_another_shape(passage, shapes, ports):
                    yield Crossing(cut, other, passage, owner, user, tuple(around), *_shapes(value, shapes[other]))
                continue
            port, layout = by_reference[cut]
            crossing = Crossing(
                cut, port, passage, owner, user, tuple(around),
                judged(
                    low.values[leaf], value, layout.to_reference(forced.values[port]),
                    lambda run, port=port, layout=layout: layout.to_reference(run.values[port]),
                ),
                judged(low.values[leaf], value, layout.to_reference(free.values[port])),
            )  # fmt: skip
            cotangent, low_cotangent = passage.cotangents[leaf], low.cotangents[leaf]
            if cotangent is not None and low_cotangent is not None:
                crossing = replace(
                    crossing,
                    backward=judged(
                        low_cotangent, cotangent, layout.to_reference(forced.cotangents[port]),
                        lambda run, port=port, layout=layout: layout.to_reference(run.cotangents[port]),
                    ),
                    returned=judged(low_cotangent, cotangent, layout.to_reference(free.cotangents[port])),
                )  # fmt: skip
            yield crossing
        if passage.way == IN:
            around.append((passage.path, passage.call))


def _of_another_shape(passage: Passage, shapes: Mapping[Cut, Shape], ports: Mapping[str, str]) -> Cut | None:
    """The one array that leaves the port's layer, where one leaves the reference's and it has another size."""
    cut = Cut(ports[passage.path], passage.call, passage.way, 0)
    alone = len(passage.values) == 1 and cut in shapes and replace(cut, leaf=1) not in shapes
    return cut if alone and passage.way == OUT and prod(shapes[cut]) != passage.values[0].size else None


def _shapes(value: np.ndarray, shape: Shape) -> tuple[Judgement, Judgement]:
    reason = f"shape {value.shape} in the reference, {tuple(shape)} in the port"
    return Judgement(Verdict.INVALID, reason=reason), Judgement(Verdict.INVALID, reason=reason)


def _ends(t: Arrays, t64: Arrays, j64: Arrays, judged: _Judge, forced: bool) -> dict[str, Judgement]:
    made = {}
    for name in t64:
        if name not in j64:
            made[name] = Judgement(Verdict.INVALID, reason="only the reference has it")
        else:
            made[name] = judged(
                t[name], t64[name], j64[name], (lambda run, name=name: run.ends[name]) if forced else None
            )
    return made
