"""Where a model cannot run in float64: judged by how far each side deviates on what enters nearby."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from jax import lax

from compare.arrays.batch import Batch
from compare.pair.prepare import prepare
from compare.sides.nearby import nudged, without_oracle
from compare.verdict.precision import FLOAT32
from compare.verdict.verdict import Verdict
from tests.compare.sides.judged import judge, together, verdicts
from tests.compare.small import X, loose_pair

USERS_MODELS = True


def picky(p, x):
    """A torch model that cannot run in float64."""
    assert x.dtype == torch.float32, "float32 is expected"
    return torch.tanh(x * p["w"])


def test_without_an_oracle_the_best_verdict_is_float32_only(cpu):
    """Judged at the working precision by re-runs nearby, with the reason and the model's own words."""
    judged = judge(cpu, loose_pair(picky, lambda p, x: jnp.tanh(x * p["w"])))
    found = judged.judgements
    assert verdicts(found) == {Verdict.FLOAT32_ONLY}
    for one in found.values():
        assert one.reason.startswith("no_oracle: the reference raised AssertionError: float32 is expected")
        assert 0 < one.error_reference < 1e-5
    assert judged.oracles is None


@pytest.mark.parametrize(
    "port",
    [
        lambda p, x: jnp.tanh(x * p["w"]) * 1.00001,
        lambda p, x: jnp.tanh(x * p["w"] + 1e-5),
        lambda p, x: x * p["w"],
    ],
    ids=["scaled", "shifted", "no tanh"],
)
def test_without_an_oracle_a_wrong_port_is_a_mismatch(port, cpu):
    """1e-5 is far above what rounding explains."""
    found = judge(cpu, loose_pair(picky, port)).judgements
    assert found["output"].verdict is Verdict.MISMATCH


def test_a_port_that_cannot_run_in_float64_has_no_oracle_either(cpu):
    """Whichever side it is."""

    def port(p, x):
        if x.dtype != jnp.float32:
            raise TypeError("float32 is expected")
        return jnp.tanh(x * p["w"])

    judged = judge(cpu, loose_pair(lambda p, x: torch.tanh(x * p["w"]), port))
    assert verdicts(judged.judgements) == {Verdict.FLOAT32_ONLY}
    assert judged.no_oracle.startswith("the port raised TypeError: float32 is expected (")


def test_without_an_oracle_a_quantity_of_one_side_is_invalid(cpu):
    """Named with its owner, as ever."""
    found = judge(cpu, loose_pair(picky, lambda p, x: (jnp.tanh(x * p["w"]), x))).judgements
    assert found["output"].reason == "only the reference has it"
    assert found["output/1"].reason == "only the port has it"


def nan(p, x):
    assert x.dtype == torch.float32, "float32 is expected"
    return torch.log(-1 - (x * p["w"]) ** 2)


def test_without_an_oracle_nothing_compared_is_no_pass(cpu):
    """Both give NaN alone: there is nothing to hold against anything."""
    found = judge(cpu, loose_pair(nan, lambda p, x: jnp.log(-1 - (x * p["w"]) ** 2))).judgements
    assert found["output"].verdict is Verdict.INCOMPLETE
    assert found["output"].reason.startswith("no entry is finite")


def whole(p, x):
    assert x.dtype == torch.float32, "float32 is expected"
    return torch.round(x * p["w"]).long()


def test_without_an_oracle_integers_are_not_floats(cpu):
    """Equal values of another kind are another structure, as they are with oracles."""
    found = judge(cpu, loose_pair(whole, lambda p, x: jnp.round(x * p["w"]))).judgements
    assert (found["output"].verdict, found["output"].reason) == (
        Verdict.INVALID,
        "exact in the reference, inexact in the port",
    )


def at_the_edge(p, x):
    assert x.dtype == torch.float32, "float32 is expected"
    if x.max() > 1:
        raise ValueError("probabilities are expected")
    return torch.tanh(x * p["w"])


def test_a_re_run_beyond_the_models_domain_is_left_out(cpu):
    """1 is allowed, the next number is not: half of the re-runs tell what there is to tell."""
    edge = np.linspace(0, 1, 24, dtype=np.float32).reshape(6, 4)
    found = judge(cpu, loose_pair(at_the_edge, lambda p, x: jnp.tanh(x * p["w"]), edge)).judgements
    assert verdicts(found) == {Verdict.FLOAT32_ONLY}
    assert 0 < found["output"].error_reference < 1e-5


