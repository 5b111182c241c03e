"""Changes of the reference put to the test, as many as may be; whatever it is that is changed.

A change is asked for two things only: what the reference computes under it, and how it goes together with another.
"""

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial, reduce
from itertools import chain
from typing import Generic

import numpy as np

from compare.errors import swallowed
from compare.explain.doctor.budget import Budget
from compare.explain.doctor.diagnosis import Cause
from compare.explain.doctor.fit import Fitted, Range, by_halves, by_slopes, cosine, written
from compare.explain.doctor.gaps import Arrays, closed, effect, nearly, relative, size, summing_to
from compare.explain.doctor.suspect import C, Number, Suspect
from compare.explain.doctor.thresholds import (
    ALIKE,
    ALIKE_DIGITS,
    DONE,
    EXCLUDED,
    FITTED,
    FOR_PAIRS,
    HALVED,
    JUMPS,
    KNOWN,
    PAIRS,
    PROBABLE,
    STEP,
    UNSEEN,
)


@dataclass(frozen=True)
class Trial(Generic[C]):
    """One suspect, or several at once, tried: the relative gap that is left; whether it is closed, or nearly so; what
    the change did (``compare.explain.doctor.gaps.effect``); whether it closes the gap where it was found alone, and not
    where that was to be confirmed (``refuted``)."""

    suspects: tuple[Suspect[C], ...]
    after: float
    closes: bool
    nearly: bool
    effect: np.ndarray | None
    refuted: bool = False

    @property
    def explains(self) -> bool:
        """Whether nothing is left beside rounding or another fault."""
        return self.closes or self.nearly


