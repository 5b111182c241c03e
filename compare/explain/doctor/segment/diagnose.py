"""Why one segment differs: the settings read, the suspects tried one after another, the cause in words."""

from collections.abc import Callable

from compare.explain.calls.change import Change
from compare.explain.calls.scene import Scene
from compare.explain.doctor.diagnosis import Cause, Diagnosis
from compare.explain.doctor.gaps import Arrays, distance, relative
from compare.explain.doctor.segment.fitting import fitted
from compare.explain.doctor.segment.ideas import Suspect
from compare.explain.doctor.segment.layer_settings import differing
from compare.explain.doctor.segment.observed import observe
from compare.explain.doctor.segment.own_derivatives import rules
from compare.explain.doctor.segment.suspected import suspects
from compare.explain.doctor.segment.trials import Trial, Trials
from compare.explain.doctor.segment.two_at_once import effect, summing_to
from compare.explain.doctor.thresholds import FITS, PAIRS, PROBABLE, RUNS


def diagnose(scene: Scene, runs: int = RUNS) -> Diagnosis:
    """The cause of the difference in ``scene``, in words, with its evidence.

    The reference is run at most ``runs`` times, by default more often if it is quick. Nothing is said of a scene whose
    gaps are within what is allowed.
    """
    names = judged(scene)
    if all(distance(scene.plain[name], scene.port[name]) <= scene.allowed.get(name, 0.0) for name in names):
        return Diagnosis()
    settings = differing(scene.reference_layer, scene.port_layer)
    seen = observe(scene, names)
    tries = Trials(scene, names, runs)
    _searched(tries, suspects(scene, settings, seen))
    trials = tries.made
    before = relative(scene.plain, scene.port, scene.plain, names)
    closing = [trial for trial in trials if trial.closes or trial.nearly]
    causes = _causes(min(closing, key=_quality), before) if closing else _probable(trials, before)
    named = {cause.text for cause in causes}
    failed = [trial.suspects[0] for trial in trials if trial not in closing and len(trial.suspects) == 1]
    short = tuple(dict.fromkeys(one.short for one in failed if one.text not in named))
    return Diagnosis(tuple(causes), tuple(one.text for one in settings), short, (*seen.sentences, *rules(scene)))


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


def _searched(trials: Trials, suspected: list[Suspect]) -> None:
    """Every suspect until one closes the gap; then numbers whose value is fitted; then pairs.

    After one that nearly closes it only other values of the same setting are tried: one of them may do it entirely.
    """
    found = ""
    for one in suspected:
        if not trials.left(min(PAIRS + FITS, trials.runs // 2)):
            break
        if found and one.setting != found:
            continue
        if (trial := trials.tried(one)) is not None:
            if trial.closes:
                return
            found = one.setting if trial.nearly else found
    if found or _fits(trials):
        return
    for several in _together(trials.made, trials.scene, trials.names):
        if (trial := trials.tried(*several)) is not None and (trial.closes or trial.nearly):
            return


def _fits(trials: Trials) -> bool:
    """Whether a fitted number closes the gap, or nearly."""

    def run(change: Callable[[float], Change], number: float) -> Arrays | None:
        return trials.run(change(number)) if trials.left(min(PAIRS, trials.runs // 4)) else None

    for one in fitted(trials.scene, trials.names, run):
        trial = trials.tried(one)
        if trial is not None and (trial.closes or trial.nearly):
            return True
    return False


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
