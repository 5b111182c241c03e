"""The rules of optax's transformations, read and at work: the same updates as optax's own."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import torch

from compare.explain.doctor.updates.optax_rules import read_optax
from compare.explain.doctor.updates.optimizer import RuleOptimizer
from compare.pair.prepare import prepare
from tests.compare.explain.doctor.trained import hidden, matrices
from tests.compare.small import dense_pair

USERS_MODELS = True
NAMES = ("fc.weight", "fc.bias", "head.weight", "head.bias")
STEPS = 5
READABLE = {
    "SGD": optax.sgd(0.1),
    "momentum": optax.chain(optax.clip_by_global_norm(1.0), optax.add_decayed_weights(0.1), optax.sgd(0.1, 0.9)),
    "Nesterov": optax.chain(optax.clip(0.5), optax.sgd(0.1, 0.9, nesterov=True)),
    "average": optax.chain(optax.ema(0.9), optax.scale(-0.1)),
    "average from zero": optax.chain(optax.ema(0.9, debias=False), optax.scale(-0.1)),
    "Adam": optax.adam(0.1, 0.8, 0.95, 1e-3, 1e-4),
    "Nesterov Adam": optax.nadam(0.1),
    "AdamW": optax.adamw(0.1, weight_decay=0.1, mask=matrices),
    "AMSGrad": optax.amsgrad(0.1, b2=0.5),
    "RMSprop": optax.rmsprop(0.1, momentum=0.9, initial_scale=0.5),
    "centered RMSprop": optax.rmsprop(0.1, centered=True, eps_in_sqrt=False),
    "Adagrad": optax.adagrad(0.1),
    "Adadelta": optax.adadelta(0.5, rho=0.8, eps=1e-3, weight_decay=0.1),
    "Adamax": optax.adamax(0.1, 0.8, 0.95, 1e-3),
    "schedule": optax.adam(lambda step: 0.1 / (1 + step)),
    "a schedule inside the momentum": optax.chain(
        optax.scale_by_schedule(lambda step: -0.1 / (1 + step)), optax.trace(0.9)
    ),
    "a rate inside RMSprop's momentum": optax.rmsprop(0.1, momentum=0.9, bias_correction=True),
    "decay after the rate": optax.chain(optax.adam(0.1), optax.add_decayed_weights(0.1)),
    "two to an update": optax.MultiSteps(optax.adam(0.1), 2),
    "their sum": optax.MultiSteps(optax.sgd(0.1), 2, use_grad_mean=False),
    "parts": optax.partition(
        {"a": optax.sgd(0.1, 0.9), "b": optax.set_to_zero()}, lambda p: {"Dense_0": "a", "Dense_1": "b"}
    ),
    "the gradient itself": optax.masked(optax.sgd(0.1), {"Dense_0": True, "Dense_1": False}),
    "scaled gradients": optax.chain(optax.scale(3.0), optax.adam(0.1, eps=1e-2)),
}
SINGLE = ("schedule", "a schedule inside the momentum", "two to an update", "their sum")  # optax's own float32
UNREADABLE = {
    "Lion": (optax.lion(0.1), "scale_by_lion"),
    "two momenta": (optax.chain(optax.trace(1.0), optax.sgd(0.1, 0.9)), "trace"),
    "a stranger": (hidden(optax.sgd(0.1)), "tests.compare.explain.doctor.trained.hidden"),
    "clipped steps": (optax.chain(optax.adam(0.1), optax.clip(1.0)), "clip"),
    "a decay inside the clipped gradient": (
        optax.chain(optax.add_decayed_weights(0.1), optax.clip_by_global_norm(1.0), optax.sgd(0.1)),
        "clip_by_global_norm after the weight decay",
    ),
    "a decay by schedule": (
        optax.chain(optax.add_decayed_weights(lambda step: 0.1), optax.sgd(0.1)),
        "a schedule of something other than the learning rate",
    ),
    "a part's norm": (
        optax.chain(optax.masked(optax.clip_by_global_norm(1.0), {"Dense_0": True, "Dense_1": False}), optax.sgd(0.1)),
        "a global norm over a part of the parameters",
    ),
}


@pytest.fixture(scope="module")
def prepared():
    return prepare(dense_pair())


def by_optax(transformation, prepared, gradients, start):
    """The parameters after each step, under the reference's names."""
    with jax.enable_x64(True):
        tree = prepared.port.tree({path: jnp.asarray(leaf) for path, leaf in start.items()})
        state = transformation.init(tree)
        for step in gradients:
            given = prepared.port.tree({path: jnp.asarray(leaf) for path, leaf in step.items()})
            updates, state = transformation.update(given, state, tree)
            tree = optax.apply_updates(tree, updates)
        leaves = {path: np.asarray(leaf) for path, leaf in prepared.port.flat(tree).items()}
    return prepared.weight_map.to_reference(leaves, prepared.shapes)


def by_rules(rules, prepared, gradients, start):
    named = prepared.weight_map.to_reference(dict(start), prepared.shapes)
    parameters = [torch.nn.Parameter(torch.tensor(named[name])) for name in NAMES]
    optimizer = RuleOptimizer(parameters, rules)
    for step in gradients:
        own = prepared.weight_map.to_reference(dict(step), prepared.shapes)
        for parameter, name in zip(parameters, NAMES, strict=True):
            parameter.grad = torch.tensor(own[name])
        optimizer.step()
    return {name: one.detach().numpy() for name, one in zip(NAMES, parameters, strict=True)}


@pytest.mark.parametrize("name", READABLE)
def test_a_rule_does_what_optax_does(name, prepared):
    """Every stage that has a rule, over five steps, to rounding."""
    rng = np.random.default_rng(0)
    drawn = [{path: rng.standard_normal(shape) for path, shape in prepared.leaves.items()} for _ in range(STEPS + 1)]
    reading = read_optax(READABLE[name], prepared, NAMES, STEPS)
    assert reading.unread == ""
    own = by_optax(READABLE[name], prepared, drawn[1:], drawn[0])
    ruled = by_rules(reading.rules, prepared, drawn[1:], drawn[0])
    for one in NAMES:
        to = {"rtol": 1e-6, "atol": 1e-6} if name in SINGLE else {"rtol": 1e-11}
        np.testing.assert_allclose(ruled[one], own[one], err_msg=one, **to)


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_no_rule_describes_is_not_read(name, prepared):
    """And the stage that stands in the way is named."""
    transformation, unread = UNREADABLE[name]
    reading = read_optax(transformation, prepared, NAMES, STEPS)
    assert (reading.rules, reading.unread) == (None, unread)


def test_what_is_no_transformation_is_not_read(prepared):
    """Whatever it raises is told, not raised."""
    reading = read_optax(object(), prepared, NAMES, STEPS)
    assert reading.rules is None
    assert reading.unread.startswith("AttributeError")
