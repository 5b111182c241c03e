"""What is said beside the numbers: each thing once, in one line."""

from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import nnx

from compare.frameworks.dropout.masks import Dropout
from compare.frameworks.dropout.pairing import Replay
from compare.pair.pair import Pair
from compare.pair.prepare import prepare
from compare.sides.judging import Judged
from compare.sides.plan import Plan
from compare.sides.quartet import Quartet
from compare.sides.side import Result
from compare.verdict.precision import FLOAT32
from compare.verdict.quantity import Quantity
from compare.verdict.verdict import Judgement, Verdict
from compare.verification.certificates import Teeth
from compare.verification.notices import notices
from compare.verification.probing import Outcome
from tests.compare.faults import square


@pytest.fixture(scope="module")
def quartet(cpu) -> Quartet:
    return Quartet(prepare(square()), FLOAT32, cpu, cpu)


def said(quartet, judged=None, steps=None, quantities=(), plan=Plan(), **outcome) -> list[str]:  # noqa: B008
    outcomes = [Outcome("batch", None, None, judged=judged or Judged({}), **outcome)]
    return list(notices(quartet, plan, quantities, outcomes, steps, None, Teeth((), {})))


def test_of_a_sound_pair_there_is_nothing_to_say(quartet):
    assert said(quartet) == []
    assert said(quartet, plan=Plan(quick=True)) == ["quick: no probes and no mutants were run"]


def test_modes_of_models_that_have_none_are_said_to_mean_nothing(cpu):
    """What the pair asks for is not what was compared."""
    pair = replace(square(), modes=("train",))
    assert said(Quartet(prepare(pair), FLOAT32, cpu, cpu)) == [
        "modes=('train',) says nothing here: neither model tells training from evaluation"
    ]


def test_what_nothing_trains_in_the_port_is_named(cpu):
    """Its gradient is missing there, and the table alone would say only that."""

    class Scaled(nnx.Module):
        def __init__(self):
            self.kernel, self.bias = nnx.Param(jnp.eye(2)), jnp.zeros(2)

        def __call__(self, x):
            return x @ self.kernel + self.bias

    pair = Pair(torch.nn.Linear(2, 2), Scaled(), np.ones((3, 2), np.float32))
    assert said(Quartet(prepare(pair), FLOAT32, cpu, cpu)) == [
        "bias is no parameter in the port, where array/bias holds it: it has no gradient, and nothing trains it"
    ]


def test_why_there_are_no_oracles_is_said_once(quartet):
    """Of the first run that had none."""
    judged, steps = Judged({}, no_oracle="the port raised A"), Judged({}, no_oracle="the port raised B")
    assert said(quartet, judged, steps) == ["no_oracle: judged at float32 alone: the port raised A"]


def test_dropouts_that_the_sides_do_not_share_are_named(quartet):
    """From what the runs themselves returned."""
    drawn = (Dropout(0, (2, 3), 0.5, "torch.py:1"), Dropout(1, (2, 3), 0.5, "torch.py:2"))
    replay = Replay([(2, 3), (2, 3)], asked=[Dropout(0, (2, 3), 0.4, "jax.py:1")], used=[0])
    judged = Judged({}, reference=Result({}, drawn), port=Result({}, replay=replay))
    assert said(quartet, judged) == [
        "dropout: the reference has 1 more than the port",
        "dropout 0: rate 0.5 at torch.py:1, 0.4 at jax.py:1",
    ]


def test_what_was_skipped_is_listed(quartet):
    assert said(quartet, skipped={"zeros": "the reference raised ValueError: no"}) == [
        "probe zeros skipped: the reference raised ValueError: no"
    ]


def test_an_optimizers_state_without_a_counterpart_is_listed(quartet):
    steps = Judged({}, reference=Result({"after/optimizer/exp_avg/w": None}))
    assert said(quartet, steps=steps) == ["optimizer state without a counterpart in the port, not compared: exp_avg"]


def test_reasons_of_matches_are_gathered(quartet):
    """Each once, with how many quantities it is of."""
    inside = Judgement(Verdict.MATCH, reason="float32 inside: a.py:3")
    rows = [Quantity(name, "output", "batch", inside) for name in ("output/0", "output/1")]
    assert said(quartet, quantities=rows) == ["float32 inside: a.py:3 (2 quantities, first output/0 on batch)"]
