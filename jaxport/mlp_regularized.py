"""The multilayer perceptron with batch norm and dropout: the two layers that act otherwise in training."""

import math

from flax import linen as nn
from jaxtyping import Array, Float


class RegularizedMLP(nn.Module):
    """Images ``(batch, 1, 28, 28)`` in, raw logits ``(batch, n_classes)`` out.

    The mode is an argument of every call. In training, ``apply`` also needs ``rngs={"dropout": key}`` and
    ``mutable=["batch_stats"]``, and returns the new running statistics beside the logits.

    Args:
        rate: the share of hidden units that dropout sets to zero in training.
    """

    hidden: int = 128
    n_classes: int = 10
    rate: float = 0.5

    @nn.compact
    def __call__(
        self, images: Float[Array, "batch channels height width"], train: bool
    ) -> Float[Array, "batch classes"]:
        rows, pixels = images.shape[0], math.prod(images.shape[1:])
        x = images.reshape(rows, pixels)  # to (batch, 784)
        x = nn.Dense(self.hidden)(x)
        x = nn.BatchNorm(use_running_average=not train, momentum=0.9)(x)  # torch's momentum is 1 minus this one
        x = nn.relu(x)
        x = nn.Dropout(self.rate, deterministic=not train)(x)
        return nn.Dense(self.n_classes)(x)
