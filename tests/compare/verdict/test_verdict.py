"""The judge: its four words, its numbers, and what it leaves out."""

from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from compare.verdict.precision import BFLOAT16, FLOAT16, FLOAT32, PRECISIONS
from compare.verdict.verdict import MARGIN, PASSED, Verdict, effective_bits, fails, judge, worst

SIZES = st.integers(1, 300)
SEEDS = st.integers(0, 1 << 30)


def sound(seed: int, size: int, gap: float = 0.0, scale: float = 1.0):
    """Four runs of a quantity: float32 rounding at p, a relative ``gap`` between the oracles."""
    rng = np.random.default_rng(seed)
    t64 = scale * rng.standard_normal(size)
    j64 = t64 + gap * np.linalg.norm(t64) / np.sqrt(size) * rng.choice([-1, 1], size)
    return t64.astype(np.float32), j64.astype(np.float32), t64, j64


@given(SEEDS, SIZES, st.floats(-12, 12))
def test_rounding_is_a_match_at_every_scale(seed, size, exponent):
    """A gap of float64's own rounding is a match, whatever the unit."""
    assert judge(*sound(seed, size, gap=2**-53, scale=10**exponent), FLOAT32).verdict is Verdict.MATCH


@given(SEEDS, SIZES)
def test_a_difference_above_rounding_is_a_mismatch(seed, size):
    """A relative difference of 1e-5 in float64 is another function, however well float32 hides it."""
    assert judge(*sound(seed, size, gap=1e-5), FLOAT32).verdict is Verdict.MISMATCH


@given(SEEDS, st.integers(30, 300))
def test_a_difference_below_single_precision_is_float32_only(seed, size):
    """A constant that differs below float32's rounding: the same to float32, not in float64."""
    assert judge(*sound(seed, size, gap=1e-9), FLOAT32).verdict is Verdict.FLOAT32_ONLY


def test_complex_numbers_are_judged_as_their_parts():
    """Every number of the judgement is that of the parts, laid beside each other."""
    t, j, t64, j64 = sound(3, 1000, gap=1e-9)
    runs = [array.view(np.complex64 if array.dtype == np.float32 else np.complex128) for array in (t, j, t64, j64)]
    own, of_parts = (asdict(judge(*four, FLOAT32)) for four in (runs, (t, j, t64, j64)))
    entry, other = own.pop("worst"), of_parts.pop("worst")
    assert own == of_parts
    (at,) = entry["index"]
    assert (entry["reference"], entry["port"]) == (runs[2][at], runs[3][at])
    assert abs(runs[2][at] - runs[3][at]) >= abs(other["reference"] - other["port"])


@pytest.mark.parametrize(
    "change",
    [np.conj, lambda z: z.real + 0j, lambda z: z * np.exp(1e-8j), lambda z: 1j * z],
    ids=["conjugate", "without imaginary parts", "turned by 1e-8", "times i"],
)
def test_what_is_done_to_one_part_alone_is_a_difference(change):
    rng = np.random.default_rng(0)
    t64 = rng.standard_normal((5, 4)) + 1j * rng.standard_normal((5, 4))
    runs = (t64.astype(np.complex64), change(t64).astype(np.complex64), t64, change(t64))
    assert judge(*runs, FLOAT32).verdict in (Verdict.MISMATCH, Verdict.FLOAT32_ONLY)
    assert judge(*runs, FLOAT32).verdict is Verdict.MISMATCH or np.abs(change(1j) - 1j) < 1e-7
    assert judge(runs[0], runs[0], t64, t64, FLOAT32).verdict is Verdict.MATCH


def test_nan_in_one_part_must_be_in_that_part():
    """Equal to itself, and not to NaN in the other part, nor in both; said with the entry."""
    z = np.array([[1 + 2j, 3 - 1j]])
    one, other, both = z.copy(), z.copy(), z.copy()
    one[0, 1], other[0, 1], both[0, 1] = complex(np.nan, -1), complex(3, np.nan), complex(np.nan, np.nan)
    same = judge(one, one, one, one, FLOAT32)
    assert (same.verdict, same.nonfinite, same.entries) == (Verdict.MATCH, 1, 3)
    for wrong in (other, both, z):
        judged = judge(one, wrong, one, wrong, FLOAT32)
        assert judged.verdict is Verdict.INVALID
        assert judged.worst.index == (0, 1)
        assert "first at [0, 1]: nan-1j in the reference" in judged.reason


