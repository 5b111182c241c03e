"""What a step computes beside its products is needed, and is of the other side's order: counted in elements."""

from collections import Counter
from collections.abc import Iterable

from compare.frameworks.steps.step_operation import Operation
from compare.measure.bench.gates.observation import Observed

UNNEEDED = 0.1  # of the elements: honest steps have up to 0.01, a compiler leaves it out and eager cannot
SIDES = 32.0  # times the other side's, which are finer in a jaxpr: honest steps have 1.5 to 9.4
MOVED = ("dynamic_update_slice", "dynamic_slice", "scatter", "gather", "_values", "_indices")  # parts of an operand


def elements(row: Observed) -> float:
    """That operations other than products go over, in a training step."""
    return _sum(row.operations or ()) / row.steps_per_call


def computed(row: Observed, plain: Observed) -> str:
    """Operations whose results neither the loss nor the next step needs are few (a metric, an average of the weights,
    a copy for a log), and neither side goes over far more elements than the other."""
    if row.operations is None or plain.operations is None:
        return ""
    for one in (plain, row):
        useless = [each for each in one.operations or () if not each.needed and not each.multiply_adds]
        share = _sum(useless) / max(1, _sum(one.operations or ()))
        if share > UNNEEDED:
            names = ", ".join(name for name, _ in Counter(each.name for each in useless).most_common(3))
            return (
                f"elements: expected a step of {one.name} to compute what its loss and the next step need, got "
                f"{len(useless)} operations ({names}) on {share:.0%} of its elements that neither needs"
            )
    if row.side == plain.side:
        return ""
    own, expected = elements(row), elements(plain)
    for more, less, name, other in ((own, expected, row, plain), (expected, own, plain, row)):
        if more > SIDES * less:
            return (
                f"elements: expected a step of {name.name} to go over about the {less:,.0f} elements of {other.name}, "
                f"beside its products, got {more:,.0f}"
            )
    return ""


def _sum(operations: Iterable[Operation]) -> int:
    return sum(one.size * one.times for one in operations if not (one.is_product or one.name.startswith(MOVED)))
