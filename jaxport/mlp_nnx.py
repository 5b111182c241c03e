"""The multilayer perceptron of ``jaxport.mlp`` in Flax NNX: an object that holds its parameters, as in PyTorch."""

import math

from flax import nnx
from jaxtyping import Array, Float


class MLP(nnx.Module):
    """Images ``(batch, 1, 28, 28)`` in, raw logits ``(batch, n_classes)`` out.

    The input size is an argument, unlike in Linen: the parameters are made here and not by a first batch.

    Source: https://flax.readthedocs.io/en/latest/nnx_basics.html
    """

    def __init__(self, in_dim: int = 784, hidden: int = 128, n_classes: int = 10, *, rngs: nnx.Rngs) -> None:
        self.hidden = nnx.Linear(in_dim, hidden, rngs=rngs)  # kernel (784, 128)
        self.out = nnx.Linear(hidden, n_classes, rngs=rngs)  # kernel (128, 10)

    def __call__(self, images: Float[Array, "batch channels height width"]) -> Float[Array, "batch classes"]:
        rows, pixels = images.shape[0], math.prod(images.shape[1:])
        x = images.reshape(rows, pixels)  # to (batch, 784)
        x = nnx.relu(self.hidden(x))
        return self.out(x)
