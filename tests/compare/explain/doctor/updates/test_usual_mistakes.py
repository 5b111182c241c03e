"""The usual mistakes: each one setting away, none twice over, none missing that a porter makes."""

import pytest

from compare.explain.doctor.updates.rule_settings import aligned, differing
from compare.explain.doctor.updates.rules import ADAGRAD, ADAM, DECOUPLED, GRADIENT, OWN, RMSPROP, SGD, Rule
from compare.explain.doctor.updates.usual_mistakes import decaying, on_matrices, other_families, scaled, usual

RANKS = (2, 1)
USUAL = {
    SGD: Rule(SGD, (0.1,), momentum=0.9),
    ADAM: Rule(ADAM, (0.1,), bias_correction=True),
    RMSPROP: Rule(RMSPROP, (0.1,)),
    ADAGRAD: Rule(ADAGRAD, (0.1,), epsilon=1e-10),
    OWN: Rule(OWN),
}


@pytest.mark.parametrize("family", USUAL)
def test_a_suspect_is_one_setting_away(family):
    """Of the rules it comes from; what has no effect does not count."""
    rules = (USUAL[family],) * 2
    for suspect in usual(rules, RANKS, unused=True):
        changed = differing(aligned(rules, suspect.rules), suspect.rules)
        assert len(changed) <= 1, (suspect.label, suspect.value, [one.label for one in changed])


def test_what_porters_do_is_suspected():
    """optax's defaults and the classics, by name of the field."""
    expected = {
        SGD: [{"weight_decay": 1e-4}, {"nesterov": True}, {"momentum": 0.99}, {"clip_norm": 1.0}, {"stale": True}],
        ADAM: [
            {"weight_decay": 1e-4, "coupling": DECOUPLED},
            {"weight_decay": 1e-2, "coupling": GRADIENT},
            {"epsilon": 0.0, "epsilon_root": 1e-8},
            {"beta2": 0.95},
            {"bias_correction": False},
        ],
        RMSPROP: [{"decay": 0.9}, {"epsilon": 0.0, "epsilon_root": 1e-8}, {"initial": 1.0}],
        ADAGRAD: [{"initial": 0.1}, {"epsilon": 0.0, "epsilon_root": 1e-7}],
    }
    for family, changes in expected.items():
        made = [suspect.rules[0] for suspect in usual((USUAL[family],) * 2, RANKS, unused=False)]
        for change in changes:
            assert any({**vars(USUAL[family]), **change} == vars(one) for one in made), (family, change)


def test_decays_are_moved_between_parameters():
    """On every parameter, on matrices; another value only where there is one already."""
    rules = (Rule(SGD, weight_decay=0.1), Rule(SGD))
    assert [one.weight_decay for one in decaying(rules, 0.5)] == [0.5, 0.0]
    assert [one.weight_decay for one in decaying((Rule(SGD),) * 2, 0.5)] == [0.5, 0.5]
    assert [one.weight_decay for one in on_matrices((Rule(SGD),) * 2, RANKS, 0.5)] == [0.5, 0.0]
    everywhere = [one.rules for one in usual(rules, RANKS, False) if one.value == "on every parameter"]
    assert [[rule.weight_decay for rule in one] for one in everywhere] == [[0.1, 0.1]]


def test_every_rate_of_a_schedule_is_scaled():
    """Each step's."""
    assert scaled((Rule(SGD, (0.1, 0.2)),), 2)[0].rates == (0.2, 0.4)


def test_other_optimizers_keep_the_rate_and_the_decay():
    """And none is suspected of being itself; around an unknown one none is."""
    made = list(other_families((Rule(ADAM, (0.3,), weight_decay=0.1),)))
    assert {one.rules[0].family for one in made} == {SGD, RMSPROP, ADAGRAD}
    assert {(one.rules[0].rates, one.rules[0].weight_decay) for one in made} == {((0.3,), 0.1)}
    assert list(other_families((Rule(OWN),))) == []
