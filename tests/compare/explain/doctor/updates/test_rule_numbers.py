"""The numbers that can be estimated: each is set in the rules, and read back."""

import pytest

from compare.explain.doctor.updates.rule_numbers import unknowns
from compare.explain.doctor.updates.rule_settings import differing
from compare.explain.doctor.updates.rules import ADAGRAD, ADAM, AFTER, DECOUPLED, RMSPROP, SGD, Rule

RANKS = (2, 1)


@pytest.mark.parametrize("family", [SGD, ADAM, RMSPROP, ADAGRAD])
def test_every_number_is_set(family):
    """It changes the rules, and a start lies in its range."""
    rules = (Rule(family, (0.1,), momentum=0.3, epsilon=1e-3, epsilon_root=1e-3),) * 2
    made = list(unknowns(rules, RANKS, 1.0))
    assert len({one.label for one in made}) == len(made)
    for one in made:
        assert differing(rules, one.put(rules, 0.321)), one.label
        for start in one.starts:
            assert one.where.of_x(one.where.to_x(start)) == pytest.approx(start)


def test_a_decay_comes_with_its_coupling_and_its_parameters():
    """After the rate, inside the gradient and decoupled, of every parameter and of matrices."""
    made = {one.label: one.put((Rule(ADAM),) * 2, 0.5) for one in unknowns((Rule(ADAM),) * 2, RANKS, 0.0)}
    decoupled = made[f"weight_decay {DECOUPLED}, on matrices only"]
    assert [(one.weight_decay, one.coupling) for one in decoupled] == [(0.5, DECOUPLED), (0.0, DECOUPLED)]
    assert made[f"weight_decay {AFTER}"][1].coupling == AFTER
    assert not any("clipping" in label for label in made)