def test_a_fill_in_the_real_parts_hides_nothing_of_the_others():
    rng = np.random.default_rng(0)
    t64 = rng.standard_normal(64) + 1j * rng.standard_normal(64)
    t64[:4] = -1e9
    j64 = t64.real + 1j * t64.imag * (1 + 1e-6)
    judged = judge(t64.astype(np.complex64), j64.astype(np.complex64), t64, j64, FLOAT32)
    assert (judged.verdict, judged.fills, judged.entries) == (Verdict.MISMATCH, 4, 124)


@pytest.mark.parametrize(("t", "j"), [(1j, 1.0), (1.0, 1j), (1j, 1)], ids=str)
def test_complex_against_real_is_invalid(t, j):
    arrays = [np.full(3, one) for one in (t, j, t, j)]
    judged = judge(*arrays, FLOAT32)
    assert judged.verdict is Verdict.INVALID
    assert "complex in the" in judged.reason


def test_the_allowed_gap_is_the_formula():
    """allowed = 2**10 max(e_t, e_j, s u_p) u_64 / u_p, computed here from scratch."""
    t, j, t64, j64 = sound(1, 1000, gap=1e-14)
    one = judge(t, j, t64, j64, FLOAT32)
    e_t, e_j, s = np.linalg.norm(t - t64), np.linalg.norm(j - j64), np.linalg.norm(t64)
    assert one.error_reference == pytest.approx(e_t, rel=1e-12)
    assert one.error_port == pytest.approx(e_j, rel=1e-12)
    assert one.scale == pytest.approx(s, rel=1e-12)
    assert one.gap == pytest.approx(np.linalg.norm(t64 - j64), rel=1e-12)
    assert one.allowed == pytest.approx(2**10 * max(e_t, e_j, s * 2**-24) * 2**-29, rel=1e-12)
    assert one.quiet == pytest.approx(max(min(e_t, e_j), s * 2**-24), rel=1e-12)
    assert one.detection_limit == pytest.approx(one.allowed / s, rel=1e-12)


def test_quiet_takes_the_smaller_error():
    """A port in TF32 does not hide another function behind its own noise."""
    t, _, t64, _ = sound(0, 1000)
    j64 = t64 * (1 + 1e-6)
    j = (j64 * (1 + 1e-3 * np.random.default_rng(1).standard_normal(1000))).astype(np.float32)
    assert judge(t, j, t64, j64, FLOAT32).verdict is Verdict.MISMATCH


def test_quiet_never_exceeds_single_precision():
    """At bfloat16 the noise allowed to float32_only is still that of float32."""
    t64 = np.random.default_rng(0).standard_normal(1000)
    coarse = (t64 * (1 + 2.0**-9)).astype(np.float32)
    assert judge(coarse, coarse, t64, t64 * (1 + 2.0**-12), BFLOAT16).verdict is Verdict.MISMATCH


@pytest.mark.parametrize("precision", PRECISIONS.values(), ids=PRECISIONS)
def test_zero_on_paper_is_a_match(precision):
    """A gradient that is rounding noise on both sides has its own noise as its tolerance."""
    rng = np.random.default_rng(0)
    t, j = (precision.unit_roundoff * rng.standard_normal(50) for _ in range(2))
    t64, j64 = (2.0**-53 * rng.standard_normal(50) for _ in range(2))
    assert judge(t, j, t64, j64, precision).verdict is Verdict.MATCH


def test_exact_zeros_match_only_exact_zeros():
    """Where nothing rounds nothing is allowed."""
    zero = np.zeros(5)
    assert judge(zero, zero, zero, zero, FLOAT32).verdict is Verdict.MATCH
    assert judge(zero, zero, zero, np.full(5, 1e-12), FLOAT32).verdict is Verdict.MISMATCH


@pytest.mark.parametrize(("left", "right"), [(np.nan, 1.0), (np.inf, 1.0), (np.inf, -np.inf), (np.nan, np.inf)])
@pytest.mark.parametrize("where", ["working", "float64"])
def test_non_finite_values_in_different_places_are_invalid(left, right, where):
    """NaN or infinity on one side only, or of another sign, names the entry."""
    t, j, t64, j64 = sound(0, 20)
    (t if where == "working" else t64)[7] = left
    (j if where == "working" else j64)[7] = right
    one = judge(t, j, t64, j64, FLOAT32)
    assert one.verdict is Verdict.INVALID
    assert where in one.reason
    assert one.worst is not None
    assert one.worst.index == (7,)
    np.testing.assert_equal([one.worst.reference, one.worst.port], [left, right])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_the_same_non_finite_value_in_the_same_place_is_left_out(value):
    """NaN equals NaN in its place, infinity equals infinity, and both are counted."""
    runs = sound(0, 20)
    for run in runs:
        run[3] = value
    one = judge(*runs, FLOAT32)
    assert (one.verdict, one.nonfinite, one.entries) == (Verdict.MATCH, 1, 19)


