"""The order of the search, the reference's rules where its optimizer does more, and subsets of what was read."""

import optax
import torch

from compare.explain.doctor.updates.rule_settings import SETTINGS, differing
from compare.explain.doctor.updates.rules import OWN, SGD, Rule
from compare.explain.doctor.updates.search import ANY, own_rules, sought, subsets
from tests.compare.explain.doctor.trained import O, made, tried

USERS_MODELS = True
REFERENCE = made(O.SGD, lr=0.1, momentum=0.9)


def test_the_fewest_settings_come_first():
    """Up to three of them, then all."""
    made = list(subsets(SETTINGS[:5]))
    assert [len(one) for one in made] == sorted(len(one) for one in made)
    assert {len(one) for one in made} == {1, 2, 3, 5}
    assert list(subsets([])) == []


def test_one_change_comes_before_two_and_usual_values_before_estimates(cpu):
    """None of them is the reference itself."""
    trial = tried(cpu, REFERENCE, optax.lion(0.1), steps=2)
    suspects = list(sought(trial, own_rules(trial)))
    labels = [one.label for one in suspects]
    values = [one.value for one in suspects]
    assert values.index("0.99") < values.index(ANY) < labels.index("optimizer") < labels.index("two of these at once")
    assert all(differing(trial.reference_rules(), one.rules) for one in suspects if one.value != ANY)


def test_clipping_in_a_hook_is_found_in_the_references_own_steps(cpu):
    """The class alone does not show it."""

    def clipped(parameters):
        optimizer = torch.optim.SGD(parameters, lr=0.1)
        optimizer.register_step_pre_hook(lambda *_: torch.nn.utils.clip_grad_norm_(parameters, 0.5) and None)
        return optimizer

    rules = own_rules(tried(cpu, clipped, optax.sgd(0.2)))
    assert rules == (Rule(SGD, (0.1,), clip_norm=0.5, clip_epsilon=1e-6),) * 4


def test_an_optimizer_that_does_more_than_was_read_is_its_own(cpu):
    """A hook that halves the step: no rule of the class is right."""

    def halved(parameters):
        optimizer = torch.optim.SGD(parameters, lr=0.1)

        def sign(*_):
            for one in parameters:
                one.grad = one.grad.sign() + one.grad

        optimizer.register_step_pre_hook(sign)
        return optimizer

    assert {rule.family for rule in own_rules(tried(cpu, halved, optax.sgd(0.2)))} == {OWN}