def test_where_no_re_run_stands_nothing_was_compared(cpu):
    """How large rounding is, is then not known: neither a pass nor an accusation."""
    ones = np.ones((6, 4), np.float32)
    found = judge(cpu, loose_pair(at_the_edge, lambda p, x: jnp.tanh(x * p["w"]), ones)).judgements
    assert verdicts(found) == {Verdict.INCOMPLETE}
    assert "probabilities are expected" in found["output"].reason


def test_inputs_are_nudged_by_one_unit_in_the_last_place():
    """Every float by at most one ulp; integers never; without floats the weights."""
    ready = prepare(loose_pair(lambda p, x, n: x, lambda p, x, n: x, (X, np.arange(6))))
    entering = ready.enter(0, 1).at(FLOAT32)
    near = nudged(entering, np.random.default_rng(0), FLOAT32)
    before, after = entering.batches[0].inputs, near.batches[0].inputs
    ulps = np.abs(after["input0"].view(np.int32) - before["input0"].view(np.int32))
    assert ulps.max() <= 2
    assert ulps.mean() > 0.5
    np.testing.assert_array_equal(after["input1"], before["input1"])
    np.testing.assert_array_equal(near.weights["w"], entering.weights["w"])
    ids = replace(entering, batches=(Batch.of(np.arange(6)),))
    moved = nudged(ids, np.random.default_rng(0), FLOAT32).weights["w"]
    assert 0 < np.abs(moved - entering.weights["w"]).max() < 1e-6


def only32(x):
    if x.dtype != jnp.float32:
        raise TypeError("this kernel is for float32")
    return x


def summed(p, x):
    return torch.tanh(x * p["w"]) + 1


@jax.custom_vjp
def shifted(w, x):
    return only32(x) + w


def row_by_row(x, g):
    """The gradient of w: one row after the other, as a loop adds them."""
    return lax.scan(lambda carry, row: (carry + row, None), jnp.zeros(4, jnp.float32), g)[0], g


shifted.defvjp(lambda w, x: (shifted(w, x), x), row_by_row)


@pytest.mark.parametrize("rows", [8, 512, 16384])
def test_the_rounding_of_a_sum_over_rows_is_seen(rows, cpu):
    """A gradient that no input enters, since it adds the cotangents: no re-run nearby moves it. It is rounded as often
    as there are rows, and says so itself in float64."""
    x = np.random.default_rng(1).standard_normal((rows, 4)).astype(np.float32)
    found = judge(cpu, loose_pair(lambda p, x: x + p["w"], lambda p, x: shifted(p["w"], x), x)).judgements
    assert verdicts(found) == {Verdict.FLOAT32_ONLY}
    one = found["grad/w"]
    if rows == 16384:  # four units of its size, which is what the re-runs leave, are not enough
        assert one.gap > 4 * FLOAT32.unit_roundoff * one.scale
    assert one.allowed <= 4 * max(one.error_reference, one.error_port, FLOAT32.unit_roundoff * one.scale) * 1.001
    assert one.detection_limit < 1e-3


def test_a_sum_over_rows_that_lacks_one_is_seen(cpu):
    """The error that is allowed for the loop's rounding is far below what a row adds."""

    def lacking(p, x):
        return shifted(p["w"], x).at[3].set(x[3] + lax.stop_gradient(p["w"]))

    x = np.random.default_rng(1).standard_normal((16384, 4)).astype(np.float32)
    found = judge(cpu, loose_pair(lambda p, x: x + p["w"], lacking, x)).judgements
    assert found["output"].verdict is Verdict.FLOAT32_ONLY
    assert found["grad/w"].verdict is Verdict.MISMATCH


