"""What the updates themselves say, before any optimizer is tried."""

from collections.abc import Iterator, Sequence

import numpy as np

from compare.explain.doctor.fit import number_words
from compare.explain.doctor.thresholds import LISTED, UNSEEN
from compare.explain.doctor.updates.led import Retraining
from compare.explain.doctor.updates.recorded_steps import update_name
from compare.explain.doctor.updates.rules import OWN, Rules
from compare.sides.side import OPTIMIZER_STATE
from compare.weights.twin_recipes import BY_CLASS
from compare.weights.twin_schedules import schedule_name


def facts(trial: Retraining, differing: Sequence[str], rules: Rules) -> Iterator[str]:
    """Which parameters and steps differ, and how: in words.

    Args:
        differing: the quantities that are no match.
        rules: the reference's.
    """
    yield from _which(trial, set(differing))
    yield from _when(trial, set(differing))
    yield from _still(trial)
    yield from _ratio(trial, rules)
    yield from _forms(rules)


def _forms(rules: Rules) -> Iterator[str]:
    """What the reference's optimizer and scheduler are called where their optax forms are."""
    stated = dict.fromkeys((rule.stated.kind.partition(" ")[0], rule.stated.schedule, rule.family) for rule in rules)
    for kind, schedule, family in stated:
        if family == OWN and kind in BY_CLASS:
            yield f"torch's {kind} is jaxport.optimizers.{BY_CLASS[kind].name} in optax"
        if schedule:
            yield f"the reference's learning rate follows {schedule}{_named(schedule)}"


def _named(schedule: str) -> str:
    from jaxport.optimizers import schedules

    name = schedule_name(schedule)
    return f", in optax jaxport.optimizers.{name}" if hasattr(schedules, name) else ""


def _which(trial: Retraining, differing: set[str]) -> Iterator[str]:
    replay = trial.replay
    there = [name for name in replay.names if name in replay.updates[0]]
    wrong = {n for n in there if any(update_name(step, n) in differing for step in range(1, replay.steps + 1))}
    if not wrong and differing:
        slots = sorted({name.split("/")[2] for name in differing if name.startswith(OPTIMIZER_STATE)})
        yield f"the updates agree, the optimizer's state differs ({', '.join(slots)})"
    by_kind = {True: "matrices", False: "vectors (biases, norms)"}
    ranks = dict(zip(replay.names, replay.ranks, strict=True))
    for matrix in (True, False):
        own = {name for name in there if (ranks[name] > 1) is matrix}
        if own and wrong == own and own != set(there):
            yield f"the updates of {by_kind[matrix]} differ, those of {by_kind[not matrix]} agree"
            return
    if wrong and len(wrong) < len(there):
        first = next(name for name in there if name in wrong)
        are = "is" if len(wrong) == 1 else "are"
        yield f"{len(wrong)} of {len(there)} parameters {are} updated otherwise, first {first}"


def _when(trial: Retraining, differing: set[str]) -> Iterator[str]:
    steps = range(1, trial.replay.steps + 1)
    first = next((s for s in steps if any(update_name(s, name) in differing for name in trial.replay.names)), None)
    if first is not None and first > 1:
        agree = "first step agrees" if first == 2 else f"first {first - 1} of {len(steps)} steps agree"
        yield f"the {agree}: what the optimizer keeps differs, or a schedule"
    if first == 1:
        yield "the first step differs already"


def _still(trial: Retraining) -> Iterator[str]:
    """Updates of the port that are zero where there is a gradient."""
    replay = trial.replay
    idle = [at for at, made in enumerate(replay.updates, start=1) if not any(one.any() for one in made.values())]
    if idle:
        yield f"the port updates nothing in step {', '.join(map(str, idle))}"
    frozen = [
        name
        for name in replay.updates[0]
        if len(idle) < replay.steps
        and not any(made[name].any() for made in replay.updates)
        and any(one.get(name) is not None and np.any(one[name]) for one in replay.gradients)
    ]
    if frozen:
        more = f" and {len(frozen) - LISTED} more" if frozen[LISTED:] else ""
        yield f"the port does not update {', '.join(frozen[:LISTED])}{more}"


def _ratio(trial: Retraining, rules: Rules) -> Iterator[str]:
    """The first step's updates where they are one number times the reference's, in every entry."""
    made, port = trial.updates_by(rules)[0], trial.replay.updates[0]
    own = np.concatenate([made[name].ravel() for name in port]) if port else np.zeros(0)
    other = np.concatenate([port[name].ravel() for name in port]) if port else np.zeros(0)
    size = float(own @ own)
    factor = float(own @ other) / size if size else 0.0
    apart = float(np.linalg.norm(other - factor * own))
    if factor and abs(factor - 1) > UNSEEN and apart <= UNSEEN * float(np.linalg.norm(other)):
        yield f"in the first step the port's update is {number_words(factor)} times the reference's in every entry"
