"""Modules: the tree of variables, its names, moving to a device, and what the parameters start from."""

import math
from typing import Any

import jax
from flax import linen as nn
from flax import nnx, traverse_util
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


def inventory(model: nn.Module, images: Float[Array, "batch channels height width"]) -> dict[str, tuple[int, ...]]:
    """The shape of each parameter, by its name: the layer's kind and count, and what the layer calls it."""
    shapes = jax.eval_shape(model.init, jax.random.key(0), images)["params"]  # shapes alone: nothing is drawn
    return {name: leaf.shape for name, leaf in traverse_util.flatten_dict(shapes, sep=".").items()}


def module(
    images: Float[Array, "batch channels height width"],
    W1: Float[Array, "hidden pixels"],
    b1: Float[Array, "hidden"],
    W2: Float[Array, "classes hidden"],
    b2: Float[Array, "classes"],
) -> tuple[Float[Array, "batch classes"], Float[Array, "batch classes"]]:
    """A module used in both of its forms: Linen is a function that is given its weights, NNX an object that holds them.

    Returns:
        The logits of the one and of the other.
    """
    weights = {"Dense_0": {"kernel": W1.T, "bias": b1}, "Dense_1": {"kernel": W2.T, "bias": b2}}
    weights = jax.device_put(weights, images.device)  # every leaf at once: a new tree, the module holds nothing to move
    given: Any = mlp.MLP().apply({"params": weights}, images)

    model = nnx.eval_shape(lambda: mlp_nnx.MLP(rngs=nnx.Rngs(0)))  # shapes without memory
    graph, state = nnx.split(model)
    nnx.replace_by_pure_dict(state, {"hidden": weights["Dense_0"], "out": weights["Dense_1"]})
    held = nnx.merge(graph, state)(images)
    return given, held


def initialisers(
    fan_in: int, outputs: int, key: Key[Array, ""]
) -> tuple[Float[Array, "inputs outputs"], Float[Array, "outputs"], Float[Array, "inputs outputs"]]:
    """What a linear layer starts from by default, and how to have the other framework's default.

    Returns:
        A weight and a bias as torch would draw them, and Flax's default weight, asked for by name.
    """
    init, for_weight, for_bias = nn.initializers, *jax.random.split(key)
    # torch's: a gain of sqrt(1/3). A bias initialiser sees the bias alone, which has no fan_in: its bound is told.
    bound = 1 / math.sqrt(fan_in)
    weight = init.variance_scaling(1 / 3, "fan_in", "uniform")(for_weight, (fan_in, outputs))
    bias = jax.random.uniform(for_bias, (outputs,), minval=-bound, maxval=bound)
    # Flax's own: normal, cut at two standard deviations, then widened by what the cut takes away. Its bias is zero.
    other = init.lecun_normal()(for_weight, (fan_in, outputs))
    return weight, bias, other
