"""The same multiply-adds on both sides, by one formula."""

from collections.abc import Sequence
from math import inf

from compare.frameworks.steps.step_operation import Operation
from compare.measure.bench.gates.observation import Observed

SAME = 0.01  # of the multiply-adds; a loss may be written with a product
HALF = 0.5  # what nothing needs: the gradient by the input of a single layer is as much


def multiply_adds(row: Observed) -> float:
    """In one training step: those that the loss or the next step needs, each counted once."""
    return _sum(row, [one for one in row.operations or () if not one.again])


def made_again(row: Observed) -> float:
    """Those of a training step that compute what has been computed, and that no compiler may leave out."""
    return _sum(row, [one for one in row.operations or () if one.kept_again])


def work(row: Observed, plain: Observed) -> str:
    """Products and convolutions of a step are as many as the plain step's, up to those that a side provably omits."""
    if row.operations is None or plain.operations is None or not countable(row) or not countable(plain):
        return ""
    own, expected = multiply_adds(row), multiply_adds(plain)
    if abs(own - expected) > SAME * max(own, expected):
        return (
            f"work: expected the {expected:,.0f} multiply-adds in products and convolutions that a step of "
            f"{plain.name} makes, got {own:,.0f}, {own / expected if expected else inf:.2f} times as many"
        )
    return _again(row, plain, own) or _again(plain, row, own) or _unneeded(row, plain, own)


def countable(row: Observed) -> bool:
    """Whether all its products are known: no kernel of its own, no loop of unknown length with products in it."""
    return not any(one.uncountable for one in row.operations or ())


def _again(one: Observed, other: Observed, whole: float) -> str:
    repeated, alike = made_again(one), _sum(other, [each for each in other.operations or () if each.again])
    if repeated <= SAME * whole or alike > SAME * whole:
        return ""
    return (
        f"work: expected a step that computes everything once, as {other.name} does, got {repeated:,.0f} of "
        f"{whole:,.0f} multiply-adds that {one.name} makes a second time"
    )


def _unneeded(row: Observed, plain: Observed, whole: float) -> str:
    for one in (row, plain):
        unneeded = sum(each.unneeded * each.times for each in one.operations or ()) / one.steps_per_call
        if unneeded > HALF * whole:
            return (
                f"work: expected a step of {whole:,.0f} multiply-adds, got {unneeded:,.0f} more in {one.name} whose "
                "results nothing needs, which a compiler leaves out"
            )
    return ""


def _sum(row: Observed, operations: Sequence[Operation]) -> float:
    return sum(one.multiply_adds * one.times for one in operations) / row.steps_per_call