FAULTS = {
    "factor": lambda p, x: jnp.tanh(only32(x) * p["w"]) * 1.00001 + 1,
    "one row": lambda p, x: (jnp.tanh(only32(x) * p["w"]) + 1).at[3].multiply(1.00003),
    "bias": lambda p, x: jnp.tanh(only32(x) * p["w"] + 1e-5) + 1,
    "bfloat16": lambda p, x: jnp.tanh((only32(x) * p["w"]).astype(jnp.bfloat16).astype(jnp.float32)) + 1,
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_in_a_port_for_float32_is_seen(name, cpu):
    """1e-5 of the output at 512 rows, and a cast to bfloat16, which is no rounding of float32's."""
    x = np.random.default_rng(1).standard_normal((512, 4)).astype(np.float32)
    sound = judge(cpu, loose_pair(summed, lambda p, x: jnp.tanh(only32(x) * p["w"]) + 1, x)).judgements
    assert verdicts(sound) == {Verdict.FLOAT32_ONLY}
    assert sound["output"].detection_limit < 1e-6
    assert judge(cpu, loose_pair(summed, FAULTS[name], x)).judgements["output"].verdict is Verdict.MISMATCH


def test_where_both_refuse_float64_the_port_is_still_known(cpu):
    """The reference by re-runs nearby, the port by its program."""
    found = judge(cpu, loose_pair(picky, lambda p, x: jnp.tanh(only32(x) * p["w"]))).judgements
    assert verdicts(found) == {Verdict.FLOAT32_ONLY}
    wrong = judge(cpu, loose_pair(picky, lambda p, x: jnp.tanh(only32(x) * p["w"]) * 1.00001)).judgements
    assert wrong["output"].verdict is Verdict.MISMATCH


def test_a_near_tie_is_told_by_float64(cpu):
    """Integers are judged by the float64 runs of either side, where there are both: an argmax of two entries that
    float32 cannot tell apart may be either, and is a notice."""
    x = np.array([[1.0, 1.0, 0.0, 0.0], [0.0, 1.0, 1.0, 0.0]], np.float32)

    def reference(p, x):
        return torch.stack([x * p["w"], x * p["w"] * (1 + 1e-9)], -1).argmax(-1)

    def port(p, x):
        far = only32(x) * p["w"]
        return jnp.stack([far, far * (1 + 1e-9)], -1).argmax(-1).astype(jnp.int32)

    def wrong(p, x):
        return 1 - port(p, x)

    assert judge(cpu, loose_pair(reference, port, x)).judgements["output"].verdict is Verdict.FLOAT32_ONLY
    assert judge(cpu, loose_pair(reference, wrong, x)).judgements["output"].verdict is Verdict.MISMATCH


def test_a_fill_blinds_no_error(cpu):
    """A column of -1e9 moves by 64 with its last place; a port that drops the first row is seen all the same."""
    x = np.ones((6, 4), np.float32) * np.float32([1, 2, 3, -1e9])
    weights = {"weights": lambda rng: {"w": np.ones(4)}}

    def of(p, x):
        assert x.dtype == torch.float32
        return x * p["w"]

    assert verdicts(judge(cpu, loose_pair(of, lambda p, x: x * p["w"], x, **weights)).judgements) == {
        Verdict.FLOAT32_ONLY
    }
    wrong = judge(cpu, loose_pair(of, lambda p, x: (x * p["w"]).at[0, :3].set(0.0), x, **weights)).judgements
    assert wrong["output"].verdict is Verdict.MISMATCH
    assert wrong["output"].fills > 0


def test_a_size_on_the_pairs_own_batch_counts_here_too(cpu):
    """As with oracles: what is far below the ordinary size of a gradient is not seen on a probe."""
    quartet, entering = together(cpu, loose_pair(picky, lambda p, x: jnp.tanh(x * p["w"])))
    t = quartet.working_reference(entering)
    j = quartet.working_port(entering, None, t)
    plain = without_oracle(quartet, entering, None, t, j, "why")["grad/w"]
    large = without_oracle(quartet, entering, None, t, j, "why", {"grad/w": 1e6})["grad/w"]
    assert large.allowed == pytest.approx(4e6 * FLOAT32.unit_roundoff)
    assert plain.allowed < 1e-3 * large.allowed


def test_complex_inputs_and_outputs_without_an_oracle(cpu):
    """Both parts are moved, and both deviate; a conjugate and a part of 1e-5 too much are seen."""
    z = (X + 1j * X[::-1]).astype(np.complex64)

    def picky_complex(p, z):
        assert z.dtype == torch.complex64, "complex64 is expected"
        return z * p["w"] + torch.tanh(z.imag)

    def port(p, z):
        return z * p["w"] + jnp.tanh(z.imag)

    found = judge(cpu, loose_pair(picky_complex, port, z)).judgements
    assert verdicts(found) == {Verdict.FLOAT32_ONLY}
    assert all(one.error_reference > 0 for one in found.values())
    for wrong in (lambda out: jnp.conj(out), lambda out: out.real + 1.00001j * out.imag):
        apart = judge(cpu, loose_pair(picky_complex, lambda p, z, wrong=wrong: wrong(port(p, z)), z)).judgements
        assert apart["output"].verdict is Verdict.MISMATCH
    entering = prepare(loose_pair(picky_complex, port, z)).enter(0, 1).at(FLOAT32)
    moved = nudged(entering, np.random.default_rng(0), FLOAT32).batches[0].inputs
    (name,) = moved
    own, other = entering.batches[0].inputs[name], moved[name]
    assert ((own.real != other.real) & (own.imag != other.imag)).all()
    assert np.abs(own - other).max() < 1e-6