def test_overflow_at_the_working_precision_leaves_the_entry_out():
    """Both sides overflow where the oracles do not: no disagreement, and no infinite norm."""
    runs = sound(0, 20)
    runs[2][4] = runs[3][4] = 1e39
    runs[0][4] = runs[1][4] = np.inf
    one = judge(*runs, FLOAT32)
    assert (one.verdict, one.nonfinite) == (Verdict.MATCH, 1)


def test_a_difference_beyond_the_working_range_is_a_difference():
    """Where float32 overflows on both sides the oracles still say that these are two functions."""
    t, j, t64, j64 = sound(0, 20)
    t[:5], j[:5] = np.inf, np.inf
    t64[:5], j64[:5] = 1e40, 3e40
    assert judge(t, j, t64, j64, FLOAT32).verdict is Verdict.MISMATCH
    j64[:5] = 1e40
    assert judge(t, j, t64, j64, FLOAT32).verdict is Verdict.MATCH


def test_what_float32_cannot_hold_at_all_is_left_out():
    """A gradient near 1e-170 is 0 in float32 on both sides; its gap has no error to be measured by."""
    t64 = 1e-170 * np.random.default_rng(0).standard_normal(10)
    zero = np.zeros(10, np.float32)
    one = judge(zero, zero, t64, t64 * (1 + 1e-9), FLOAT32)
    assert (one.verdict, one.flushed, one.entries) == (Verdict.MATCH, 10, 0)


def test_oracles_alone_are_not_a_match():
    """Where the working precision holds no number at all nothing was compared, whatever the oracles say."""
    x, nan = np.arange(1.0, 5.0), np.full(4, np.nan)
    for port_64 in (x, 2 * x):
        assert judge(nan, nan, x, port_64, FLOAT32).verdict is Verdict.INCOMPLETE
    assert judge(nan, nan, nan, nan, FLOAT32).verdict is Verdict.INCOMPLETE
    some = np.where(x > 2, np.nan, x)
    assert judge(some, some, some, some, FLOAT32).verdict is Verdict.MATCH


def test_a_difference_that_overflows_is_infinite():
    """Two finite numbers can be further apart than float64 reaches."""
    t64, j64 = np.array([1.5e308, 1.0]), np.array([-1.5e308, 1.0])
    one = judge(np.ones(2), np.ones(2), t64, j64, FLOAT32)
    assert one.verdict is not Verdict.MATCH
    assert one.gap == np.inf


@pytest.mark.parametrize("fill", [-1e9, 3e38, float(np.finfo(np.float32).min)])
def test_fills_do_not_blind_the_judge(fill):
    """With a column of fills, a difference of 1e-5 in the rest is still a mismatch."""
    runs = [run.reshape(20, 5) for run in sound(0, 100, gap=1e-5)]
    for run in runs:
        run[:, 2] = fill
    one = judge(*runs, FLOAT32)
    assert (one.verdict, one.fills, one.entries) == (Verdict.MISMATCH, 20, 80)


def test_a_huge_entry_that_differs_is_no_fill():
    """Only entries that are bit-equal in both oracles are left out."""
    t, j, t64, j64 = sound(0, 100)
    t[0] = t64[0] = j[0] = 1e6
    j64[0] = 1e6 * (1 + 1e-6)
    assert judge(t, j, t64, j64, FLOAT32).verdict is Verdict.MISMATCH


def test_flushed_entries_cost_no_bits():
    """JAX flushes subnormals to zero on the CPU and torch does not: counted, and no precision lost."""
    t64 = 1e-41 * np.random.default_rng(0).standard_normal(50)
    one = judge(t64.astype(np.float32), np.zeros(50, np.float32), t64, t64, FLOAT32)
    assert (one.verdict, one.flushed) == (Verdict.MATCH, 50)
    assert one.bits_reference == one.bits_port == FLOAT32.bits


def test_noise_around_a_tiny_oracle_is_not_flushed():
    """Where the working precision holds normal numbers, they are its error, however small the oracle is."""
    t64 = 1e-41 * np.random.default_rng(0).standard_normal(50)
    noise = np.full(50, 1e-8, np.float32)
    one = judge(noise, noise, t64, t64, FLOAT32)
    assert (one.flushed, one.bits_reference) == (0, 0)


