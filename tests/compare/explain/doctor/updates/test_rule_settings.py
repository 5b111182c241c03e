"""Settings: which differ, in words, one side's in the other's rules, and those without effect."""

from dataclasses import replace
from math import inf

from compare.explain.doctor.updates.rule_settings import SETTINGS, aligned, differing, merged
from compare.explain.doctor.updates.rules import ADAM, DECOUPLED, GRADIENT, OFF, RMSPROP, SGD, UNBIASED, Rule

NAMES, RANKS = ("w", "b", "v"), (2, 1, 2)
RULE = Rule(SGD, (0.1,), momentum=0.9)


def labels(left, right):
    return [one.label for one in differing(left, right)]


def of(label, rules):
    (one,) = [one for one in SETTINGS if one.label == label]
    return one.of(rules, NAMES[: len(rules)], RANKS[: len(rules)])


def test_every_setting_of_its_family_is_told_apart():
    """One changed field, one setting; of another family's fields, none."""
    changed = {
        "rates": (0.2,), "weight_decay": 0.1, "coupling": DECOUPLED, "momentum": 0.5, "nesterov": True, "stale": True,
        "clip_norm": 1.0, "clip_value": 1.0, "every": 2, "gradient_scale": 2.0, "skips_unused": False,
    }  # fmt: skip
    for name, value in changed.items():
        assert len(labels((RULE,), (replace(RULE, **{name: value}),))) == 1, name
    assert labels((RULE,), (replace(RULE, beta1=0.5, epsilon=1.0, amsgrad="on"),)) == []
    adam = Rule(ADAM)
    assert labels((adam,), (replace(adam, momentum=0.5, decay=0.5),)) == []


def test_of_another_family_the_optimizer_comes_first_and_stands_for_its_settings():
    """Adam's betas are not asked of SGD; the learning rate is."""
    assert labels((RULE,), (Rule(ADAM, (0.2,)),)) == ["optimizer", "learning rate"]


def test_a_value_is_said_once_or_by_kind_or_by_name():
    """One for all, matrices against vectors, or names."""
    decays = tuple(replace(RULE, weight_decay=decay) for decay in (0.1, 0.0, 0.1))
    assert of("weight_decay", (RULE, RULE)) == "0"
    assert of("weight_decay", decays) == "0.1 for matrices, 0 for vectors"
    assert of("weight_decay", (decays[0], decays[0], decays[1])) == "0.1 for the others, 0 for v"
    assert of("learning rate", (replace(RULE, rates=(0.1, 0.2)),)) == "0.1, 0.2 in steps 1, 2"
    assert of("momentum", (replace(RULE, average=UNBIASED),)) == "0.9 as an average of gradients, bias corrected"
    assert of("epsilon", (Rule(ADAM, epsilon=0.0, epsilon_root=1e-8),)) == "1e-08 inside the root"
    assert of("gradient clipping by global norm", (RULE,)) == "none"


def test_settings_are_merged_one_by_one():
    """Only what is asked for; another family brings what it alone has, and not the rest."""
    other = replace(RULE, rates=(0.2,), weight_decay=0.1)
    rate, decay = differing((RULE,), (other,))
    assert merged((RULE,), (other,), (rate,)) == (replace(RULE, rates=(0.2,)),)
    assert merged((RULE,), (other,), (rate, decay)) == (other,)
    adam = Rule(ADAM, (0.3,), beta1=0.5, bias_correction=True)
    (made,) = merged((RULE,), (adam,), differing((RULE,), (adam,))[:1])
    assert made == replace(adam, rates=(0.1,))


def test_only_what_has_no_effect_is_aligned():
    """A coupling without decay, a Nesterov momentum without momentum; nothing of a rule that uses it."""
    other = Rule(SGD, (0.1,), coupling=DECOUPLED, nesterov=True, clip_epsilon=1e-6, averaged=False, skips_unused=False)
    plain = Rule(SGD, (0.1,))
    assert aligned((plain,), (other,), unused=False) == (other,)
    assert aligned((plain,), (other,)) == (replace(other, skips_unused=True),)
    busy = Rule(
        SGD, (0.1, 0.2), momentum=0.9, weight_decay=0.1, coupling=GRADIENT, clip_norm=1.0, every=2, average=OFF
    )  # fmt: skip
    assert aligned((busy,), (replace(other, rate_inside=True),)) == (busy,)
    assert busy.clip_norm < inf
    assert aligned((Rule(RMSPROP),), (Rule(RMSPROP, rate_inside=True),))[0].rate_inside
