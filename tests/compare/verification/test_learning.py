"""The first stage: the pair's own batch in every mode, each for itself, and what the others are told of it."""

import numpy as np
import pytest

from compare.sides.context import NOTHING_KNOWN, Oracles
from compare.sides.plan import Plan
from compare.sides.side import SideError
from compare.verification.learning import learn
from tests.compare.sides.judged import jax_norm, together, torch_norm
from tests.compare.small import loose_pair, norm_pair

USERS_MODELS = True
PLAN = Plan()


def learnt(quartet, entering):
    return learn(quartet, entering, PLAN, lambda text: None)


def test_each_mode_has_a_context_of_its_own(cpu):
    """Its sizes are those of its own judgements."""
    quartet, entering = together(cpu, norm_pair(accept=("running_variance",)))
    found = learnt(quartet, entering)
    assert [outcome.mode for outcome in found.outcomes] == list(found.contexts) == [True, False]
    for outcome in found.outcomes:
        context = found.context(outcome.mode)
        assert context.ordinary == {name: one.scale for name, one in outcome.judged.judgements.items()}
        assert context.oracles == Oracles(cpu)
        assert context.input_size == pytest.approx(np.linalg.norm(entering.batches[0].inputs["input0"]))
    assert found.context(True).ordinary["output"] != found.context(False).ordinary["output"]


def test_promotion_is_learnt(cpu):
    """And nothing of it stays in the quartet."""
    quartet, entering = together(cpu, loose_pair(torch_norm, jax_norm))
    assert learnt(quartet, entering).context(None).oracles == Oracles(cpu, promoted=True)
    assert not quartet.promoted


def test_why_there_are_no_oracles_is_learnt(cpu):
    """In the model's own words."""

    def port(p, x):
        if x.dtype != np.float32:
            raise TypeError("float32 is expected")
        return x * p["w"]

    quartet, entering = together(cpu, loose_pair(lambda p, x: x * p["w"], port))
    context = learnt(quartet, entering).context(None)
    assert context.no_oracle.startswith("the port raised TypeError: float32 is expected (")
    assert context.oracles is None


def test_of_what_could_not_be_compared_nothing_is_known(cpu):
    """Outputs of another structure have no sizes, and no module is to be looked for; of another shape there may be."""
    quartet, entering = together(cpu, loose_pair(lambda p, x: x * p["w"], lambda p, x: (x * p["w"], x)))
    found = learnt(quartet, entering)
    assert found.contexts == {}
    assert found.context(None) is NOTHING_KNOWN
    assert not found.outcomes[0].failing
    quartet, entering = together(cpu, loose_pair(lambda p, x: x * p["w"], lambda p, x: (x * p["w"]).reshape(-1)))
    assert learnt(quartet, entering).outcomes[0].failing


def test_a_model_that_raises_on_its_own_batch_ends_it(cpu):
    """There is nothing to learn."""

    def port(p, x):
        raise TypeError("no such thing")

    quartet, entering = together(cpu, loose_pair(lambda p, x: x * p["w"], port))
    with pytest.raises(SideError, match="no such thing"):
        learnt(quartet, entering)
