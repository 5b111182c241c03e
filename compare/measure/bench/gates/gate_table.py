"""All gates: what a row answers before it is timed. A row that one of them stops has its sentence, and no time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from compare.measure.bench.gates.dispatched import dispatched
from compare.measure.bench.gates.dtypes import dtypes
from compare.measure.bench.gates.elements import computed
from compare.measure.bench.gates.given import given
from compare.measure.bench.gates.gradient_error import at, draws, gradient_error
from compare.measure.bench.gates.host import RuleAlone, host, rule_alone
from compare.measure.bench.gates.inputs import inputs
from compare.measure.bench.gates.many_steps import many_steps, restarts
from compare.measure.bench.gates.observation import Observed, Rebuild
from compare.measure.bench.gates.settings import settings
from compare.measure.bench.gates.update_rule_of_row import update_rule
from compare.measure.bench.gates.waits import waits
from compare.measure.bench.gates.warm import warm
from compare.measure.bench.gates.work import countable, work
from compare.pair.prepared import Prepared
from compare.verdict.precision import FLOAT32, Precision


@dataclass(frozen=True)
class Yardstick:
    """What a row is held against.

    Attributes:
        plain: the reference's five beats, eager.
        rebuild: builds that plain step from other weights and batches.
        jit: the port's step as one jitted function, for the rows of JAX's side.
    """

    prepared: Prepared
    plain: Observed
    rebuild: Rebuild
    jit: Observed | None = None
    precision: Precision = FLOAT32

    @cached_property
    def rule(self) -> RuleAlone:
        """What the reference's optimizer does by itself."""
        training, entering = self.prepared.pair.training(), self.plain.entering
        return rule_alone(training.reference, entering.hyper, entering.weights) if training else RuleAlone()

    def of_side(self, row: Observed) -> Observed | None:
        """The plain step of the row's own framework."""
        return {"torch": self.plain, "jax": self.jit}.get(row.side)


Gate = Callable[[Observed, Yardstick], str]


def _beside_plain(gate: Callable[[Observed, Observed], str]) -> Gate:
    return lambda row, yard: gate(row, yard.plain)


def _operations(row: Observed, yard: Yardstick) -> str:
    return dispatched(row, yard.plain, yard.of_side(row))


def _gradient(row: Observed, yard: Yardstick) -> str:
    return gradient_error(draws(row, yard.rebuild, yard.precision), yard.precision)


def _rule(row: Observed, yard: Yardstick) -> str:
    training = yard.prepared.pair.training()
    if training is None or row.steps_per_call > 1 or not row.fresh:
        return ""
    batches = len(row.entering.batches)
    placed = [one for one in row.points if one.gradients and (not row.masked or one.steps % batches == 0)]
    eager = [at(row, point, yard.rebuild, yard.precision) for point in placed]
    frozen = yard.prepared.reference.frozen
    return update_rule(row, training.reference, frozen, eager, yard.precision)


def _many(row: Observed, yard: Yardstick) -> str:
    return many_steps(row, yard.plain, yard.precision)


GATES: dict[str, Gate] = {
    "inputs": _beside_plain(inputs),
    "settings": _beside_plain(settings),
    "dtypes": lambda row, yard: dtypes(row, yard.plain, yard.precision),
    "work": _beside_plain(work),
    "closed over": _beside_plain(given),
    "host": lambda row, yard: host(row, yard.plain, yard.rule),
    "operations": _operations,
    "elements": _beside_plain(computed),
    "compilations": _beside_plain(warm),
    "wait": _beside_plain(waits),
    "precision": _gradient,
    "update rule": _rule,
    "many steps": _many,
    "restart": _beside_plain(restarts),
}


SHOWN = ("host", "operations", "compilations")  # what a row that only explains is there to show
OF_EXPLAINING = tuple(name for name in GATES if name not in SHOWN)


def stopped_by(row: Observed, yard: Yardstick, gates: Sequence[str] = tuple(GATES)) -> dict[str, str]:
    """The gates that do not let ``row`` pass, each with its sentence; empty where it may be timed."""
    sentences = {name: GATES[name](row, yard) for name in gates}
    return {name: sentence for name, sentence in sentences.items() if sentence}


def marks(row: Observed) -> tuple[str, ...]:
    """What stands beside a row that is timed: it is no reason not to, and nobody may miss it."""
    said = []
    if row.breaks or row.graphs > 1:
        said.append(f"{row.graphs} graphs, {len(row.breaks)} graph break{'s' if len(row.breaks) != 1 else ''}")
    if row.operations is None:
        said.append("not looked into: no operation was counted")
    elif not countable(row):
        said.append("some products are inside kernels that nothing counts")
    if not row.fresh:
        said.append("its update rule was not looked at apart: it had stepped before")
    if row.masked:
        said.append("judged with given dropout masks, timed with its own generator")
    return tuple(said)
