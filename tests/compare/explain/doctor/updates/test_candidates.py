"""The order of the search, what is turned, and what a library's own signatures bring in."""

from math import inf

import optax
import pytest

from compare.explain.doctor.updates.candidates import by_default, distinct, one_away, other_optimizers, sought
from compare.explain.doctor.updates.reference_rules import rules_of_reference
from compare.explain.doctor.updates.rule_settings import aligned, differing
from compare.explain.doctor.updates.rules import DECOUPLED, OWN, Rule, every_one, usual
from compare.explain.doctor.updates.unknowns import ANY
from tests.compare.explain.doctor.trained import O, made, tried

USERS_MODELS = True
USUAL = {
    "SGD": usual("SGD", rates=(0.1,), momentum=0.9),
    "Adam": usual("Adam", rates=(0.1,), beta1=0.9, beta2=0.999, epsilon=1e-8),
    "RMSprop": usual("RMSprop", rates=(0.1,), decay=0.99, epsilon=1e-8),
    "Adagrad": usual("Adagrad", rates=(0.1,), epsilon=1e-10),
    "Adadelta": usual("Adadelta", rates=(1.0,), rho=0.9, epsilon_root=1e-6),
    "Adamax": usual("Adamax", rates=(0.1,), beta1=0.9, beta2=0.999, epsilon=1e-8),
    OWN: Rule(OWN),
}


def test_flags_come_before_numbers_and_none_comes_twice(cpu):
    """None of them is the reference itself."""
    trial = tried(cpu, made(O.SGD, lr=0.1, momentum=0.9), optax.lion(0.1), steps=2)
    reference = rules_of_reference(trial)
    suspects = list(distinct(sought(trial, reference), trial, reference))
    labels, values = ([getattr(suspect, name) for suspect in suspects] for name in ("setting", "port"))
    assert labels.index("Nesterov momentum") < values.index(ANY)
    assert all(differing(reference, suspect.change) for suspect in suspects)
    assert len({suspect.change for suspect in suspects}) == len(suspects)


@pytest.mark.parametrize("family", USUAL)
def test_a_suspect_is_one_setting_away(family):
    """Of the rules it comes from; what has no effect does not count."""
    rules = every_one((USUAL[family],) * 2, weight_decay=0.01)
    suspects = list(one_away(rules, unused=True))
    for suspect in suspects:
        changed = differing(aligned(rules, suspect.change), suspect.change)
        assert len(changed) <= 1, (suspect.setting, suspect.port, [one.label for one in changed])
    turned = {
        name for one in suspects for name in one.change[0].settings if one.change[0].get(name) != rules[0].get(name)
    }
    assert set(dict(rules[0].own)) <= turned | {name for name, value in rules[0].own if value == 0}


def test_what_is_there_can_be_left_out_and_what_goes_with_a_flag_comes_with_it():
    """A clip, a decay of some, a momentum; an average of gradients needs a momentum."""
    rules = (USUAL["SGD"].but(clip_norm=1.0, weight_decay=0.1), USUAL["SGD"].but(clip_norm=1.0))
    suspects = [one.change for one in one_away(rules, False)]
    assert every_one(rules, clip_norm=inf) in suspects
    assert every_one(rules, weight_decay=0.0) in suspects
    assert every_one(rules, weight_decay=0.1) in suspects
    assert every_one(rules, momentum=0.0) in suspects
    plain = (usual("SGD"),) * 2
    assert every_one(plain, debias=1, average=1, momentum=0.9) in [one.change for one in one_away(plain, False)]


@pytest.mark.parametrize(
    ("family", "changed"),
    [
        ("Adam", {"weight_decay": 1e-4, "coupling": DECOUPLED}),
        ("Adam", {"nesterov": 1}),
        ("RMSprop", {"decay": 0.9}),
        ("RMSprop", {"decay": 0.9, "epsilon": 0.0, "epsilon_root": 1e-8}),
        ("Adagrad", {"initial": 0.1, "epsilon": 0.0, "epsilon_root": 1e-7}),
    ],
)
def test_optaxs_defaults_are_suspected(family, changed):
    """As its signatures have them today; a pair of them as well as each by itself."""
    rules = (USUAL[family],) * 2
    assert every_one(rules, **changed) in [one.change for one in by_default(rules)]


def test_other_optimizers_keep_the_rate(cpu):
    """And none is suspected of being itself; around an unknown one none is."""
    trial = tried(cpu, made(O.SGD, lr=0.1), optax.sgd(0.2), steps=1)
    rules = (USUAL["Adam"].but(rates=(0.3,)),) * 4
    plain = [one for one in other_optimizers(trial, rules) if one.port != ANY]
    assert {one.change[0].family for one in plain} == set(USUAL) - {"Adam", OWN}
    assert {one.change[0].rates for one in plain} == {(0.3,)}
    assert list(other_optimizers(trial, (Rule(OWN),) * 4)) == []
