"""Why an update rule differs: the steps that were made apart from the model, handed to the doctor."""

from collections.abc import Collection

import numpy as np

from compare.arrays.probes import BASE
from compare.errors import swallowed
from compare.explain.doctor.diagnosis import Diagnosis
from compare.explain.doctor.updates.apart import StepsApart, diagnose_apart
from compare.explain.doctor.updates.recorded_steps import update_name
from compare.explain.explanation import Explanation, NamedCause
from compare.explain.locate.difference import UPDATE, Difference, relative_gap
from compare.pair.pair import Entering
from compare.sides.quartet import Quartet
from compare.sides.rule_inputs import RuleInputs
from compare.verdict.thresholds import RULE_AFTER, RULE_ASKED
from compare.verdict.verdict import Verdict, judge
from compare.verification.rule_report import UpdateRule
from compare.verification.rule_runs import RuleRuns


def steps_apart(runs: RuleRuns, inputs: RuleInputs, steps: int) -> StepsApart:
    """The port's float64 run of the first steps by parameter, and what of it is no match."""
    held = set(map(int, inputs.compared))
    whole = [name for name, place in inputs.places.items() if held.issuperset(range(place.start, place.stop))]
    ours = np.diff(runs.j64[: steps + 1], axis=0)
    differing, allowed = list[str](), list[dict[str, float]]()

    def size(step: int, place: slice) -> float:
        return float(np.linalg.norm(runs.exact.after[step + 1, place]))

    for step in range(steps):
        t, j, t64, j64 = runs.of_step(step)
        judged = {
            name: judge(t[place], j[place], t64[place], j64[place], runs.precision, size(step, place))
            for name, place in inputs.places.items()
            if name in whole
        }
        allowed.append({name: one.allowed for name, one in judged.items()})
        differing += [update_name(step + 1, name) for name, one in judged.items() if one.verdict is not Verdict.MATCH]

    def by_name(vector: np.ndarray, among: Collection[str]) -> dict[str, np.ndarray]:
        return {
            name: vector[inputs.places[name]].reshape(shape) for name, shape in inputs.shapes.items() if name in among
        }

    trained = [name for name in inputs.shapes if name not in inputs.frozen]
    return StepsApart(
        before=tuple(by_name(vector, inputs.shapes) for vector in runs.j64[:steps]),
        gradients=tuple(
            {name: given.get(name) for name in inputs.shapes}
            for given in (by_name(vector, trained) for vector in inputs.gradients[:steps])
        ),
        updates=tuple(by_name(vector, whole) for vector in ours),
        allowed=tuple(allowed),
        differing=differing,
    )


def explain_rule(quartet: Quartet, entering: Entering, rule: UpdateRule) -> Explanation:
    """Where the rule first differs and, where that is soon enough, why."""
    failing = [one for one in rule.quantities if one.verdict is not Verdict.MATCH]
    if not failing:
        return Explanation(None)
    first, diagnosis = failing[0].judgement, Diagnosis()
    if rule.runs and rule.inputs and rule.again and 0 < rule.differs <= RULE_ASKED:
        try:
            last = min(rule.differs + RULE_AFTER, rule.runs.steps)
            steps, again = steps_apart(rule.runs, rule.inputs, last), rule.again
            diagnosis = diagnose_apart(quartet, entering, steps, lambda: steps_apart(*again(last), last))
        except Exception as error:  # an optimizer that does not stand being tried
            swallowed(error)
    gap, allowed = relative_gap(first)
    where = Difference(
        UPDATE, "optimizer", "optimizer", failing[0].name, BASE, "training", gap, allowed,
        more=len(failing) - 1, reason=first.reason, scale=first.scale,
    )  # fmt: skip
    causes = tuple(NamedCause(cause, "optimizer", "optimizer") for cause in diagnosis.causes if cause.certain)
    return Explanation(where, causes, diagnosis.settings, diagnosis.observed, diagnosis.excluded)
