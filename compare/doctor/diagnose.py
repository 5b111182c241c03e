"""Why one segment differs: the settings read, the suspects tried one after another, the cause in words."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from compare.doctor.change import Change
from compare.doctor.diagnosis import Cause, Diagnosis
from compare.doctor.gaps import closed, distance, nearly, relative
from compare.doctor.ideas import Suspect
from compare.doctor.observed import observe
from compare.doctor.pairs import effect, summing_to
from compare.doctor.scene import Scene
from compare.doctor.settings import differing
from compare.doctor.suspected import suspects

RUNS = 60  # of the reference, at most, unless the caller says otherwise
PAIRS = 10  # of them, kept for two changes at once
PROBABLE = 0.1  # and one that leaves less is worth a word even if the gap does not close


@dataclass(frozen=True)
class Trial:
    """One suspect, or several at once, tried: the relative gap that is left; whether it is closed, or nearly so;
    what the change did (``compare.doctor.pairs``)."""

    suspects: tuple[Suspect, ...]
    after: float
    closes: bool
    nearly: bool
    effect: np.ndarray | None


def diagnose(scene: Scene, runs: int = RUNS) -> Diagnosis:
    """The cause of the difference in ``scene``, in words, with its evidence.

    The reference is run at most ``runs`` times. Nothing is said of a scene whose gaps are within what is allowed.
    """
    names = judged(scene)
    if all(distance(scene.plain[name], scene.port[name]) <= scene.allowed.get(name, 0.0) for name in names):
        return Diagnosis()
    settings = differing(scene.reference_layer, scene.port_layer)
    seen = observe(scene, names)
    trials = _tried(scene, names, suspects(scene, settings, seen), runs)
    before = relative(scene.plain, scene.port, scene.plain, names)
    closing = [trial for trial in trials if trial.closes or trial.nearly]
    causes = _causes(min(closing, key=_quality), before) if closing else _probable(trials, before)
    named = {cause.text for cause in causes}
    failed = [trial.suspects[0] for trial in trials if trial not in closing and len(trial.suspects) == 1]
    short = tuple(dict.fromkeys(one.short for one in failed if one.text not in named))
    return Diagnosis(tuple(causes), tuple(one.text for one in settings), short, seen.sentences)


def judged(scene: Scene) -> list[str]:
    """The arrays by which a change is judged: of a difference in the forward pass, what that pass makes.

    A change of the forward pass moves the gradients that come back to the segment, where the port was given the
    reference's own.
    """
    shared = [name for name in scene.plain if name in scene.port]
    values = [name for name in shared if not name.startswith("grad")]
    return values if scene.direction != "backward" and values else shared


def _quality(trial: Trial) -> tuple[bool, float]:
    return not trial.closes, trial.after


def _tried(scene: Scene, names: list[str], suspected: list[Suspect], runs: int) -> list[Trial]:
    """Every suspect until one closes the gap, then pairs of them.

    After one that nearly closes it only other values of the same setting are tried: one of them may do it entirely.
    """
    trials: list[Trial] = []
    found = ""
    for one in suspected[: runs - PAIRS]:
        if found and one.setting != found:
            continue
        if (trial := _try(scene, names, (one,))) is not None:
            trials.append(trial)
            if trial.closes:
                return trials
            found = one.setting if trial.nearly else found
    for several in _together(trials, scene, names) if not found else []:
        if (trial := _try(scene, names, several)) is not None:
            trials.append(trial)
            if trial.closes or trial.nearly:
                return trials
    return trials


def _try(scene: Scene, names: list[str], tried: tuple[Suspect, ...]) -> Trial | None:
    """None where the reference does not run so."""
    change = Change()
    for one in tried:
        change = change | one.change
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what torch thinks of settings that the user did not choose
            made = scene.run(change)
    except Exception:  # a change may ask of the user's code what it cannot do
        return None
    if not _usable(made, names):
        return None
    after = relative(made, scene.port, scene.plain, names)
    close = nearly(made, scene.port, scene.plain, names)
    return Trial(tried, after, closed(made, scene.port, scene.allowed, names), close, effect(scene.plain, made, names))


def _usable(made: Mapping[str, np.ndarray], names: list[str]) -> bool:
    return all(name in made for name in names)


def _together(trials: list[Trial], scene: Scene, names: list[str]) -> list[tuple[Suspect, ...]]:
    """Several changes at once: all that were read to differ, then the two that together make up the gap."""
    read = {trial.suspects[0].setting: trial.suspects[0] for trial in trials if trial.suspects[0].read}
    gap = effect(scene.plain, scene.port, names)
    effects = [(trial.suspects[0], trial.effect) for trial in trials if trial.effect is not None]
    pairs = summing_to(gap, effects, PAIRS) if gap is not None else []
    return [*([tuple(read.values())] if len(read) > 1 else []), *pairs][:PAIRS]


def _causes(trial: Trial, before: float) -> list[Cause]:
    return [_cause(one, before, trial.after, True) for one in trial.suspects]


def _probable(trials: list[Trial], before: float) -> list[Cause]:
    """Without a certain cause: the change that shrinks the gap by far the most."""
    best = min(trials, key=lambda trial: trial.after, default=None)
    if best is None or not best.after < PROBABLE * before:
        return []
    return [_cause(one, before, best.after, False) for one in best.suspects]


def _cause(one: Suspect, before: float, after: float, certain: bool) -> Cause:
    evidence = "both" if one.read else "counterfactual"
    return Cause(one.setting, one.reference, one.port, one.text, evidence, before, after, one.change, certain)
