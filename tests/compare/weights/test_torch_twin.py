"""A run begun in JAX goes on in torch, along the path that JAX alone would have gone."""

import inspect

import jax
import optax
import pytest
import torch

import jaxport.optimizers as ours
from compare import torch_twin
from compare.errors import UsageError
from compare.explain.differences.twin_problem import SHAPES, TorchRun, apart, jax_walk

USERS_MODELS = True  # optax's Adam does not run under strict promotion
EQUAL = 1e-12
SLOW = {"learning_rate": ours.step_lr(0.001, 5)}
CYCLED = {"momentum": ours.linear_lr(0.9, 0.5, 1.0, 30)}
PLATEAU = ours.reduce_lr_on_plateau(0.05, patience=0, threshold=0.1, min_lr=0.001)
LOWER = {"learning_rate": PLATEAU._replace(learning_rate=0.02, min_lr=0.015)}
GROUPS = ({name: "a" if len(shape) > 1 else "b" for name, shape in SHAPES.items()}, {"a": {}, "b": {"momentum": 0.5}})


@pytest.mark.parametrize(
    ("transformation", "kind", "groups"),
    [
        (ours.sgd(0.05, dampening=0.3, weight_decay=0.1), "SGD", 1),
        (inspect.unwrap(ours.sgd)(0.05, dampening=0.3, nesterov=True), "SGD", 1),
        (ours.sgd(*ours.one_cycle_lr(0.1, 100)), "SGD", 1),
        (ours.nadam(*ours.one_cycle_lr(0.02, 100)), "NAdam", 1),
        (ours.adamw(0.02, weight_decay=ours.linear_lr(0.1, 1.0, 0.0, 20)), "Adam", 1),
        (ours.by_group(ours.sgd, GROUPS[0], {"a": CYCLED, "b": {"learning_rate": 0.05}}), "SGD", 2),
        (ours.by_group(ours.sgd, *GROUPS, learning_rate=0.05, nesterov=True), "SGD", 2),
        (
            ours.by_group(ours.sgd, GROUPS[0], {"a": {"learning_rate": ours.step_lr(0.1, 5)}, "b": SLOW}),
            "SGD",
            2,
        ),
        (ours.by_group(ours.nadam, GROUPS[0], {"a": {"momentum_decay": 0.1}, "b": {"b1": 0.5}}), "NAdam", 2),
        (ours.by_group(ours.sgd, GROUPS[0], {"a": {"learning_rate": PLATEAU}, "b": LOWER}), "SGD", 2),
        (ours.adam(0.02, b2=0.9, amsgrad=True, maximize=True), "Adam", 1),
        (ours.adamw(ours.warmup_then_cosine(0.02, 5, 30), weight_decay=0.1, mask=ours.decayed), "Adam", 2),
        (ours.adamax(0.01), "Adamax", 1),
        (ours.nadam(0.01, weight_decay=0.1, decoupled_weight_decay=True), "NAdam", 1),
        (ours.radam(0.01), "RAdam", 1),
        (ours.rmsprop(0.005, alpha=0.9, momentum=0.9, centered=True), "RMSprop", 1),
        (ours.adagrad(0.1, lr_decay=0.1, initial_accumulator_value=0.1), "Adagrad", 1),
        (ours.adadelta(), "Adadelta", 1),
        (ours.adafactor(ours.step_lr(0.02, 7)), "Adafactor", 1),
        (ours.rprop(), "Rprop", 1),
        (ours.asgd(0.05), "ASGD", 1),
        (ours.lbfgs(0.5, history_size=3), "LBFGS", 1),
        (ours.sgd(ours.reduce_lr_on_plateau(0.05, patience=1, threshold=0.1)), "SGD", 1),
        (optax.adamw(1e-2), "Adam", 1),
        (optax.inject_hyperparams(optax.adam)(0.01), "Adam", 1),
        (optax.adagrad(0.1, eps=0.0), "Adagrad", 1),
    ],
)
def test_a_transformation_goes_on_in_torch(transformation, kind, groups):
    """Its settings by its closures, its state slot by slot, its schedule as a scheduler."""
    steps = 6 if kind == "LBFGS" else 12
    _, params, state = jax_walk(transformation, steps=steps)
    port, _, _ = jax_walk(transformation, params, state, steps)
    twin = torch_twin(transformation, params, state)
    run = TorchRun(lambda _: twin.optimizer)
    run.params, run.scheduler = dict(twin.parameters), twin.scheduler
    assert apart(port, run.walk(steps)) < EQUAL
    assert (type(twin.optimizer).__name__, len(twin.optimizer.param_groups)) == (kind, groups)