def test_shapes_and_kinds_must_agree():
    """A shape, or an integer against a float, is no number to compare."""
    one = judge(np.ones((2, 3)), np.ones((3, 2)), np.ones((2, 3)), np.ones((3, 2)), FLOAT32)
    assert (one.verdict, one.reason) == (Verdict.INVALID, "shape (2, 3) in the reference, (3, 2) in the port")
    assert judge(np.ones(2), np.ones(2, int), np.ones(2), np.ones(2, int), FLOAT32).verdict is Verdict.INVALID


def test_integers_are_judged_in_float64():
    """An argmax that flips at float32 on a near-tie is a notice; one that flips in float64 is a mismatch."""
    a, b = np.array([1, 2, 3]), np.array([1, 2, 4])
    assert judge(a, a, a, a, FLOAT32).verdict is Verdict.MATCH
    near_tie = judge(a, b, a, a, FLOAT32)
    assert near_tie.verdict is Verdict.MATCH
    assert "near-ties" in near_tie.reason
    flipped = judge(a, a, a, b, FLOAT32)
    assert flipped.verdict is Verdict.MISMATCH
    assert flipped.worst is not None
    assert flipped.worst.index == (2,)


def test_the_worst_entry_is_named():
    """Its index and both values."""
    t, j, t64, j64 = (run.reshape(4, 5) for run in sound(0, 20))
    j64[2, 3] += 1
    one = judge(t, j, t64, j64, FLOAT32)
    assert one.worst is not None
    assert (one.worst.index, one.worst.port - one.worst.reference) == ((2, 3), pytest.approx(1))


def test_an_empty_quantity_is_a_match():
    """No entry, no difference."""
    empty = np.zeros((0, 3))
    assert judge(empty, empty, empty, empty, FLOAT32).verdict is Verdict.MATCH


@given(hnp.arrays(np.float32, st.integers(0, 40), elements=st.floats(width=32)), SEEDS)
def test_any_array_matches_itself_and_nothing_breaks(at_p, seed):
    """Whatever is in it; and the judgement is the same for every order of its entries, but for rounding."""
    array = at_p.astype(np.float64)
    one = judge(at_p, at_p, array, array, FLOAT32)
    assert one.verdict is (Verdict.MATCH if np.isfinite(array).any() or not array.size else Verdict.INCOMPLETE)
    order = np.random.default_rng(seed).permutation(array.size)
    shuffled = judge(at_p[order], at_p[order], array[order], array[order], FLOAT32)
    for key in ("fills", "flushed", "nonfinite", "entries", "verdict"):
        assert asdict(one)[key] == asdict(shuffled)[key]
    assert shuffled.scale == pytest.approx(one.scale, rel=1e-9)


def test_verdicts_are_ordered_from_best_to_worst():
    """A pair's verdict is its worst quantity's; nothing compared is incomplete."""
    order = [Verdict.MATCH, Verdict.FLOAT32_ONLY, Verdict.INCOMPLETE, Verdict.MISMATCH, Verdict.INVALID]
    assert sorted(order, key=lambda verdict: verdict.severity) == order
    assert worst([Verdict.MATCH, Verdict.MISMATCH, Verdict.FLOAT32_ONLY]) is Verdict.MISMATCH
    assert worst([]) is Verdict.INCOMPLETE


def test_effective_bits_are_clipped_to_the_format():
    """Half of the bits for an error of 2**-12; never more than the format has, never fewer than none."""
    assert effective_bits(2.0**-12, 1.0, FLOAT32) == 12
    assert effective_bits(0.0, 1.0, FLOAT32) == effective_bits(1e-30, 1.0, FLOAT32) == 24
    assert effective_bits(2.0, 1.0, FLOAT32) == effective_bits(1.0, 0.0, FLOAT16) == 0


def test_the_margin_is_the_designs():
    """Loosening it is a decision, not an edit."""
    assert MARGIN == 1024


@pytest.mark.parametrize("verdict", Verdict)
def test_what_fails_is_said_once_for_reports_and_forms(verdict):
    """Of the word as of the verdict; strictly, anything but a match that nothing speaks against."""
    assert fails(verdict, flagged=True, toothless=True) is (verdict not in PASSED)
    assert fails(str(verdict), flagged=False, toothless=False, strict=True) is (verdict != "match")
    assert fails(verdict, flagged=True, toothless=False, strict=True)
    assert fails(verdict, flagged=False, toothless=True, strict=True)
    assert fails(verdict, flagged=False, toothless=False, strict=True, lowered=True)
    assert fails(verdict, flagged=False, toothless=False, lowered=True) is (verdict not in PASSED)
