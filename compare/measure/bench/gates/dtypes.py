"""The same floating dtypes inside, operation by operation."""

import re
from collections import Counter

from compare.measure.bench.gates.observation import Observed
from compare.verdict.precision import FLOAT64, Precision

SHARE = 0.01  # of the multiply-adds
POLICY, TF32 = "jax_default_matmul_precision", "tensorfloat32"  # the process's own, as it was asked for
IN_TF32 = {"HIGH", "TF32_TF32_F32"}  # as JAX writes it at each product; torch writes it nowhere
LOW = re.compile(r"BF16|TF32|F16|F8|HIGH$|DEFAULT")  # DEFAULT is TF32 on a card


def dtypes(row: Observed, plain: Observed, precision: Precision) -> str:
    """Products at the plain step's precision; elsewhere none below it that the plain step knows nothing of, and no
    float64. What is between them is how JAX sums in bfloat16."""
    if row.operations is None or plain.operations is None:
        return ""
    own, expected = _shares(row), _shares(plain)
    for bits in sorted(own | expected):
        if abs(own[bits] - expected[bits]) > SHARE:
            return (
                f"dtypes: expected {expected[bits]:.0%} of the multiply-adds in {bits} bits, as in {plain.name}, "
                f"got {own[bits]:.0%}"
            )
    asked = {one.precision for one in row.operations} - {one.precision for one in plain.operations}
    known_low = IN_TF32 if row.modes and row.modes[0].get(POLICY) == TF32 else set()
    low = sorted(name for name in asked - known_low if LOW.search(name) and (row.on_card or name != "DEFAULT"))
    if low:
        return f"dtypes: expected products at full precision, as in {plain.name}, got some that ask for {low[0]}"
    named, known = _dtypes(row), _dtypes(plain)
    wide, narrow = _bits(FLOAT64.name), _bits(precision.name)
    for dtype in sorted(one for one in named.keys() ^ known.keys() if not narrow <= _bits(one) < wide):
        places, others = named[dtype], known[dtype]
        return (
            f"dtypes: expected the floating dtypes of {plain.name}, {', '.join(sorted(known))}, got {dtype} in "
            f"{places:,} operations of {row.name} and in {others:,} of {plain.name}"
        )
    return ""


def _shares(row: Observed) -> Counter[int]:
    """Of the multiply-adds, by the bits of the shortest dtype that a product reads or returns."""
    counts: Counter[int] = Counter()
    for one in row.operations or ():
        if one.multiply_adds and one.dtypes:
            counts[min(map(_bits, one.dtypes))] += one.multiply_adds * one.times
    return Counter({bits: count / counts.total() for bits, count in counts.items()})


def _dtypes(row: Observed) -> Counter[str]:
    """How many operations have each dtype; a single number is a setting."""
    return Counter(dtype for one in row.operations or () if one.size > 1 for dtype in one.dtypes)


def _bits(dtype: str) -> int:
    digits = re.search(r"\d+", dtype)
    return int(digits.group()) if digits else 0
