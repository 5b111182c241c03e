"""Both sides cut at the same places and run."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from compare.arrays.arrays import Arrays
from compare.explain.calls.call import Call
from compare.explain.locate.crossings import SAME, Crossing, Judge, Matched, PortRuns, RoughJudge, crossings, rough
from compare.explain.locate.cuts import IN, OUT, Boundary, Cut, Passage, Shape
from compare.explain.locate.layer_pairs import paired_modules
from compare.explain.locate.orders import feature_orders
from compare.explain.locate.own_ways import own_ways
from compare.explain.locate.port import Crossed, CutPort
from compare.explain.locate.reference import WatchedReference
from compare.explain.locate.shown_by import KnownLayouts, relative_distance
from compare.explain.locate.thresholds import EXACT, LAYOUT_ROUNDS
from compare.frameworks.dropout.masks import Dropout
from compare.frameworks.models.modes import Mode
from compare.pair.pair import Entering
from compare.sides.quartet import Quartet
from compare.sides.side import Dropped
from compare.sides.variance import ACCEPT, corrected
from compare.verdict.precision import FLOAT64
from compare.verdict.verdict import Judgement


@dataclass(frozen=True)
class Sections:
    """One run of a pair, cut.

    Attributes:
        pairs: the port's layers by path, with the reference's.
        passages: the reference's, in order; crossings: those arrays that the port has too, in the same order.
        ends: of outputs, loss, gradients and statistics, what the port makes of the reference's arrays, judged;
            free_ends: the same of the port's own run.
        matched: by cut of the port; forced: what the port makes at each of the reference's arrays.
        reference_ends, port_ends: each side's quantities in float64, of its own run.
        calls: the reference's torch calls.
        dropouts: each that the reference drew a mask for.
        last: the reference's layers without a counterpart that run after the last passage.
        kept, kept_freely: the port's statistics of its forced and of its own run, as they are.
        through: by the tensor that goes on from a boundary which the port has not, the one that came there.
    """

    pairs: dict[str, str]
    entering: Entering
    mode: Mode
    dropouts: tuple[Dropout, ...]
    passages: list[Passage]
    calls: list[Call]
    crossings: list[Crossing]
    ends: dict[str, Judgement]
    free_ends: dict[str, Judgement]
    matched: dict[Cut, Matched]
    forced: Crossed
    reference_ends: Arrays
    port_ends: Arrays
    last: tuple[str, ...] = ()
    kept: Arrays = field(default_factory=dict)
    kept_freely: Arrays = field(default_factory=dict)
    through: Mapping[int, int] = field(default_factory=dict)

    @property
    def dropped(self) -> Dropped:
        """Shape and rate of each dropout."""
        return tuple((tuple(one.shape), float(one.rate)) for one in self.dropouts)

    def made_by_port(self, crossing: Crossing, backward: bool = False) -> np.ndarray:
        """What the port makes at a cut of the reference's arrays, in the reference's layout."""
        return self.shown_by(crossing, self.forced, backward)

    def shown_by(self, crossing: Crossing, run: Crossed, backward: bool = False) -> np.ndarray:
        """What a run of the port makes at a cut of the reference, in the reference's layout."""
        array = (run.cotangents if backward else run.values)[crossing.port]
        if crossing.port in self.matched:
            return self.matched[crossing.port][1].to_reference(array)
        # Of another size: channels go where the reference has them, if it has as many.
        channels = crossing.passage.values[crossing.cut.leaf].shape[1:2]
        return np.moveaxis(array, -1, 1) if array.ndim > 2 and array.shape[-1:] == channels else array

    def onwards(self) -> dict[Cut, np.ndarray]:
        """The reference's arrays that go on from the port's cuts."""
        return sent_by(self.matched, {one.boundary: one for one in self.passages})[0]


