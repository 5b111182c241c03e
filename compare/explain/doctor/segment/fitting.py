"""A number that the port has otherwise, found by fitting it: which value closes the gap."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from compare.explain.calls.scene import Scene
from compare.explain.doctor.segment.ideas import RARE, Suspect
from compare.explain.doctor.segment.observed import known_number
from compare.explain.doctor.segment.padding import shown
from compare.explain.doctor.segment.suspects.numbers import ChangeOf, Tunable, tunables
from compare.explain.doctor.segment.two_at_once import effect
from compare.explain.doctor.thresholds import ALIKE, DONE, FITTED, ROUNDS, STEP, WRITTEN

Runner = Callable[[ChangeOf, float], Mapping[str, np.ndarray] | None]


@dataclass(frozen=True)
class _Fit:
    tunable: Tunable
    gap: np.ndarray
    run: Callable[[float], np.ndarray | None]

    @property
    def scale(self) -> float:
        return abs(self.tunable.own) or 1.0


def fitted(scene: Scene, names: list[str], run: Runner) -> Iterator[Suspect]:
    """Suspects whose value makes the reference the port, or nearly; the best first.

    ``run`` gives the reference's arrays with a number changed, None where that does not run or no run is left.
    """
    gap = effect(scene.plain, scene.port, names)
    if gap is None or not np.any(gap):
        return
    ranked: list[tuple[float, int, _Fit, np.ndarray]] = []
    for one in tunables(scene):
        fit = _Fit(one, gap, partial(_moved, scene, names, run, one))
        step = STEP * fit.scale
        if (moved := fit.run(one.own + step)) is not None and np.any(moved):
            slope = moved / step
            along = float(slope @ gap) / float(np.linalg.norm(slope) * np.linalg.norm(gap))
            ranked.append((-abs(along), len(ranked), fit, slope))
    for _, _, fit, slope in [one for one in sorted(ranked, key=lambda one: one[:2]) if one[0] <= -ALIKE][:FITTED]:
        if (number := _solved(fit, slope)) is not None:
            yield _suspect(fit.tunable, number, scene)


def _moved(scene: Scene, names: list[str], run: Runner, one: Tunable, number: float) -> np.ndarray | None:
    made = run(one.change, number)
    return effect(scene.plain, made, names) if made is not None else None


def _solved(fit: _Fit, slope: np.ndarray) -> float | None:
    """Gauss and Newton's way from the own number, with halved steps where one leads further off."""
    at, reached = fit.tunable.own, np.zeros_like(fit.gap)
    for _ in range(ROUNDS):
        left = fit.gap - reached
        step = float(slope @ left) / float(slope @ slope)
        for _ in range(3):
            made = fit.run(at + step)
            if made is not None and np.linalg.norm(fit.gap - made) < np.linalg.norm(left):
                break
            step /= 4
        else:
            return None
        slope, at, reached = (made - reached) / step, at + step, made
        if np.linalg.norm(fit.gap - reached) <= DONE * np.linalg.norm(fit.gap):
            return at
        if not np.any(slope):
            return None
    return None


def _suspect(one: Tunable, number: float, scene: Scene) -> Suspect:
    number = _plain(number)
    said, own = known_number(number, scene), known_number(one.own, scene)
    where = f" ({one.place})" if one.place else ""
    text = f"{one.setting} is {said} in the port, {own} in the reference{where}"
    return Suspect(one.setting, shown(one.own), shown(number), text, f"{one.setting} {said}", one.change(number), RARE)


def _plain(number: float) -> float:
    """The number as it was typed, where a few digits are as near as a fit gets."""
    for digits in range(1, 7):
        short = float(f"{number:.{digits}g}")
        if abs(short - number) <= WRITTEN * abs(number):
            return short
    return number
