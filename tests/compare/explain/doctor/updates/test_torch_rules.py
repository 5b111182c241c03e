"""The rules of torch's optimizers, read and at work: the same updates as the optimizer's own."""

import pytest
import torch

from compare.explain.doctor.updates.optimizer import RuleOptimizer
from compare.explain.doctor.updates.rules import DECOUPLED, GRADIENT, OWN, Rule, usual
from compare.explain.doctor.updates.torch_rules import rules_of_torch
from tests.compare.explain.doctor.trained import O, made

USERS_MODELS = True
OPTIMIZERS = {
    "SGD": made(O.SGD, lr=0.1, weight_decay=0.01),
    "momentum": made(O.SGD, lr=0.1, momentum=0.9, dampening=0.2, weight_decay=0.01, maximize=True),
    "Nesterov": made(O.SGD, lr=0.1, momentum=0.9, nesterov=True),
    "Adam": made(O.Adam, lr=0.1, betas=(0.8, 0.95), eps=1e-3, weight_decay=0.01),
    "AMSGrad": made(O.Adam, lr=0.1, betas=(0.8, 0.5), amsgrad=True),
    "AdamW": made(O.AdamW, lr=0.1, weight_decay=0.1),
    "RMSprop": made(O.RMSprop, lr=0.1, alpha=0.9, eps=1e-3, momentum=0.5),
    "centered": made(O.RMSprop, lr=0.1, centered=True, weight_decay=0.1),
    "Adadelta": made(O.Adadelta, lr=0.5, rho=0.8, eps=1e-3, weight_decay=0.1),
    "Adamax": made(O.Adamax, lr=0.1, betas=(0.8, 0.95), eps=1e-3, weight_decay=0.1),
    "Adagrad": made(O.Adagrad, lr=0.1, lr_decay=0.1, initial_accumulator_value=0.2, weight_decay=0.1),
}


def walked(factory, steps=5):
    """The parameters after some steps on gradients that grow and shrink."""
    draw = torch.Generator().manual_seed(0)
    parameters = [torch.nn.Parameter(torch.randn(4, 3, generator=draw, dtype=torch.float64)) for _ in range(2)]
    optimizer = factory(parameters)
    for step in range(steps):
        for one in parameters:
            one.grad = torch.randn(4, 3, generator=draw, dtype=torch.float64) * (1 if step % 2 else 0.1)
        optimizer.step()
    return torch.stack([one.detach() for one in parameters])


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_rule_does_what_torch_does(name):
    """Every setting of every row's classes, over five steps, to rounding."""
    factory = OPTIMIZERS[name]
    own = walked(factory)
    ruled = walked(lambda given: RuleOptimizer(given, rules_of_torch(factory(given), given)))
    torch.testing.assert_close(ruled, own, rtol=1e-12, atol=1e-14)


def test_groups_are_read_one_by_one():
    """A rate and a decay for each, and a rate of 0 for a parameter in none."""
    a, b, c = (torch.nn.Parameter(torch.zeros(2)) for _ in range(3))
    optimizer = O.AdamW([{"params": [a], "weight_decay": 0.5}, {"params": [b], "lr": 0.2}], lr=0.1)
    rules = rules_of_torch(optimizer, [a, b, c])
    assert [(one.rates, one.weight_decay) for one in rules] == [((0.1,), 0.5), ((0.2,), 0.01), ((0.0,), 0.5)]
    assert {(one.family, one.coupling) for one in rules} == {("Adam", DECOUPLED)}


def test_adam_is_l2_and_other_classes_are_their_own():
    """A subclass is read as what it is made from."""
    parameter = torch.nn.Parameter(torch.zeros(2))

    class Mine(torch.optim.SGD):
        """Somebody's own."""

    assert rules_of_torch(O.Adam([parameter], weight_decay=0.1), [parameter])[0].coupling == GRADIENT
    assert rules_of_torch(Mine([parameter], lr=0.1), [parameter])[0] == usual("SGD", rates=(0.1,))
    for kind in (O.Rprop, O.NAdam):
        assert rules_of_torch(kind([parameter], lr=0.1), [parameter])[0].family == OWN
    assert rules_of_torch(object(), [parameter]) == (Rule(OWN),)
