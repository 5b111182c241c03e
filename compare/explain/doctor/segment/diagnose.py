"""Why one segment differs: the settings read, the suspects tried one after another, the cause in words."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from compare.explain.calls.change import Change
from compare.explain.calls.scene import Scene
from compare.explain.doctor.budget import Budget, work_of
from compare.explain.doctor.diagnosis import Cause, Diagnosis
from compare.explain.doctor.gaps import distance
from compare.explain.doctor.segment.layer_settings import settings_read
from compare.explain.doctor.segment.numbers import numbers
from compare.explain.doctor.segment.observed import Observed, observe
from compare.explain.doctor.segment.own_derivatives import rules
from compare.explain.doctor.segment.suspected import suspects
from compare.explain.doctor.thresholds import RUNS
from compare.explain.doctor.trials import Search


def diagnose(scene: Scene, runs: int = RUNS, proven: Callable[[Change], bool] = lambda change: True) -> Diagnosis:
    """The cause of the difference in ``scene``, in words, with its evidence.

    The reference is run at most ``runs`` times, by default more often if it computes little. Nothing is said of a scene
    whose gaps are within what is allowed. ``proven``: whether a change that closes the gap there does so on the way
    back and on another draw as well; without it no cause is certain.
    """
    names = judged(scene)
    if all(distance(scene.plain[name], scene.port[name]) <= scene.allowed.get(name, 0.0) for name in names):
        return Diagnosis()
    settings = settings_read(scene.reference_layer, scene.port_layer)
    seen = observe(scene, names)
    budget = Budget(runs, work_of(scene))
    # What a loss is says little, being one number: by what comes back from it a number can be told from another.
    beside = [name for name in scene.plain if name in scene.port and name not in names] if scene.outputs else []
    search = Search(
        scene.run, Change.__or__, scene.plain, scene.port, scene.allowed, names, budget, proven, beside=beside
    )  # fmt: skip
    search.for_all(suspects(scene, settings, seen), lambda: numbers(scene, seen.ratio))
    causes = tuple(replace(cause, change=change) for cause, change in search.causes())
    observed = (*seen.sentences, *rules(scene))
    return Diagnosis(causes, tuple(setting.text for setting in settings), search.excluded(), observed)


def the_same(scene: Scene, causes: Sequence[Cause]) -> Cause | None:
    """The one of ``causes``, found elsewhere, that closes the gap of ``scene`` too; as yet it is proven here by nothing
    else. A number that was fitted is not tried again."""
    names, said = judged(scene), {cause.text for cause in causes}
    settings = settings_read(scene.reference_layer, scene.port_layer)
    search = Search(scene.run, Change.__or__, scene.plain, scene.port, scene.allowed, names)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        for suspect in suspects(scene, settings, Observed()):
            if suspect.sentence in said and (trial := search.tried(suspect)) is not None and trial.closes:
                return replace(search.cause(suspect, trial.after), change=suspect.change)
    return None


def judged(scene: Scene) -> list[str]:
    """The arrays by which a change is judged: of a difference in the forward pass, what that pass makes.

    A change of the forward pass moves the gradients that come back to the segment, where the port was given the
    reference's own.
    """
    shared = [name for name in scene.plain if name in scene.port]
    values = [name for name in shared if not name.startswith("grad")]
    return values if scene.direction != "backward" and values else shared
