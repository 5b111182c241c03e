"""Dtypes of two steps, operation by operation."""

import pytest

from compare.frameworks.steps.step_operation import Operation
from compare.measure.bench.gates import dtypes as gate
from compare.verdict.precision import BFLOAT16, FLOAT32
from tests.compare.measure.bench.gates.made_up import observed, product


def dtypes(row, plain, precision=FLOAT32):
    return gate.dtypes(row, plain, precision)


PLAIN = observed("torch eager", operations=(product(), Operation("relu", frozenset({"float32"}), size=64)))
MIXED = observed("torch eager", operations=(product(dtypes=frozenset({"bfloat16"})), *PLAIN.operations))


def row(*operations, **known):
    return observed(operations=operations, **known)


def test_the_same_dtypes_pass():
    """In other operations; a single number is a setting."""
    number = Operation("mul", frozenset({"float64"}), size=1)
    assert dtypes(row(product(7), number), PLAIN) == ""
    assert dtypes(row(*MIXED.operations), MIXED) == ""
    assert dtypes(observed(operations=None), PLAIN) == ""


def test_a_product_at_another_precision_is_told_by_its_share():
    """Of the multiply-adds, also where both know the dtype."""
    low = row(product(75, dtypes=frozenset({"float32", "bfloat16"})), product(25))
    assert "expected 0% of the multiply-adds in 16 bits, as in torch eager, got 75%" in dtypes(low, PLAIN)
    assert "expected 50%" in dtypes(row(product(3, dtypes=frozenset({"bfloat16"})), product(1)), MIXED)


def test_another_dtype_elsewhere_is_told_with_its_operations():
    """On either side: a detour costs."""
    detour = row(product(), Operation("add", frozenset({"float32", "float64"}), size=64))
    assert "float64 in 1 operations of row and in 0 of torch eager" in dtypes(detour, PLAIN)
    assert "float64 in 0 operations of row and in 1 of torch eager" in dtypes(
        row(product()), observed("torch eager", operations=detour.operations)
    )


@pytest.mark.parametrize("asked", ["BF16_BF16_F32", "TF32_TF32_F32", "HIGH"])
def test_a_product_that_asks_for_less_is_told(asked):
    """Though float32 goes in and comes out."""
    assert asked in dtypes(row(product(precision=asked)), PLAIN)
    assert dtypes(row(product(precision="HIGHEST")), PLAIN) == ""


@pytest.mark.parametrize("asked", ["TF32_TF32_F32", "HIGH"])
def test_where_tf32_was_asked_for_it_is_no_less(asked):
    """By the process's own setting, which both sides follow; bfloat16 is less all the same."""
    modes = ({gate.POLICY: gate.TF32},) * 4
    assert dtypes(row(product(precision=asked), modes=modes), PLAIN) == ""
    assert "BF16" in dtypes(row(product(precision="BF16_BF16_F32"), modes=modes), PLAIN)


def test_the_default_is_less_on_a_card_alone():
    """TF32 there, float32 on a CPU."""
    asks = product(precision="DEFAULT")
    assert dtypes(row(asks), PLAIN) == ""
    assert "DEFAULT" in dtypes(row(asks, on_card=True), PLAIN)


def test_sums_of_bfloat16_in_float32_are_jaxs_own_way():
    """In a run at bfloat16 alone; a float64 is still a detour."""
    low = observed("torch eager", operations=(product(dtypes=frozenset({"bfloat16"})),))
    sums = row(*low.operations, Operation("reduce_sum", frozenset({"bfloat16", "float32"}), size=64))
    assert dtypes(sums, low, BFLOAT16) == ""
    detour = row(*low.operations, Operation("add", frozenset({"float64"}), size=64))
    assert "float64 in 1 operations" in dtypes(detour, low, BFLOAT16)
