"""The four runs of an update rule, and the judgement on them by blocks of steps."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from compare.errors import swallowed
from compare.frameworks.islands.reference import promoted_torch
from compare.pair.pair import Optimizers
from compare.pair.prepared import Prepared
from compare.sides.port import PortSide
from compare.sides.port_rule import run_port_rule
from compare.sides.quartet import Quartet
from compare.sides.reference_rule import ReferenceRule, run_reference_rule
from compare.sides.rule_inputs import RuleInputs
from compare.verdict.precision import FLOAT64, Precision
from compare.verdict.quantity import RULE_KIND
from compare.verdict.thresholds import RULE_BLOCK
from compare.verdict.verdict import Judgement, Verdict, judge

RULE = f"{RULE_KIND}/"  # before the name of a quantity
Judgements = Mapping[str, Judgement]


@dataclass(frozen=True)
class RuleRuns:
    """Both sides at the working precision and in float64: parameters as they start and after each step.

    Attributes:
        t, j: at the working precision, shape (steps + 1, M); exact, j64: in float64.
        compared: the entries that both sides have.
    """

    t: np.ndarray
    j: np.ndarray
    exact: ReferenceRule
    j64: np.ndarray
    compared: np.ndarray
    precision: Precision

    @property
    def steps(self) -> int:
        """As many as all of them made."""
        return min(map(len, (self.t, self.j, self.exact.after, self.j64))) - 1

    def updates(self, start: int, stop: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Of the steps from ``start``, counted from 0: in the order in which the judge takes them."""

        def changes(run: np.ndarray) -> np.ndarray:
            return np.diff(run[start : stop + 1], axis=0)[:, self.compared]

        return changes(self.t), changes(self.j), changes(self.exact.after), changes(self.j64)

    def of_step(self, step: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """The updates of one step, counted from 0, of all entries: each of shape (M,)."""
        t, j, t64, j64 = (run[step + 1] - run[step] for run in (self.t, self.j, self.exact.after, self.j64))
        return t, j, t64, j64

    def blocks(self, steps: int) -> dict[str, Judgement]:
        """The judgement on each block of the first ``steps``, each as long as all before it."""
        judged, start, stop = dict[str, Judgement](), 0, RULE_BLOCK
        while start < steps:
            last = min(stop, steps)
            judged[f"{RULE}steps{start + 1}-{last}"] = self._judged(start, last)
            start, stop = stop, 2 * stop
        return judged

    def _judged(self, start: int, stop: int) -> Judgement:
        """Of some steps. An update is the difference of two parameters, each of which is rounded: where it is smaller
        than what that leaves, neither the errors nor its size say how large rounding is."""
        t, j, t64, j64 = self.updates(start, stop)
        size = float(np.linalg.norm(self.exact.after[start + 1 : stop + 1, self.compared]))
        return judge(t, j, t64, j64, self.precision, size)

    def first_apart(self, steps: int) -> int:
        """The first step that is no match by itself, from 1; the one with the largest gap, where each is one."""
        for step in range(steps):
            if self._judged(step, step + 1).verdict is not Verdict.MATCH:
                return step + 1
        _, _, t64, j64 = self.updates(0, steps)
        return int(np.argmax(np.linalg.norm(t64 - j64, axis=1))) + 1

    def farthest(self, step: int) -> int:
        """The entry that is farthest apart after a step, counted from 1."""
        _, _, t64, j64 = self.updates(step - 1, step)
        return int(self.compared[int(np.argmax(np.abs(t64 - j64)[0]))])


def is_match(judged: Judgements) -> bool:
    """Whether every block is a match."""
    return all(one.verdict is Verdict.MATCH for one in judged.values())


@dataclass(frozen=True)
class RuleSides:
    """Both optimizers of a pair, ready to be run on the same inputs: on the CPU, where a few small arrays belong.

    Attributes:
        port_hyper: of the port's optimizer, where they are not the reference's: a mutant's.
    """

    quartet: Quartet
    training: Optimizers
    hyper: Mapping[str, float]
    inputs: RuleInputs
    port_hyper: Mapping[str, float] | None = None

    @property
    def prepared(self) -> Prepared:
        return self.quartet.prepared

    def plain(self) -> RuleRuns:
        """The four runs.

        Raises:
            Exception: whatever an optimizer raises that cannot be run apart from its model.
        """
        precision = self.quartet.precision
        return RuleRuns(
            self._reference(precision).after,
            self._port(precision),
            self._reference(FLOAT64),
            self._port(FLOAT64),
            self.inputs.compared,
            precision,
        )

    def raised(self, runs: RuleRuns) -> Iterator[RuleRuns]:
        """The same with promoted oracles: the port's, whose schedules compute in float32 in optax itself; then also the
        reference's, where its optimizer makes anything of a lower precision."""
        try:
            yield (runs := replace(runs, j64=self._port(FLOAT64, promoted=True)))
            if self._lowers():
                yield replace(runs, exact=self._reference(FLOAT64, promoted=True))
        except Exception as error:
            swallowed(error)

    def _lowers(self) -> bool:
        """Whether the reference's optimizer asks for a lower precision in its first steps."""
        with promoted_torch() as seen:
            run_reference_rule(self.training, self.inputs.of_steps(RULE_BLOCK), self.hyper, FLOAT64)
        return bool(list(seen))

    def _reference(self, precision: Precision, promoted: bool = False) -> ReferenceRule:
        return run_reference_rule(self.training, self.inputs, self.hyper, precision, promoted)

    def _port(self, precision: Precision, promoted: bool = False) -> np.ndarray:
        side = PortSide(self.prepared, precision, self.quartet.device.jax, promoted=promoted)
        return run_port_rule(side, self.inputs, self.hyper if self.port_hyper is None else self.port_hyper)
