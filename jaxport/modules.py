"""Modules: the tree of variables, its names, moving to a device, and what the parameters start from."""

import math
from typing import Any

import jax
import jax.numpy as jnp
from flax import errors, nnx, traverse_util
from flax import linen as nn
from jax.typing import DTypeLike
from jaxtyping import Array, Float, Key

from jaxport import mlp, mlp_nnx


class Listed(nn.Module):
    """Two layers kept in a plain list."""

    def setup(self) -> None:
        self.layers = [nn.Dense(3), nn.Dense(3)]  # Linen looks into it (layers_0, layers_1); NNX wants nnx.List

    def __call__(self, x: Float[Array, "batch features"]) -> Float[Array, "batch features"]:
        for layer in self.layers:
            x = layer(x)
        return x


def module(
    images: Float[Array, "batch channels height width"],
    W1: Float[Array, "hidden pixels"],
    b1: Float[Array, "hidden"],
    W2: Float[Array, "classes hidden"],
    b2: Float[Array, "classes"],
) -> dict[str, object]:
    """A module's parameters: found, counted, named, given, moved, and used in both of its forms."""
    model, key = mlp.MLP(), jax.random.key(0)
    shapes = jax.eval_shape(model.init, key, images)["params"]  # shapes alone: nothing is drawn
    count = sum(leaf.size for leaf in jax.tree.leaves(shapes))
    inventory = {name: leaf.shape for name, leaf in traverse_util.flatten_dict(shapes, sep=".").items()}
    listed = jax.eval_shape(Listed().init, key, jnp.zeros((1, 3)))["params"]

    params = {"Dense_0": {"kernel": W1.T, "bias": b1}, "Dense_1": {"kernel": W2.T, "bias": b2}}
    moved = jax.device_put(params, images.device)  # every leaf at once: a new tree, the module holds nothing to move
    given: Any = model.apply({"params": moved}, images)  # Linen: a function of its weights

    graph, state = nnx.split(nnx.eval_shape(lambda: mlp_nnx.MLP(rngs=nnx.Rngs(0))))
    weights = {"hidden": {"kernel": W1.T, "bias": b1}, "out": {"kernel": W2.T, "bias": b2}}
    nnx.replace_by_pure_dict(state, weights)
    held = nnx.merge(graph, state)(images)  # NNX: an object that holds its weights
    try:
        model.apply({"params": {"Dense_0": {"kernel": W1.T}}}, images)
    except errors.ScopeParamNotFoundError as error:
        refused = str(error)
    return {
        "parameters": count,
        "inventory": inventory,
        "parameters in a plain list": sum(leaf.size for leaf in jax.tree.leaves(listed)),
        "logits, weights given": given,
        "logits, weights held": held,
        "both forms agree": bool(jnp.array_equal(given, held)),
        "moving returns the same object": moved is params,
        "refused": refused,
    }


def initialisers(key: Key[Array, ""]) -> dict[str, object]:
    """What a linear layer starts from by default, and how to have the other framework's default."""
    fan_in, outputs, init = 784, 128, nn.initializers
    default = nn.Dense(outputs)

    # Asked for by name: normal, cut at two standard deviations, then widened by what the cut takes away.
    named = nn.Dense(outputs, kernel_init=init.lecun_normal(), bias_init=init.zeros)
    spread, cut = 1 / math.sqrt(fan_in), 0.87962566103423978

    # torch's. A bias initialiser sees the bias alone, which has no fan_in: its bound has to be told.
    bound = math.sqrt(3 * (1 / 3) / fan_in)

    def bias_init(key: Key[Array, ""], shape: tuple[int, ...], dtype: DTypeLike) -> Array:
        return jax.random.uniform(key, shape, dtype, -bound, bound)

    other = nn.Dense(outputs, kernel_init=init.variance_scaling(1 / 3, "fan_in", "uniform"), bias_init=bias_init)

    @jax.jit
    def drawn(key: Key[Array, ""]) -> list[dict[str, Array]]:
        return [layer.init(key, jnp.zeros((1, fan_in)))["params"] for layer in (default, named, other)]

    of_flax, by_name, of_torch = drawn(key)  # from one key
    deviation, torch_drawn = bound / math.sqrt(3), of_torch["kernel"].std().item()
    flax_drawn, flax_bound = of_flax["kernel"].std().item(), 2 * spread / cut
    largest, flax_largest = (jnp.abs(params["kernel"]).max().item() for params in (of_torch, of_flax))
    slack = 1 + 1e-6  # a float32 draw of exactly the bound may exceed the bound in float64
    return {
        "default, by name": all(jax.tree.leaves(jax.tree.map(jnp.array_equal, of_flax, by_name))),
        "torch: bound": bound,
        "torch: standard deviation": deviation,
        "Flax: bound": flax_bound,
        "Flax: standard deviation": spread,
        "torch: drawn within the bound": max(largest, jnp.abs(of_torch["bias"]).max().item()) <= bound * slack,
        "torch: drawn up to the bound": largest > 0.99 * bound,
        "torch: drawn deviation within 1%": abs(torch_drawn / deviation - 1) < 0.01,
        "torch: drawn standard deviation": torch_drawn,
        "Flax: drawn within the bound": flax_largest <= flax_bound * slack,
        "Flax: drawn up to the bound": flax_largest > 0.99 * flax_bound,
        "Flax: drawn deviation within 1%": abs(flax_drawn / spread - 1) < 0.01,
        "Flax: drawn standard deviation": flax_drawn,
        "default bias, largest": jnp.abs(of_flax["bias"]).max().item(),
    }
