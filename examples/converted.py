"""What a converter made: is it the same function? A function of the reference's own arrays, by its own names.

torchax and torch2jax hand out a function and its parameters, a ``state_dict`` of JAX arrays: weights, running
statistics and the integer counter beside them. There is nothing to map, and still something to judge: epsilons and
momenta, training mode, gradients, and whether the running statistics go on as torch's do. A function cannot write them,
so it hands them back: ``(outputs, state)``, ``state`` a dictionary like the parameters, or the part of it that changed.

    jaxport verify examples/converted.py
"""

import jax
import numpy as np
import torch
from jax import Array
from jax import numpy as jnp
from torch import Tensor, nn

from compare.pair.pair import Pair

CHANNELS, LABELS = 8, 5


class Net(nn.Module):
    """Images (batch, 3, height, width) to logits (batch, labels)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, CHANNELS, 3, padding=1)
        self.bn = nn.BatchNorm2d(CHANNELS)
        self.head = nn.Linear(CHANNELS, LABELS)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.relu(self.bn(self.conv(x))).mean((2, 3)))


# What a converter hands out, written by hand here: nothing need be installed for it.


def batch_norm(p: dict[str, Array], x: Array, train: bool) -> tuple[Array, dict[str, Array]]:
    """torch's: the batch is divided by its own variance, and the running one keeps the unbiased."""
    mean, var = p["bn.running_mean"], p["bn.running_var"]
    state = {}
    if train:
        count = x.size / x.shape[1]
        kept, (mean, var) = (0.9 * mean, 0.9 * var), (x.mean((0, 2, 3)), x.var((0, 2, 3)))
        state = {
            "bn.running_mean": kept[0] + 0.1 * mean,
            "bn.running_var": kept[1] + 0.1 * var * count / (count - 1),
            "bn.num_batches_tracked": p["bn.num_batches_tracked"] + 1,
        }
    scale, shift, mean, var = (one[:, None, None] for one in (p["bn.weight"], p["bn.bias"], mean, var))
    return (x - mean) * jax.lax.rsqrt(var + 1e-5) * scale + shift, state


def converted(p: dict[str, Array], x: Array, train: bool = False) -> tuple[Array, dict[str, Array]]:
    y = jax.lax.conv_general_dilated(x, p["conv.weight"], (1, 1), "SAME") + p["conv.bias"][:, None, None]
    y, state = batch_norm(p, y, train)
    return jax.nn.relu(y).mean((2, 3)) @ p["head.weight"].T + p["head.bias"], state


torch.manual_seed(0)
reference = Net()
parameters = {name: jnp.asarray(tensor.numpy()) for name, tensor in reference.state_dict().items()}

pair = Pair(
    reference=reference,
    port=(converted, parameters),
    batch=np.random.default_rng(0).standard_normal((4, 3, 6, 5)).astype(np.float32),
)