class Cutter:
    """Cuts one pair's sides and runs them."""

    def __init__(self, quartet: Quartet, promoted: bool = True, exact: bool = True) -> None:
        """``exact``: in float64; else both sides run at the working precision alone."""
        prepared = quartet.prepared
        self.exact = exact
        self.quartet, self.promoted = quartet, promoted
        self.pairs = paired_modules(prepared)
        self.orders = feature_orders(prepared, self.pairs)
        paths = frozenset(self.pairs.values())
        kept = (quartet.kept_reference, quartet.kept_port) if promoted else (None, None)
        self.reference_p = WatchedReference(paths, prepared, quartet.precision, quartet.device.torch)
        self.port_p = CutPort(self.pairs, prepared, quartet.precision, quartet.device.jax)
        if not exact:
            self.reference, self.port = self.reference_p, self.port_p
            return
        self.reference = WatchedReference(paths, prepared, FLOAT64, quartet.oracle.torch, promoted, kept=kept[0])
        self.port = CutPort(self.pairs, prepared, FLOAT64, quartet.oracle.jax, promoted, kept=kept[1])

    def cut(self, entering: Entering, mode: Mode) -> Sections:
        """Run both sides on what enters.

        Raises:
            Exception: whatever a side raises: at these precisions, or since it does not stand being watched.
        """
        ends_p = self.reference_p.watch(entering, mode)
        at_p = {passage.boundary: passage for passage in self.reference_p.passages}
        ends_64 = self.reference.watch(entering, mode)
        passages, calls, last = self.reference.passages, self.reference.torch_calls, self.reference.last
        every = passages
        result = self.reference.result
        dropped = result.dropped
        shapes = self.port.cuts(entering, mode, dropped)
        passages, waiting = _of_called(passages, self._called(passages, shapes))
        by_boundary = {passage.boundary: passage for passage in passages}
        forced, matched = self._forced(entering, mode, dropped, shapes, by_boundary)
        if ways := self._own_ways(entering, mode, dropped, forced, matched, by_boundary):
            matched = {cut: own for cut, own in matched.items() if cut not in ways}
            forced = self.port.cross(entering, mode, dropped, *sent_by(matched, by_boundary))
        onwards, against = sent_by(matched, by_boundary)
        free = self.port.cross(entering, mode, dropped, onwards, against, free=True)
        kept, kept_freely = (
            {name: array for name, array in run.ends.items() if name.startswith("state/")} for run in (forced, free)
        )
        self._unbias(entering, forced, free)

        def port_at_p() -> Crossed:
            low = self.port_p.cross(entering, mode, dropped, onwards, against)
            self._unbias(entering, low)
            return low

        precision = self.quartet.precision
        judged = Judge(precision, port_at_p) if self.exact else RoughJudge(precision)
        by_reference = {own: (cut, layout) for cut, (own, layout) in reversed(matched.items())}
        ports = {reference: port for port, reference in self.pairs.items()}
        runs = PortRuns(at_p, forced, free, by_reference, ports, shapes)
        return Sections(
            self.pairs, entering, mode, result.dropouts, passages, calls,
            list(crossings(passages, runs, judged)),
            judged.ends(ends_p, ends_64, forced.ends, forced=True),
            judged.ends(ends_p, ends_64, free.ends, forced=False),
            matched, forced, ends_64, free.ends, (*waiting, *last), kept, kept_freely, _through(every, matched),
        )  # fmt: skip

    def again(self, first: Sections, entering: Entering) -> Sections:
        """The sections of ``first`` on other values, or another number of rows, for one of them to be run: where the
        reference's arrays go on in the port, and in which layout, is known, and nothing is judged.

        Raises:
            Exception: whatever a side raises, or where its layers are not called as they were.
        """
        mode = first.mode
        ends = self.reference.watch(entering, mode)
        calls, result = self.reference.torch_calls, self.reference.result
        shapes = self.port.cuts(entering, mode, result.dropped)
        passages, waiting = _of_called(self.reference.passages, self._called(self.reference.passages, shapes))
        by_boundary = {passage.boundary: passage for passage in passages}
        matched = {
            cut: (own, layout.between(by_boundary[own.boundary].values[own.leaf].shape, shapes[cut]))
            for cut, (own, layout) in first.matched.items()
        }
        crossings = [
            replace(
                one, passage=by_boundary[one.cut.boundary], forward=SAME, arrived=SAME, backward=None, returned=None
            )
            for one in first.crossings
        ]
        last = (*waiting, *self.reference.last)
        return Sections(
            self.pairs, entering, mode, result.dropouts, passages, calls, crossings, {}, {}, matched, Crossed({}, {}),
            ends, {}, last,
        )  # fmt: skip

    def _called(self, passages: Sequence[Passage], shapes: Collection[Cut]) -> set[str]:
        """The reference's layers that the port calls too. One that is handed no array there, and is in the reference,
        is asked for what it holds alone: what the reference's does with that is then the code's around it."""
        handed = {passage.path for passage in passages if passage.way == IN and passage.values}
        called = {self.pairs[cut.path] for cut in shapes}
        return called - (handed - {self.pairs[cut.path] for cut in shapes if cut.way == IN})

    def _unbias(self, entering: Entering, *runs: Crossed) -> None:
        """The running variances of the port's runs as torch would keep them, where the pair takes both for one."""
        for ends in [run.ends for run in runs] if ACCEPT in self.quartet.pair.accept else []:
            names = {name: name.removeprefix("state/") for name in ends if name.startswith("state/")}
            ends |= corrected(ends, names, entering.buffers, self.reference.result.variances)

    def _forced(
        self,
        entering: Entering,
        mode: Mode,
        dropped: Dropped,
        shapes: Mapping[Cut, Shape],
        passages: Mapping[Boundary, Passage],
    ) -> tuple[Crossed, dict[Cut, Matched]]:
        """The port run on the reference's arrays, in layouts that are found on the way: what arrives at a cut tells the
        layout there, as soon as the arrays before it are right."""
        seen = KnownLayouts(bool(self.quartet.prepared.input_axes), list(dict.fromkeys(self.orders.values())))
        matched = self._matched(seen, {}, shapes, passages)
        for _ in range(LAYOUT_ROUNDS):
            forced = self.port.cross(entering, mode, dropped, *sent_by(matched, passages))
            sent, matched = matched, self._matched(seen, forced.values, shapes, passages)
            if matched == sent:
                break
        return forced, sent

    def _own_ways(
        self,
        entering: Entering,
        mode: Mode,
        dropped: Dropped,
        forced: Crossed,
        matched: Mapping[Cut, Matched],
        passages: Mapping[Boundary, Passage],
    ) -> set[Cut]:
        """The cuts at which the port has another array and makes it good later."""
        sent = sent_by(matched, passages)

        def apart(opened: set[Cut]) -> dict[Cut, float]:
            run = self.port.cross(entering, mode, dropped, *sent, opened=opened) if opened else forced
            return {
                cut: relative_distance(passages[own.boundary].values[own.leaf], layout.to_reference(run.values[cut]))
                for cut, (own, layout) in matched.items()
            }

        places = {boundary: place for place, boundary in enumerate(passages)}
        order = sorted(matched, key=lambda cut: (places[matched[cut][0].boundary], cut))
        exact = EXACT if self.exact else rough(self.quartet.precision)
        return own_ways(
            order, apart, exact, {cut for cut in order if self._is_multiple(cut, forced, matched, passages)}
        )

    @staticmethod
    def _is_multiple(
        cut: Cut, forced: Crossed, matched: Mapping[Cut, Matched], passages: Mapping[Boundary, Passage]
    ) -> bool:
        """Whether the port's array there is another multiple of the reference's, of more than one entry."""
        own, layout = matched[cut]
        reference, port = passages[own.boundary].values[own.leaf], layout.to_reference(forced.values[cut])
        square = float(np.vdot(reference, reference).real)
        if reference.size < 2 or not square or not np.isfinite(square) or not np.all(np.isfinite(port)):
            return False
        ratio = float(np.vdot(reference, port).real) / square
        return abs(ratio - 1) > EXACT and relative_distance(ratio * reference, port) <= EXACT

    def _matched(
        self,
        seen: KnownLayouts,
        arrived: Mapping[Cut, np.ndarray],
        shapes: Mapping[Cut, Shape],
        passages: Mapping[Boundary, Passage],
    ) -> dict[Cut, Matched]:
        """The reference's array at each cut of the port, as far as what has arrived there tells."""
        matched: dict[Cut, Matched] = {}
        for cut, shape in shapes.items():
            passage = passages.get((self.pairs[cut.path], cut.call, cut.way))
            order = self.orders.get((cut.path, cut.way), ())
            beside = matched.get(Cut(cut.path, cut.call, IN, 0)) if cut.way == OUT else None
            entered = beside[1].axes if beside and len(beside[1].axes) == len(shape) else ()
            if passage and (
                array_and_layout := seen.find(passage.values, arrived.get(cut), shape, cut.leaf, order, entered)
            ):
                number, layout = array_and_layout
                matched[cut] = (Cut(passage.path, passage.call, passage.way, number), layout)
        return matched


