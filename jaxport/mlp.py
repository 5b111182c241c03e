"""The multilayer perceptron: flatten, linear, ReLU, linear. With the default sizes, 101,770 parameters."""

import math

from flax import linen as nn


class MLP(nn.Module):
    """Images ``(batch, 1, 28, 28)`` in, raw logits ``(batch, n_classes)`` out.

    There is no softmax: the cross-entropy of ``jaxport.losses`` takes logits.
    The input size is no argument: Flax reads it off the first batch, in ``init``.
    """

    hidden: int = 128
    n_classes: int = 10

    @nn.compact
    def __call__(self, images):
        rows, pixels = images.shape[0], math.prod(images.shape[1:])
        x = images.reshape(rows, pixels)  # to (batch, 784)
        x = nn.Dense(self.hidden)(x)  # kernel (784, 128)
        x = nn.relu(x)
        return nn.Dense(self.n_classes)(x)  # kernel (128, 10)
