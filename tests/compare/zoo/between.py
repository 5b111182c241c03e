"""A function of the hidden units between two layers, in each style: what it is, its row says."""

from collections.abc import Callable

from flax import linen, nnx
from jax import Array
from torch import Tensor, nn

from tests.compare.zoo import normal

WIDTH, WIDE = 6, 8
X = normal(5, WIDTH)
Between = Callable[[Array], Array]


class Net(nn.Module):
    """A function of the hidden units in the root's own code, between two layers."""

    def __init__(self, between: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.up, self.down, self.between = nn.Linear(WIDTH, WIDE), nn.Linear(WIDE, 3), between

    def forward(self, x: Tensor) -> Tensor:
        return self.down(self.between(2 * self.up(x)))


class NetLinen(linen.Module):
    between: Between

    @linen.compact
    def __call__(self, x: Array) -> Array:
        return linen.Dense(3, name="down")(self.between(2 * linen.Dense(WIDE, name="up")(x)))


class NetNNX(nnx.Module):
    def __init__(self, between: Between, rngs: nnx.Rngs) -> None:
        self.up, self.down = nnx.Linear(WIDTH, WIDE, rngs=rngs), nnx.Linear(WIDE, 3, rngs=rngs)
        self.between = between

    def __call__(self, x: Array) -> Array:
        return self.down(self.between(2 * self.up(x)))
