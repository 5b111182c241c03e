"""Settings: which differ, in words, one side's in the other's rules, and those without effect."""

from math import inf

import pytest

from compare.explain.doctor.updates.rule_settings import (
    FIRST,
    LAST,
    OPTIMIZER,
    aligned,
    differing,
    merged,
    spoken,
    subsets,
)
from compare.explain.doctor.updates.rules import COMMON, DECOUPLED, GRADIENT, OWN, Rule, usual
from compare.weights.twins import TWINS

NAMES, RANKS = ("w", "b", "v"), (2, 1, 2)
RULE = usual("SGD", rates=(0.1,), momentum=0.9)


def labels(left, right):
    return [one.label for one in differing(left, right)]


def of(label, rules):
    (one,) = [one for one in spoken(rules[0].family) if one.label == label]
    return one.of(rules, NAMES[: len(rules)], RANKS[: len(rules)])


def test_every_setting_of_its_family_is_told_apart():
    """One changed field, one setting; of another family's fields, none."""
    changed = {
        "rates": (0.2,), "weight_decay": 0.1, "coupling": DECOUPLED, "momentum": 0.5, "nesterov": True, "stale": True,
        "clip_norm": 1.0, "clip_value": 1.0, "every": 2, "gradient_scale": 2.0, "skips_unused": False,
    }  # fmt: skip
    for name, value in changed.items():
        assert len(labels((RULE,), (RULE.but(**{name: value}),))) == 1, name
    assert labels((RULE,), (RULE.but(beta1=0.5, epsilon=1.0, amsgrad=1),)) == []
    adam = usual("Adam")
    assert labels((adam,), (adam.but(momentum=0.5, decay=0.5),)) == []


def test_of_another_family_the_optimizer_comes_first_and_stands_for_its_settings():
    """Adam's betas are not asked of SGD; the learning rate is."""
    assert labels((RULE,), (usual("Adam", rates=(0.2,)),)) == ["optimizer", "learning rate"]


def test_a_value_is_said_once_or_by_kind_or_by_name():
    """One for all, matrices against vectors, or names."""
    decays = tuple(RULE.but(weight_decay=decay) for decay in (0.1, 0.0, 0.1))
    assert of("weight_decay", (RULE, RULE)) == "0"
    assert of("weight_decay", decays) == "0.1 for matrices, 0 for vectors"
    assert of("weight_decay", (decays[0], decays[0], decays[1])) == "0.1 for the others, 0 for v"
    assert of("learning rate", (RULE.but(rates=(0.1, 0.2)),)) == "0.1, 0.2 in steps 1, 2"
    jump = RULE.but(rates=(0.1,) * 30 + (0.01,) * 6)
    assert of("learning rate", (jump,)) == "0.1 in steps 1 to 30, 0.01 in steps 31 to 36"
    falling = RULE.but(rates=(0.5, 0.4, 0.3, 0.2, 0.1))
    assert of("learning rate", (falling,)) == "0.5, 0.4, 0.3, ... in steps 1, 2, 3, ..."
    assert of("momentum", (RULE.but(average=1, debias=1),)) == "0.9 as an average of gradients, bias corrected"
    assert of("epsilon", (usual("Adam", epsilon=0.0, epsilon_root=1e-8),)) == "1e-08 inside the root"
    assert of("gradient clipping by global norm", (RULE,)) == "none"


def test_settings_are_merged_one_by_one():
    """Only what is asked for; another family brings what it alone has, and not the rest."""
    other = RULE.but(rates=(0.2,), weight_decay=0.1)
    rate, decay = differing((RULE,), (other,))
    assert merged((RULE,), (other,), (rate,)) == (RULE.but(rates=(0.2,)),)
    assert merged((RULE,), (other,), (rate, decay)) == (other,)
    adam = usual("Adam", rates=(0.3,), beta1=0.5)
    (made,) = merged((RULE,), (adam,), differing((RULE,), (adam,))[:1])
    assert made == adam.but(rates=(0.1,))


def test_only_what_has_no_effect_is_aligned():
    """A coupling without decay, a Nesterov momentum without momentum; nothing of a rule that uses it."""
    other = usual(
        "SGD", rates=(0.1,), coupling=DECOUPLED, nesterov=True, clip_epsilon=1e-6, averaged=False, skips_unused=False
    )
    plain = usual("SGD", rates=(0.1,))
    assert aligned((plain,), (other,), unused=False) == (other,)
    assert aligned((plain,), (other,)) == (other.but(skips_unused=True),)
    busy = usual(
        "SGD", rates=(0.1, 0.2), momentum=0.9, weight_decay=0.1, coupling=GRADIENT, clip_norm=1.0, every=2
    )  # fmt: skip
    assert aligned((busy,), (other.but(rate_inside=True),)) == (busy,)
    assert busy.clip_norm < inf
    assert aligned((usual("RMSprop"),), (usual("RMSprop", rate_inside=True),))[0].get("rate_inside")


@pytest.mark.parametrize("family", TWINS)
def test_every_setting_of_a_row_has_words(family):
    """Once, beside what all optimizers have; a value of each is said."""
    names = [name for one in spoken(family) for name in one.names]
    assert sorted(names) == sorted([*COMMON, *(one.name for one in TWINS[family].settings)])
    assert all(one.said(usual(family)) for one in (OPTIMIZER, *spoken(family)))


def test_the_fewest_settings_come_first():
    """Up to three of them, then all."""
    chosen = list(subsets((*FIRST, *LAST)[:5]))
    assert [len(one) for one in chosen] == sorted(len(one) for one in chosen)
    assert {len(one) for one in chosen} == {1, 2, 3, 5}
    assert list(subsets([])) == []


def test_of_an_optimizer_without_a_row_nothing_is_said_but_that_it_is_another():
    """Its learning rate and decay are not known: the port's would stand against invented ones."""
    own, port = (Rule(OWN),), (RULE.but(rates=(0.1,), weight_decay=0.2),)
    assert [one.label for one in differing(own, port)] == ["optimizer"]
    assert merged(own, port, differing(own, port)) == port
