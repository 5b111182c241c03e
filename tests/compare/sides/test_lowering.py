"""What both models round below the working precision: looked at, kept, and said."""

import jax.numpy as jnp
import pytest
import torch

from compare.frameworks.islands.lowered import Kept
from compare.sides.context import Context, Oracles
from compare.sides.judging import judge_port, reference_runs
from compare.sides.lowering import lowering_of, shared_names
from compare.sides.plan import Plan
from compare.sides.record_taking import take
from compare.verdict.precision import FLOAT32
from compare.verification.verification import Session, verify
from compare.weights.entry import Entry
from tests.compare.sides.judged import together
from tests.compare.small import loose_pair

LOW = jnp.bfloat16


def product(p, x):
    return torch.tanh(x @ p["w"])


def low_product(p, x):
    return torch.tanh((x.bfloat16() @ p["w"].bfloat16()).to(x.dtype))


def port(p, x):
    return jnp.tanh(x @ p["w"])


def low_port(p, x):
    return jnp.tanh((x.astype(LOW) @ p["w"].astype(LOW)).astype(x.dtype))


def only_float32(p, x):
    if x.dtype != jnp.float32:
        raise TypeError("float32 alone")
    return low_port(p, x)


def pair_of(reference, port):
    return loose_pair(reference, port, weights=lambda rng: {"w": rng.standard_normal((4, 2))})


def judged(cpu, pair):
    quartet, entering = together(cpu, pair)
    lowering = lowering_of(quartet, entering, None)
    context = Context(Oracles(quartet.oracle, promoted=True, lowering=lowering) if lowering else None)
    runs = reference_runs(quartet, entering, None, context)
    return lowering, judge_port(quartet, entering, None, *runs, context)


def test_nothing_below_is_nothing_to_say(cpu):
    """And a pair is judged as it was before."""
    lowering, found = judged(cpu, pair_of(product, port))
    assert lowering is None
    assert found.judgements["output"].verdict == "match"


def test_both_sides_are_raised(cpu):
    """One sentence names both lines, and nothing is kept."""
    lowering, found = judged(cpu, pair_of(low_product, low_port))
    assert lowering.both.startswith("bfloat16 inside, on both sides: tests/compare/sides/test_lowering.py:")
    assert (lowering.alone, lowering.reference, lowering.port) == ("", Kept(), Kept())
    assert {one.verdict for one in found.judgements.values()} == {"match"}


@pytest.mark.parametrize(("reference", "port", "side"), [(low_product, port, "reference"), (product, low_port, "port")])
def test_one_side_alone_is_a_mismatch_and_its_reason(cpu, reference, port, side):
    """In its own oracle it is what it is."""
    lowering, found = judged(cpu, pair_of(reference, port))
    assert not lowering.both
    assert lowering.alone.startswith(f"bfloat16 in the {side} alone: tests/compare/sides/test_lowering.py:")
    assert found.judgements["output"].verdict == "mismatch"
    assert found.judgements["output"].reason == lowering.alone


def test_without_an_oracle_one_side_alone_is_a_mismatch(cpu):
    """However far apart: nothing shows that the rounding does nothing."""
    _, found = judged(cpu, pair_of(product, only_float32))
    assert found.no_oracle
    assert {one.verdict for one in found.judgements.values()} == {"mismatch"}


def test_a_model_that_raises_is_left_to_the_judge(cpu):
    """Which says so."""

    def broken(p, x):
        raise ValueError

    quartet, entering = together(cpu, pair_of(product, port))
    quartet.prepared.reference.module.forward = broken
    assert lowering_of(quartet, entering, None) is None


@pytest.mark.parametrize(
    ("reference", "port", "verdict"),
    [
        (product, low_port, "mismatch"),
        (low_product, low_port, "match"),
        (low_product, port, "mismatch"),
        (product, port, "match"),
    ],
)
def test_a_record_knows_what_its_reference_rounds(cpu, reference, port, verdict):
    """Its oracles have raised that, so that it is said of what the port does not round."""
    pair = pair_of(reference, port)
    plan = Plan(seed=0, quick=True, locate=False)
    record = take(pair, cpu, FLOAT32, plan, cpu)
    report = verify(pair, cpu, record=record)
    assert report.verdict == verdict
    assert report.verdict == Session(pair, cpu, FLOAT32, plan).verify().verdict


def test_what_lines_connect_has_one_name():
    """A packed array of either side and its parts."""
    entries = [Entry("q", "params/qkv"), Entry("k", "params/qkv"), Entry("k", "params/more"), Entry("o", "params/o")]
    names = shared_names(entries)
    assert len({names[name] for name in ("q", "k", "params/qkv", "params/more")}) == 1
    assert names["o"] == names["params/o"] == "o"