@dataclass
class Search(Generic[C]):
    """The search for the change that makes the reference the port.

    Attributes:
        run: the reference's arrays under a change; may raise.
        join: two changes as one; the second is applied to what the first makes.
        plain, port: the arrays of both sides. allowed: the 2-norm up to which a gap counts as closed.
        names: of the arrays that are looked at; beside: of others that a number is fitted to as well, as of a single
            entry everything is a multiple.
        confirm: whether a change that closes the gap there does so everywhere.
    """

    run: Callable[[C], Arrays]
    join: Callable[[C, C], C]
    plain: Arrays
    port: Arrays
    allowed: Mapping[str, float]
    names: list[str]
    budget: Budget = field(default_factory=Budget)
    confirm: Callable[[C], bool] = lambda change: True
    trials: list[Trial[C]] = field(default_factory=list)
    beside: Sequence[str] = ()

    def for_all(self, suspects: Iterable[Suspect[C]], numbers: Callable[[], Iterable[Number[C]]]) -> None:
        """Suspects until one closes the gap or their share of the runs is spent; then numbers that are fitted; then two
        changes at once; then, with the runs that these did not need, the suspects whose turn had not come."""
        in_turn = iter(suspects)
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # what a suspect makes may be huge
            if self.for_each(in_turn, self.budget.for_later) or self.fit(numbers()) or self.together():
                return
            self.for_each(in_turn)

    def for_each(self, suspects: Iterable[Suspect[C]], kept: int = 0) -> bool:
        """Whether one of the suspects explains the gap; ``kept`` runs are left.

        After one that nearly closes it only other values of the same setting are tried: one may do it entirely. After
        one whose number only fits, only what a person writes.
        """
        held: Trial[C] | None = None
        in_turn = iter(suspects)
        while self.budget.left(kept) and (suspect := next(in_turn, None)) is not None:
            if held is not None and (suspect.odd if held.closes else suspect.setting != held.suspects[0].setting):
                continue
            if (trial := self.tried(suspect)) is not None and trial.explains:
                if trial.closes and not suspect.odd:
                    return True
                held = held or trial
        return held is not None

    def fit(self, numbers: Iterable[Number[C]]) -> bool:
        """Whether one of the numbers explains the gap with another value: those that point along the gap best.

        After one with a value that does not stand in the port's program the others are fitted too: one of them may be
        what somebody has written.
        """
        gap = effect(self.plain, self.port, [*self.names, *self.beside])
        if gap is None or not np.any(gap):
            return False
        smooth: list[tuple[float, int, Number[C], np.ndarray]] = []
        others: list[Number[C]] = []
        kept = self._for_pairs + (self.budget.every - self.budget.count - self._for_pairs) // 2  # to fit with
        for place, number in sorted(enumerate(numbers), key=lambda item: item[1].alone):
            if number.alone and not self.budget.left(kept):
                break
            step = STEP * number.scale
            vector = self._moved(number, number.own + step)
            along = cosine(vector, gap)
            if vector is not None and abs(along) >= ALIKE:
                smooth.append((-round(abs(along), ALIKE_DIGITS), place, number, vector / step))
            else:
                others.append(number)
        held = False
        done = max(DONE, self._room / float(np.linalg.norm(gap)))  # of a small gap rounding is a larger part
        for _, _, number, slope in sorted(smooth, key=lambda item: item[:2])[:FITTED]:
            known = (-gap, slope[:, None])
            (value,), left = by_slopes(partial(self._left, number, gap), [number.own], [Range()], known, done)
            fitted = Fitted(value, value, value, self._known_to(slope))
            trial = self._explaining(number, fitted) if left <= done else None
            if trial is not None and trial.closes and trial.suspects[0].shown:
                return True
            held = held or trial is not None
        return held or self._by_halves(others, gap)

    def _by_halves(self, numbers: Sequence[Number[C]], gap: np.ndarray) -> bool:
        """Of numbers whose neighbours do nothing alike: those that move the arrays along the gap from further off."""
        ranked: list[tuple[float, Number[C], float]] = []
        for number in numbers:
            for jump in JUMPS:
                far = number.own + jump * number.scale
                vector = self._moved(number, far)
                if (along := cosine(vector, gap)) >= ALIKE:
                    ranked.append((-along, number, far))
                    break
                if vector is not None and np.any(vector) and abs(jump) > 1:
                    break  # it moves something else
        for _, number, far in sorted(ranked, key=lambda item: item[0])[:HALVED]:
            fitted = by_halves(partial(self._moved, number), gap, number.own, far)
            if fitted is not None and self._explaining(number, fitted) is not None:
                return True
        return False

    def together(self) -> bool:
        """Whether several changes at once explain the gap: all that were read, then two that make it up together."""
        singles = [trial for trial in self.trials if len(trial.suspects) == 1]
        read = {trial.suspects[0].setting: trial.suspects[0] for trial in singles if trial.suspects[0].read}
        gap = effect(self.plain, self.port, self.names)
        effects = [(trial.suspects[0], trial.effect) for trial in singles if trial.effect is not None]
        pairs = summing_to(gap, effects, PAIRS) if gap is not None else []
        for several in [*([tuple(read.values())] if len(read) > 1 else []), *pairs][:PAIRS]:
            if (trial := self.tried(*several)) is not None and trial.explains:
                return self._all_needed(trial)
        return False

    def _all_needed(self, trial: Trial[C]) -> bool:
        """Leaves out of several that explain the gap together each one without which the others do it too."""
        for suspect in trial.suspects if len(trial.suspects) > 2 else ():
            rest = [other for other in trial.suspects if other is not suspect]
            if len(rest) > 1 and (fewer := self.tried(*rest)) is not None and fewer.closes >= trial.closes:
                self.trials.remove(trial)
                trial = fewer
        return True

    def tried(self, *suspects: Suspect[C]) -> Trial[C] | None:
        """All of them at once; noted, if the reference runs so."""
        change = suspects[0].change
        for suspect in suspects[1:]:
            change = self.join(change, suspect.change)
        arrays = self.under(change)
        if arrays is None:
            return None
        closes = closed(arrays, self.port, self.allowed, self.names)
        near = closes or nearly(arrays, self.port, self.plain, self.names)
        confirmed = near and self.confirm(change)
        after = relative(arrays, self.port, self.plain, self.names)
        moved = effect(self.plain, arrays, self.names)
        self.trials.append(Trial(suspects, after, closes and confirmed, near and confirmed, moved, near > confirmed))
        return self.trials[-1]

    def under(self, change: C) -> Arrays | None:
        """The reference's arrays under a change; None where it does not run so, or may not."""
        if not self.budget.left():
            return None
        self.budget.count += 1
        return self._ran(change)

    def _ran(self, change: C) -> Arrays | None:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # what a library thinks of settings that the user did not choose
                arrays = self.run(change)
        except Exception as error:  # a change may ask of the user's code what it cannot do
            swallowed(error)
            return None
        return arrays if all(name in arrays for name in (*self.names, *self.beside)) else None

    def best(self) -> tuple[Trial[C] | None, bool]:
        """The trial that explains the gap best, and True; without one, the single change that shrinks it by far the
        most, and False."""
        explaining = [trial for trial in self.trials if trial.explains]
        # Of numbers that nobody writes a refuted one says nothing: of a single entry everything is a multiple.
        singles = [trial for trial in self.trials if len(trial.suspects) == 1]
        one_entry = sum(self.plain[name].size for name in self.names) == 1  # to which many things come near
        trials = explaining or [
            trial for trial in singles if not (trial.refuted and (trial.suspects[0].odd or _fits(trial, one_entry)))
        ]
        if one_entry:
            trials = [trial for trial in trials if trial.explains or trial.refuted]
        best = min(trials, key=_rank, default=None)
        if best is None or not (explaining or best.after < PROBABLE * min(1.0, self.before)):
            return None, False
        return best, bool(explaining)

    @property
    def before(self) -> float:
        """The relative gap without any change."""
        return relative(self.plain, self.port, self.plain, self.names)

    def causes(self) -> list[tuple[Cause, C]]:
        """Of the best trial, each with its change; the certain ones are certain together."""
        best, certain = self.best()
        if best is None:
            return []
        causes = [
            (replace(self.cause(one, best.after, certain), reopens=self._without(one, best)), one.change)
            for one in best.suspects
        ]
        if (other := self._read_otherwise(best)) is not None:
            (cause, change), *_ = causes
            return [(replace(cause, text=f"{cause.text}, or, which is the same function, {other.sentence}"), change)]
        return causes

    def _read_otherwise(self, best: Trial[C]) -> Suspect[C] | None:
        """Another number that closes the gap as well, where neither stands in the port's program: a factor before a
        layer is one of its weight, and which of them somebody has changed nobody can tell."""
        first = best.suspects[0]
        if len(best.suspects) > 1 or not (best.closes and first.fitted and first.held) or first.shown:
            return None
        also = (trial.suspects[0] for trial in self.trials if trial is not best and trial.closes)
        return next((one for one in also if one.fitted and one.held and one.odd == first.odd), None)

    def _without(self, suspect: Suspect[C], trial: Trial[C]) -> float | None:
        """The relative gap with all of several but one; None of one alone, or where the others do not run so."""
        others = [other.change for other in trial.suspects if other is not suspect]
        arrays = self._ran(reduce(self.join, others)) if others else None
        return relative(arrays, self.port, self.plain, self.names) if arrays is not None else None

    def cause(self, suspect: Suspect[C], after: float, certain: bool = True) -> Cause:
        """A suspect that leaves a gap of ``after`` as a cause."""
        evidence = "both" if suspect.read else "counterfactual"
        named = (suspect.setting, suspect.reference, suspect.port, suspect.sentence)
        return Cause(*named, evidence, self.before, after, None, certain)

    def excluded(self) -> tuple[str, ...]:
        """What was tried alone and does not explain the gap, in short words, once each: of each setting the likeliest,
        the likeliest setting first, and no more than a reader follows. While nothing explains it, not what brings the
        arrays nearer: that may be one of several faults."""
        best, known = self.best()
        named = {suspect.sentence for suspect in best.suspects} if best is not None else set()
        gap = effect(self.plain, self.port, self.names)
        alone = [trial for trial in self.trials if not trial.explains and len(trial.suspects) == 1]
        failed = [trial.suspects[0] for trial in alone if known or gap is None or not _leads_nearer(trial.effect, gap)]
        by_setting: dict[str, list[str]] = {}
        for suspect in failed:
            if suspect.sentence not in named:
                by_setting.setdefault(suspect.setting, []).append(suspect.words)
        firsts, others = [words[0] for words in by_setting.values()], [words[1:] for words in by_setting.values()]
        return tuple(dict.fromkeys([*firsts, *chain.from_iterable(others)]))[:EXCLUDED]

    def _known_to(self, slope: np.ndarray) -> float:
        """How far off a number may be that moves the arrays by so much, and the gap still counts as closed."""
        return KNOWN * self._room / float(np.linalg.norm(slope))

    @property
    def _room(self) -> float:
        """What is allowed, over the size of what is made."""
        return min(self.allowed.get(name, 0.0) / (size(self.plain[name]) or 1.0) for name in self.names)

    def _moved(self, number: Number[C], value: float) -> np.ndarray | None:
        if not self.budget.left(self._for_pairs):
            return None
        arrays = self.under(number.change(value))
        return effect(self.plain, arrays, [*self.names, *self.beside]) if arrays is not None else None

    @property
    def _for_pairs(self) -> int:
        """Runs that numbers leave for two changes at once."""
        return min(PAIRS, self.budget.every // FOR_PAIRS)

    def _left(self, number: Number[C], gap: np.ndarray, values: Sequence[float]) -> np.ndarray | None:
        vector = self._moved(number, values[0])
        return vector - gap if vector is not None else None

    def _explaining(self, number: Number[C], fitted: Fitted) -> Trial[C] | None:
        """The trial of the fitted number as a person would have written it, or as it is, if it explains the gap."""
        near = None
        none = (
            (0.0,) if abs(fitted.number) <= UNSEEN * number.scale else ()
        )  # what is left of a number that is not there
        values = [replace(fitted, number=value) for value in (*none, written(fitted.number), fitted.number)]
        digits = [replace(fitted, digits=True), replace(fitted, digits=True, near=0.0)]
        for one in dict.fromkeys((*values, *digits)):
            trial = self.tried(number.suspect(one))
            if trial is not None and trial.closes:
                return trial
            near = trial if near is None and trial is not None and trial.nearly else near
        return near


def _leads_nearer(moved: np.ndarray | None, gap: np.ndarray) -> bool:
    """Whether what a change does points along the gap, and leaves less of it."""
    return moved is not None and cosine(moved, gap) >= ALIKE and bool(np.linalg.norm(gap - moved) < np.linalg.norm(gap))


def _fits(trial: Trial[C], one_entry: bool) -> bool:
    """Whether it says no more than that a number fits one entry, which some number always does."""
    return one_entry and trial.suspects[0].fitted


def _rank(trial: Trial[C]) -> tuple[bool, bool, bool, float]:
    """Of those that close the gap what rounding leaves decides nothing: the likelier one was tried first."""
    first = trial.suspects[0]
    if not trial.closes:
        return True, False, False, trial.after
    return False, first.odd, first.fitted and not first.shown, 0.0
