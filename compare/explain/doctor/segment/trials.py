"""Changes of the reference put to the test, as many as there is time for."""

import time
import warnings
from dataclasses import dataclass, field

import numpy as np

from compare.explain.calls.change import Change
from compare.explain.calls.scene import Scene
from compare.explain.doctor.gaps import Arrays, closed, nearly, relative
from compare.explain.doctor.segment.ideas import Suspect
from compare.explain.doctor.segment.two_at_once import effect
from compare.explain.doctor.thresholds import MORE, RUNS, SECONDS


@dataclass(frozen=True)
class Trial:
    """One suspect, or several at once, tried: the relative gap that is left; whether it is closed, or nearly so;
    what the change did (``compare.explain.doctor.segment.two_at_once``)."""

    suspects: tuple[Suspect, ...]
    after: float
    closes: bool
    nearly: bool
    effect: np.ndarray | None


@dataclass
class Trials:
    """What has been tried on one scene. ``names``: the arrays that are looked at; ``runs``: how many are allowed."""

    scene: Scene
    names: list[str]
    runs: int = RUNS
    made: list[Trial] = field(default_factory=list)
    count: int = 0
    fastest: float = 0.0

    def left(self, kept: int = 0) -> bool:
        """Whether one more run may be made, ``kept`` of them set aside. A reference that is quick gets more."""
        quick = self.runs >= RUNS and self.fastest * MORE < SECONDS
        return self.count < (MORE if quick else self.runs) - kept

    def run(self, change: Change) -> Arrays | None:
        """The reference's arrays under a change; None where it does not run so, or may not."""
        if not self.left():
            return None
        self.count += 1
        started = time.process_time()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # what torch thinks of settings that the user did not choose
                made = self.scene.run(change)
        except Exception:  # a change may ask of the user's code what it cannot do
            return None
        taken = time.process_time() - started
        self.fastest = min(self.fastest or taken, taken)
        return made if all(name in made for name in self.names) else None

    def tried(self, *suspects: Suspect) -> Trial | None:
        """All of them at once; noted, if the reference runs so."""
        change = Change()
        for one in suspects:
            change = change | one.change
        made = self.run(change)
        if made is None:
            return None
        scene, names = self.scene, self.names
        trial = Trial(
            suspects,
            relative(made, scene.port, scene.plain, names),
            closed(made, scene.port, scene.allowed, names),
            nearly(made, scene.port, scene.plain, names),
            effect(scene.plain, made, names),
        )
        self.made.append(trial)
        return trial
