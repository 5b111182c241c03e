"""The update rule, judged apart from the model: what never acts in a few training steps is seen here.

Both optimizers get the same gradients by step on small parameters, at the working precision and in float64. Gradients
go up and down in size, so that clips act; a schedule is followed as far as steps are cheap, and from there on compared
as a function of the step. The judge's rule is the ordinary one, by blocks of steps.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import chain

import numpy as np
import optax

from compare.arrays.probes import BASE
from compare.errors import swallowed
from compare.frameworks import devices
from compare.frameworks.blame import described
from compare.frameworks.optax_insides import UnreadError, stages_of
from compare.pair.fields import FieldError
from compare.pair.pair import Entering, Optimizers
from compare.sides.port import transformation_of
from compare.sides.quartet import Quartet
from compare.sides.reference_rule import Ahead, rates_ahead
from compare.sides.rule_inputs import RuleInputs, rule_inputs
from compare.verdict.quantity import Quantity, kind_of_quantity
from compare.verdict.thresholds import RULE_BLOCK, RULE_LEAST, RULE_SCHEDULE, RULE_STEPS, RULE_UNSCHEDULED, RULE_WORK
from compare.verdict.verdict import Judgement, Verdict
from compare.verification.rates import changes, is_scheduled, milestones, past_its_end
from compare.verification.rule_report import ON_RECORD, UpdateRule
from compare.verification.rule_runs import RULE, Judgements, RuleRuns, RuleSides, is_match
from compare.verification.rule_sizes import depends_on_size
from compare.verification.schedules import Beyond, compare_schedules

INSIDE = "float32 inside: an optimizer's own code"
UNEXPLAINED = ", by float32's size, and no float32 inside the optimizers explains it"
SIZES = "what {} does depends on the size of a parameter, and here parameters are small"
CURVED = "L-BFGS takes two gradients for a function's curvature, and those that it would be given here are of none"
PAST = "past step {:,}, where the reference's schedule has come to its end, it rises again and the port's does not"


def judge_update_rule(quartet: Quartet, entering: Entering, seed: int) -> UpdateRule | None:
    """Both optimizers of a pair on the same gradients; None for a pair without any.

    Where a side cannot be run apart from its model the rule says so, and has no quantities.
    """
    training = quartet.pair.training()
    if training is None:
        return None
    if quartet.on_record:
        return ON_RECORD
    try:
        return _Apart(_here(quartet), training, entering.hyper, seed).judged()
    except Exception as error:  # a training function of one's own, which wants its model
        swallowed(error)
        return UpdateRule(not_seen=(str(error) if isinstance(error, FieldError) else described(error),))


def first_steps_with(quartet: Quartet, entering: Entering, port_hyper: Mapping[str, float], seed: int) -> Judgements:
    """The judgement on the first block of steps, the port's made with other hyper-parameters than the reference's.

    Raises:
        Exception: whatever an optimizer raises.
    """
    training, here = quartet.pair.training(), _here(quartet)
    assert training is not None
    inputs = rule_inputs(here.prepared, here.precision, seed, RULE_BLOCK)
    return RuleSides(here, training, entering.hyper, inputs, port_hyper).plain().blocks(RULE_BLOCK)


def _here(quartet: Quartet) -> Quartet:
    """On the CPU, with nothing that was learnt of the model."""
    cpu = devices.choose("cpu")
    return replace(quartet, device=cpu, oracle=cpu, promoted=False, witness=None, sides={}, shapes={})


@dataclass(frozen=True)
class _Apart:
    quartet: Quartet
    training: Optimizers
    hyper: Mapping[str, float]
    seed: int

    @cached_property
    def port(self) -> optax.GradientTransformation:
        return transformation_of(self.training, self.hyper)

    @cached_property
    def ahead(self) -> Ahead:
        """What the reference's schedule would do: as far as it is cheap, where there is one."""
        inputs = self.first_step
        near = rates_ahead(self.training, inputs, self.hyper, RULE_STEPS)
        if near.complete and (near.scheduled or changes(near.rates) or is_scheduled(self.port)):
            return rates_ahead(self.training, inputs, self.hyper, RULE_SCHEDULE)
        return near

    @cached_property
    def first_step(self) -> RuleInputs:
        """Of one step alone: what parameters there are. To choose them, all of a large model is gone over."""
        return self._inputs(1)

    def _inputs(self, steps: int) -> RuleInputs:
        return rule_inputs(self.quartet.prepared, self.quartet.precision, self.seed, steps)

    def _affordable(self) -> int:
        """How many steps are run."""
        cheap = max(RULE_LEAST, RULE_WORK // max(1, len(self.quartet.prepared.reference.parameters)))
        still = self.ahead.complete and not (changes(self.ahead.rates) or is_scheduled(self.port))
        return min(cheap, RULE_UNSCHEDULED if still else RULE_STEPS)

    def judged(self) -> UpdateRule:
        if whose := depends_on_size(self.quartet.prepared, self.training, self.port, self.first_step, self.hyper):
            return UpdateRule(not_seen=(SIZES.format(whose),))
        if self.ahead.curved:
            return UpdateRule(not_seen=(CURVED,))
        sides = RuleSides(self.quartet, self.training, self.hyper, self._inputs(self._affordable()))
        plain = sides.plain()
        end = past_its_end(plain.exact.rates) if plain.exact.rates is not None else None
        runs, steps, judged = _most_exact(sides, plain, end)
        not_seen = [PAST.format(end)] if steps == end else []
        first, beyond = 0, Beyond()
        if is_match(judged):
            before = plain.blocks(steps)
            judged = {name: one if before[name] == one else replace(one, reason=INSIDE) for name, one in judged.items()}
            if steps == len(sides.inputs.gradients) and self.ahead.complete:
                names = [name for name in sides.inputs.shapes if name not in sides.inputs.frozen]
                beyond = compare_schedules(self.quartet, self.port, self.ahead, [*sides.inputs.shapes], names, steps)
        else:
            first = runs.first_apart(steps)
            judged = _told(judged, first, sides.inputs.owner(runs.farthest(first)))
        judged |= {f"{RULE}schedule": beyond.judgement} if beyond.judgement else {}
        clipped, idle = clips(self.port, sides.inputs.gradients[:steps], runs.exact.clipped[:steps])
        rates = None if runs.exact.rates is None else runs.exact.rates[:steps]
        return UpdateRule(
            tuple(Quantity(name, kind_of_quantity(name), BASE, one) for name, one in judged.items()),
            steps,
            clipped,
            milestones(rates) if rates is not None else (),
            (float(rates.min()), float(rates.max())) if rates is not None and changes(rates) else None,
            beyond.steps,
            first,
            (*not_seen, *beyond.not_seen, *idle),
            runs if first else None,
            sides.inputs if first else None,
            partial(self._again, runs is not plain) if first else None,
        )

    def _again(self, raised: bool, steps: int) -> tuple[RuleRuns, RuleInputs]:
        """The runs of so many steps on other parameters and gradients, ``raised``: by the most exact oracles."""
        inputs = rule_inputs(self.quartet.prepared, self.quartet.precision, self.seed + 1, steps)
        sides = RuleSides(self.quartet, self.training, self.hyper, inputs)
        runs = sides.plain()
        return [runs, *(sides.raised(runs) if raised else ())][-1], inputs


def _most_exact(sides: RuleSides, plain: RuleRuns, end: int | None) -> tuple[RuleRuns, int, dict[str, Judgement]]:
    """The first runs that match over all steps or to the end of a schedule, with their steps and judgements; where none
    does, those by the most exact oracles."""
    runs = plain
    for runs in chain([plain], sides.raised(plain)):
        for steps in (runs.steps, *([end] if end is not None and end < runs.steps else [])):
            if is_match(judged := runs.blocks(steps)):
                return runs, steps, judged
    return runs, runs.steps, runs.blocks(runs.steps)


def _told(judged: Judgements, first: int, parameter: str) -> dict[str, Judgement]:
    """With the first step that differs as the reason; what differs by float32's size is another function as well."""
    made = {}
    for name, one in judged.items():
        low = one.verdict is Verdict.FLOAT32_ONLY
        reason = f"the update rule differs from step {first:,} on, first in {parameter}{UNEXPLAINED if low else ''}"
        verdict = Verdict.MISMATCH if low else one.verdict
        made[name] = one if one.verdict is Verdict.MATCH else replace(one, verdict=verdict, reason=one.reason or reason)
    return made


def clips(port: object, gradients: np.ndarray, acted: np.ndarray) -> tuple[int, tuple[str, ...]]:
    """In how many steps a clip acted, on the reference or on the port as far as that is read; and one that never did.

    Args:
        gradients: by step, shape (steps, entries).
        acted: whether the reference's did, by step.
    """
    try:
        stages = [stage for stage in stages_of(port) if stage.name in LIMITS]
    except UnreadError:
        stages = []
    idle, acted = list[str](), acted.copy()
    for stage in stages:
        key, size = LIMITS[stage.name]
        over = size(gradients) > float(np.asarray(stage.given[key]))
        acted |= over
        idle += [] if over.any() else [f"{stage.name}, which never acted"]
    return int(np.count_nonzero(acted)), tuple(idle)


def _largest(gradients: np.ndarray) -> np.ndarray:
    return np.abs(gradients).max(1)


def _norm(gradients: np.ndarray) -> np.ndarray:
    return np.linalg.norm(gradients, axis=1)


# optax's clips: the argument with the limit, and what of a step's gradients it is held against.
LIMITS: Mapping[str, tuple[str, Callable[[np.ndarray], np.ndarray]]] = {
    "clip_by_global_norm": ("max_norm", _norm),
    "clip": ("max_delta", _largest),
}