def _of_called(passages: list[Passage], called: set[str]) -> tuple[list[Passage], list[str]]:
    """The passages of layers that the port calls too; the others are layers without a counterpart to the next one, or
    to the end."""
    kept, waiting = [], list[str]()
    for passage in passages:
        if passage.path in called:
            kept.append(replace(passage, layers=(*waiting, *passage.layers)))
            waiting = []
        else:
            waiting += [*passage.layers, *([passage.path] if passage.way == IN else [])]
    return kept, waiting


def _through(passages: Sequence[Passage], matched: Mapping[Cut, Matched]) -> dict[int, int]:
    cut = {own for own, _ in matched.values()}
    return {
        leaving: entering
        for one in passages
        for leaf, (entering, leaving) in enumerate(one.tags)
        if Cut(*one.boundary, leaf) not in cut and leaving != entering
    }


def sent_by(
    matched: Mapping[Cut, Matched], passages: Mapping[Boundary, Passage]
) -> tuple[dict[Cut, np.ndarray], dict[Cut, np.ndarray]]:
    """The reference's arrays that go on from the port's cuts, and the cotangents that it sends back there.

    Where it sends none (it detaches there), what the port sends back is let through, and shows where it ends up.
    """
    onwards, against = {}, {}
    for cut, (own, layout) in matched.items():
        passage = passages[own.boundary]
        onwards[cut] = layout.to_port(passage.values[own.leaf])
        if (cotangent := passage.cotangents[own.leaf]) is not None:
            against[cut] = layout.to_port(cotangent)
    return onwards, against