@pytest.mark.parametrize(
    ("transformation", "why"),
    [
        (optax.lion(0.1), "torch has no optimizer with it"),
        (optax.rmsprop(0.1), "eps_in_sqrt=True: torch has eps_in_sqrt=False"),
        (optax.rmsprop(0.1, eps_in_sqrt=False, momentum=0.9), "before the momentum"),
        (optax.chain(optax.clip_by_global_norm(1.0), optax.adam(0.1)), "clip_grad_norm_"),
        (optax.MultiSteps(optax.adam(0.1), 2), "before step"),
        (ours.accumulate(ours.adam(0.1), 2), "before step"),
        (optax.apply_if_finite(optax.adam(0.1), 3), "no twin of apply_if_finite"),
        ("adam", "expected an optax transformation, got"),
        (ours.sgd(PLATEAU, ours.linear_lr(0.9)), "beside another setting that follows the step"),
        (ours.sgd(0.1, PLATEAU), "decay is a schedule that follows a value"),
        (optax.partition({"a": optax.sgd(0.1), "b": optax.adam(0.1)}, GROUPS[0]), "Adam and SGD"),
        (optax.scale_by_adam(), "uphill"),
        (ours.by_group(ours.sgd, GROUPS[0], {"a": {}, "b": LOWER}), "some do not follow a value"),
        (ours.by_group(ours.sgd, GROUPS[0], {"a": {"learning_rate": PLATEAU._replace(patience=3)}, "b": LOWER}), "one"),
        (3, "no twin of it"),
    ],
)
def test_what_torch_does_not_have_is_said(transformation, why):
    """In one sentence."""
    params = {name: jax.numpy.zeros(shape) for name, shape in SHAPES.items()}
    with pytest.raises(UsageError, match=why):
        torch_twin(transformation, params)


def test_a_model_is_given_the_values():
    """Its own parameters are trained, by name."""
    model = torch.nn.Linear(2, 1)
    params = {"weight": jax.numpy.ones((1, 2)), "bias": jax.numpy.zeros(1)}
    twin = torch_twin(ours.sgd(0.1), params, model=model)
    assert {id(one) for one in twin.optimizer.param_groups[0]["params"]} == {id(model.weight), id(model.bias)}
    assert model.weight.tolist() == [[1, 1]]
    named = torch_twin(ours.sgd(0.1), params, model=dict(model.named_parameters()))
    assert {id(one) for one in named.optimizer.param_groups[0]["params"]} == {id(model.weight), id(model.bias)}
    with pytest.raises(UsageError, match="its tensors by name"):
        torch_twin(ours.sgd(0.1), params, model=3)
    with pytest.raises(UsageError, match="not named like the leaves"):
        torch_twin(ours.sgd(0.1), {"kernel": params["weight"], "bias": params["bias"]}, model=model)


@pytest.mark.parametrize("transformation", [optax.lion(0.1), ours.adam(0.1)])
def test_a_model_is_left_alone_where_there_is_no_twin(transformation):
    """Of the rule, or of the state."""
    model = torch.nn.Linear(1, 1, bias=False)
    before, params = model.weight.detach().clone(), {"weight": jax.numpy.full((1, 1), 7.0)}
    one, two = (ours.adam(0.1).init(params)[0]._replace(count=jax.numpy.asarray(at)) for at in (1, 2))
    with pytest.raises(UsageError, match="no twin"):
        torch_twin(transformation, params, (one, two), model=model)
    assert torch.equal(model.weight, before)


def test_schedules_at_different_steps_have_no_scheduler():
    """torch counts once for all groups."""
    params = {name: jax.numpy.zeros(shape) for name, shape in SHAPES.items()}
    rule = ours.by_group(ours.sgd, GROUPS[0], {"a": SLOW, "b": SLOW})
    state = rule.init(params)
    _, later = rule.update(params, state, params)
    mixed = state._replace(inner_states={**state.inner_states, "b": later.inner_states["b"]})
    with pytest.raises(UsageError, match="at steps 0 and 1"):
        torch_twin(rule, params, mixed)
