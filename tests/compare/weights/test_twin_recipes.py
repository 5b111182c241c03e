"""Every recipe in torch's form and in optax's: the same steps in float64; and what has no twin."""

import functools
import types

import numpy as np
import pytest
import torch
from torch.optim.optimizer import register_optimizer_step_pre_hook

import jaxport.optimizers
import torchref.optimizers
from compare.errors import UsageError
from compare.explain.differences.twin_problem import START, TorchRun, apart, jax_walk, vector
from compare.weights.twin_recipes import BY_CLASS, RECIPES, recipe_of, setting
from tests.jaxport.optimizers.test_checks import BAD

USERS_MODELS = True  # optax's Adam does not run under strict promotion
EQUAL = 1e-12  # relative, of the parameters, over all steps

SETTINGS = [
    ("sgd", {"momentum": 0.0}),
    ("sgd", {"learning_rate": 0.05, "nesterov": True, "weight_decay": 0.1}),
    ("sgd", {"learning_rate": 0.05, "dampening": 0.5}),
    ("sgd", {"learning_rate": 0.01, "maximize": True, "weight_decay": 0.1}),
    ("adam", {"learning_rate": 0.05, "eps": 1e-3, "weight_decay": 0.1}),
    ("adam", {"learning_rate": 0.01, "b1": 0.0, "b2": 0.0, "eps": 0.0, "maximize": True}),
    ("adam", {"learning_rate": 0.05, "b2": 0.9, "amsgrad": True}),
    ("adamw", {"learning_rate": 0.05, "b2": 0.9, "amsgrad": True, "maximize": True}),
    ("adamax", {"learning_rate": 0.05, "weight_decay": 0.1}),
    ("nadam", {"learning_rate": 0.02, "weight_decay": 0.1}),
    ("nadam", {"learning_rate": 0.01, "momentum_decay": 1e7, "weight_decay": 0.1, "decoupled_weight_decay": True}),
    ("radam", {"learning_rate": 0.05, "eps": 1e-2, "weight_decay": 0.1, "decoupled_weight_decay": True}),
    ("rmsprop", {"weight_decay": 0.1, "momentum": 0.9}),
    ("rmsprop", {"learning_rate": 0.002, "centered": True, "alpha": 0.9, "eps": 1e-3}),
    ("adagrad", {"learning_rate": 0.1}),
    ("adagrad", {"lr_decay": 0.1, "initial_accumulator_value": 0.1, "weight_decay": 0.1, "eps": 1e-3}),
    ("adadelta", {"rho": 0.5, "weight_decay": 0.1}),
    ("adafactor", {"weight_decay": 0.1}),
    ("adafactor", {"learning_rate": 0.02, "eps1": 1e-3, "eps2": 0.1, "d": 1.5, "maximize": True}),
    ("rprop", {"learning_rate": 0.05, "etaminus": 0.3, "etaplus": 1.5, "step_size_min": 1e-4, "step_size_max": 0.5}),
    ("asgd", {"learning_rate": 0.1, "weight_decay": 0.1, "lambd": 1e-2, "alpha": 0.5, "t0": 20.0}),
    ("lbfgs", {"learning_rate": 0.5, "history_size": 5}),
]


@pytest.mark.parametrize(("name", "told"), SETTINGS, ids=lambda one: one if isinstance(one, str) else "-".join(one))
def test_both_sides_walk_alike(name, told):
    """The function of one name on either side: the same parameters after each of a hundred steps."""
    steps = 30 if name == "lbfgs" else 100  # from there on its gradient is nothing but rounding
    reference = TorchRun(lambda parameters: getattr(torchref.optimizers, name)(parameters, **told)).walk(steps)
    port, _, _ = jax_walk(getattr(jaxport.optimizers, name)(**told), steps=steps)
    assert apart(reference, port) < EQUAL
    assert np.linalg.norm(reference[-1] - vector(START)) > 0.05


def test_every_recipe_is_tried_and_has_its_function_on_both_sides():
    """No row without a case above, and none of torch's arguments that the recipe lacks without a reason."""
    assert {row.name for row in RECIPES} == {name for name, _ in SETTINGS}
    for row in RECIPES:
        assert callable(getattr(torchref.optimizers, row.name))
        group = getattr(torchref.optimizers, row.name)([torch.zeros(2)]).param_groups[0]
        assert row.arguments(group)["learning_rate"] == group["lr"]


@pytest.mark.parametrize(("name", "told"), [(name, told) for name, told, _ in BAD if name in dict(SETTINGS)], ids=str)
def test_a_setting_that_torch_refuses_is_refused(name, told):
    """By the function of that name on either side."""
    with pytest.raises(ValueError, match=r"\w"):
        getattr(torchref.optimizers, name)([torch.ones(1)], **told)
    with pytest.raises(ValueError, match=f"^{name}: "):
        getattr(jaxport.optimizers, name)(**told)


def test_a_setting_is_read_from_a_tuple_and_from_a_tensor():
    """As the optimizer's group has it."""
    group = {"betas": (torch.tensor(0.5), 0.9), "eps": (None, 1.0)}
    assert (setting(group, "betas[0]"), setting(group, "betas[1]"), setting(group, "eps[0]")) == (0.5, 0.9, None)


class _Own(torch.optim.Adam):
    def step(self, closure=None):
        return super().step(closure)


class _Same(torch.optim.Adam):
    pass


def _hooked(parameters):
    optimizer = torch.optim.SGD(parameters)
    optimizer.register_step_post_hook(lambda *_: None)
    return optimizer


def _replaced(parameters):
    optimizer = torch.optim.SGD(parameters)
    optimizer.step = lambda closure=None: None
    return optimizer


@functools.wraps(torch.optim.SGD.step)
def _doubled(self, closure=None):
    return torch.optim.SGD.step(self, closure)


def _disguised(parameters):
    optimizer = torch.optim.SGD(parameters)
    optimizer.step = types.MethodType(_doubled, optimizer)
    torch.optim.lr_scheduler.StepLR(optimizer, 1)
    return optimizer


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (torch.optim.Muon, "bfloat16"),
        (torch.optim.LBFGS, "up to 25 times"),
        (lambda p: torch.optim.LBFGS(p, max_iter=1, line_search_fn="strong_wolfe"), "at other points"),
        (torch.optim.SparseAdam, "not known here"),
        (_Own, "a step"),
        (_hooked, "hooks"),
        (_replaced, "a step"),
        (_disguised, "a step"),
    ],
)
def test_what_has_no_twin_says_why(make, why):
    """One sentence."""
    with pytest.raises(UsageError, match=why):
        recipe_of(make([torch.nn.Parameter(torch.ones(2, 2))]))


def test_hooks_of_all_optimizers_are_hooks():
    """Until they are removed."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(2))])
    handle = register_optimizer_step_pre_hook(lambda *_: None)
    try:
        with pytest.raises(UsageError, match="all optimizers"):
            recipe_of(optimizer)
    finally:
        handle.remove()
    torch.optim.lr_scheduler.StepLR(optimizer, 1)  # which wraps its step
    assert recipe_of(optimizer) is BY_CLASS["SGD"]


def test_a_subclass_that_steps_like_torchs_is_torchs():
    """By what its step is."""
    assert recipe_of(_Same([torch.nn.Parameter(torch.ones(2))])) is BY_CLASS["Adam"]
