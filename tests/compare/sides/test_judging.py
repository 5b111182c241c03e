"""One run of a pair, judged: by its arguments alone, the running variance named."""

import optax
import pytest
import torch

from compare.sides.context import Context, Oracles
from compare.sides.judging import judge_port, reference_runs
from compare.sides.side import STEPS
from compare.sides.variance import DIFFERS
from compare.verdict.verdict import Verdict
from tests.compare.sides.judged import jax_norm, judgements, together, torch_norm, verdicts
from tests.compare.small import loose_pair, norm_pair

USERS_MODELS = True
SGD = (lambda p: torch.optim.SGD(p, lr=0.1), None)


def test_the_running_variance_is_named_and_no_match(cpu):
    """Divided by N where torch divides by N - 1: two functions, and the reason is known."""
    found = judgements(cpu, norm_pair(), True)
    variance = found["state/1.running_var"]
    assert (variance.verdict, variance.reason) == (Verdict.MISMATCH, DIFFERS)
    assert found["state/1.running_mean"].verdict is Verdict.MATCH


def test_the_running_variance_is_accepted_where_the_pair_asks(cpu):
    """And then it is held against torch's to the last digit, over several steps too."""
    import optax

    pair = norm_pair(accept=("running_variance",), optimizers=(SGD[0], optax.sgd(0.1)))
    found = judgements(cpu, pair, True)
    assert found["state/1.running_var"].verdict is Verdict.MATCH
    found = judgements(cpu, pair, STEPS, 3)
    assert found["after/state/1.running_var"].verdict is Verdict.MATCH
    assert found["after/state/1.running_mean"].verdict is Verdict.MATCH


@pytest.mark.parametrize("accept", [(), ("running_variance",)])
def test_a_wrong_momentum_is_not_excused(accept, cpu):
    """Flax's 0.9 is torch's 0.1; 0.1 in both is the classic fault, in the mean and in the variance."""
    found = judgements(cpu, norm_pair(momentum=0.1, accept=accept), True)
    for name in ("state/1.running_mean", "state/1.running_var"):
        assert found[name].verdict is Verdict.MISMATCH
        assert found[name].reason != DIFFERS


def test_the_context_s_oracles_are_used_at_once(cpu):
    """A pair that is known to hold float32 inside: promoted from the start, and a match without a second look."""
    quartet, entering = together(cpu, loose_pair(torch_norm, jax_norm))
    context = Context(Oracles(cpu, promoted=True))
    judged = judge_port(quartet, entering, None, *reference_runs(quartet, entering, None, context), context)
    assert verdicts(judged.judgements) == {Verdict.MATCH}
    assert {one.reason for one in judged.judgements.values()} == {""}
    assert len(quartet.sides) == 4


def test_judging_leaves_nothing_behind(cpu):
    """The same arrays again, with another pair of oracles and other steps in between: the same words and numbers."""
    pair = loose_pair(torch_norm, jax_norm, optimizers=(SGD[0], optax.sgd(0.1)))
    quartet, entering = together(cpu, pair, 2)

    def once():
        return judge_port(quartet, entering, None, *reference_runs(quartet, entering, None))

    first = once()
    judge_port(quartet, entering, STEPS, *reference_runs(quartet, entering, STEPS))
    again = once()
    assert again.judgements == first.judgements
    assert again.oracles == first.oracles
