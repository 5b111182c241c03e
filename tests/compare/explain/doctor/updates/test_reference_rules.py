"""The rules of the reference's optimizer, read and held against its own steps."""

import optax
import torch

from compare.explain.doctor.updates.reference_rules import rules_of_reference
from compare.explain.doctor.updates.rules import OWN, usual
from tests.compare.explain.doctor.trained import O, made, tried

USERS_MODELS = True
PORT = optax.sgd(0.25, 0.5)


def test_the_references_rules_are_read_with_their_rates_by_step(cpu):
    """A schedule on torch's steps; a class without a rule is its own."""

    def scheduled(parameters):
        optimizer = torch.optim.SGD(parameters, lr=0.4)
        halved = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
        optimizer.register_step_post_hook(lambda *_: halved.step())
        return optimizer

    assert {rule.rates for rule in rules_of_reference(tried(cpu, scheduled, PORT))} == {(0.4, 0.2, 0.1)}
    assert {rule.family for rule in rules_of_reference(tried(cpu, made(O.NAdam, lr=0.1), PORT))} == {OWN}


def test_clipping_in_a_hook_is_found_in_the_references_own_steps(cpu):
    """The class alone does not show it."""

    def clipped(parameters):
        optimizer = torch.optim.SGD(parameters, lr=0.1)
        optimizer.register_step_pre_hook(lambda *_: torch.nn.utils.clip_grad_norm_(parameters, 0.5) and None)
        return optimizer

    rules = rules_of_reference(tried(cpu, clipped, optax.sgd(0.2)))
    assert rules == (usual("SGD", rates=(0.1,), clip_norm=0.5, clip_epsilon=1e-6),) * 4


def test_an_optimizer_that_does_more_than_was_read_is_its_own(cpu):
    """A hook that adds the gradient's sign: no rule of the class is right."""

    def with_signs(parameters):
        optimizer = torch.optim.SGD(parameters, lr=0.1)

        def sign(*_):
            for one in parameters:
                one.grad = one.grad.sign() + one.grad

        optimizer.register_step_pre_hook(sign)
        return optimizer

    assert {rule.family for rule in rules_of_reference(tried(cpu, with_signs, optax.sgd(0.2)))} == {OWN}
