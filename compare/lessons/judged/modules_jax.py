"""What is judged of jaxport/modules.py."""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax import errors
from flax import linen as nn
from jax import Array

from compare.lessons.judged.said import refused
from compare.lessons.row import Quantities
from jaxport.mlp import MLP
from jaxport.modules import Listed, inventory

FAN_IN, OUTPUTS = 784, 128
CUT = 0.87962566103423978  # the deviation that a normal has left when it is cut at two of them
SLACK = 1 + 1e-6  # a float32 draw of exactly the bound may exceed the bound in float64


def module(
    function: Callable[..., tuple[Array, Array]], images: Array, W1: Array, b1: Array, W2: Array, b2: Array
) -> Quantities:
    """The parameters that are found, named and moved, and the logits of both forms."""
    given, held = function(images, W1, b1, W2, b2)
    shapes = inventory(MLP(), images)
    listed = jax.eval_shape(Listed().init, jax.random.key(0), jnp.zeros((1, 3)))["params"]
    first = {"Dense_0": {"kernel": W1.T}}
    return {
        "parameters": sum(math.prod(shape) for shape in shapes.values()),
        "inventory": shapes,
        "parameters in a plain list": sum(leaf.size for leaf in jax.tree.leaves(listed)),
        "logits, weights given": given,
        "logits, weights held": held,
        "both forms agree": bool(jnp.array_equal(given, held)),
        "moving returns the same object": jax.device_put(first, images.device) is first,
        "refused": refused(lambda: MLP().apply({"params": first}, images), errors.ScopeParamNotFoundError),
    }


def initialisers(function: Callable[..., tuple[Array, Array, Array]], key: Array) -> Quantities:
    """The theoretical bounds and deviations, what was drawn of them, and the default layer itself."""
    init, x = nn.initializers, jnp.zeros((1, FAN_IN))
    named = nn.Dense(OUTPUTS, kernel_init=init.lecun_normal(), bias_init=init.zeros)
    default, by_name = (jax.jit(layer.init)(key, x)["params"] for layer in (nn.Dense(OUTPUTS), named))
    weight, bias, other = function(FAN_IN, OUTPUTS, key)
    bound = math.sqrt(3 * (1 / 3) / FAN_IN)
    deviation, torch_drawn = bound / math.sqrt(3), weight.std().item()
    spread, flax_drawn = 1 / math.sqrt(FAN_IN), other.std().item()
    flax_bound = 2 * spread / CUT
    largest, largest_bias, flax_largest = (jnp.abs(one).max().item() for one in (weight, bias, other))
    return {
        "default, by name": all(jax.tree.leaves(jax.tree.map(jnp.array_equal, default, by_name))),
        "torch: bound": bound,
        "torch: standard deviation": deviation,
        "Flax: bound": flax_bound,
        "Flax: standard deviation": spread,
        "torch: drawn within the bound": max(largest, largest_bias) <= bound * SLACK,
        "torch: drawn up to the bound": largest > 0.99 * bound,
        "torch: drawn deviation within 1%": abs(torch_drawn / deviation - 1) < 0.01,
        "torch: drawn standard deviation": torch_drawn,
        "Flax: drawn within the bound": flax_largest <= flax_bound * SLACK,
        "Flax: drawn up to the bound": flax_largest > 0.99 * flax_bound,
        "Flax: drawn deviation within 1%": abs(flax_drawn / spread - 1) < 0.01,
        "Flax: drawn standard deviation": flax_drawn,
        "default bias, largest": jnp.abs(default["bias"]).max().item(),
    }
