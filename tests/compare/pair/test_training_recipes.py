"""Recipes by name: the same function on both sides from the first step to the last."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import torch

from compare.errors import UsageError
from compare.pair import pairs
from compare.pair.scaled import Scaled
from compare.pair.training_recipes import RECIPES, with_recipe

USERS_MODELS = True  # optax's Adam does not run under strict promotion
STEPS = 12


@pytest.mark.parametrize("name", RECIPES)
def test_both_forms_of_a_recipe_move_alike(name):
    """On random gradients, to its last step."""
    training = with_recipe(pairs.find("mlp"), name, STEPS).training()
    start = {"bias": np.ones(3), "kernel": np.ones((2, 3))}
    own = {key: torch.nn.Parameter(torch.tensor(value)) for key, value in start.items()}
    optimizer, transformation = training.reference(own.values()), training.port()
    rng = np.random.default_rng(0)
    with jax.enable_x64(True):
        params = jax.tree.map(jnp.array, start)
        state, step = transformation.init(params), jax.jit(transformation.update)
        for _ in range(STEPS):
            grads = {key: rng.standard_normal(value.shape) for key, value in start.items()}
            for key, one in own.items():
                one.grad = torch.tensor(grads[key])
            if isinstance(training, Scaled):  # its training step does, once the scale is divided out
                torch.nn.utils.clip_grad_norm_(own.values(), training.max_norm)
            optimizer.step()
            updates, state = step(grads, state, params)
            params = optax.apply_updates(params, updates)
    for key, one in own.items():
        np.testing.assert_allclose(params[key], one.detach().numpy(), rtol=1e-12)
        assert np.abs(one.detach().numpy() - 1).max() > 1e-3


def test_an_unknown_recipe_is_one_line():
    """With the nearest, or all."""
    with pytest.raises(UsageError, match="did you mean nadam"):
        with_recipe(pairs.find("mlp"), "nadm", STEPS)
    with pytest.raises(UsageError, match="expected one of sgd-steps, one-cycle"):
        with_recipe(pairs.find("mlp"), "zzz", STEPS)
