"""Faults planted in feed-forward models: norms, activations, dense layers, residuals and what the gradient sees.

No faults, measured: a fast variance in place of the exact one (the same function), and a square kernel used transposed
where the weight map is searched for (it takes the transpose for the port's layout). Refused before anything runs,
measured: a bias or scale that the port does not hold, and a layer that it holds and never uses.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import numpy as np
import torch
from flax import linen, nnx
from jax import Array, lax
from jax import numpy as jnp
from torch import Tensor, nn

from compare.pair.pair import Pair
from compare.weights.entry import linear
from compare.weights.weights import WeightMap
from tests.compare.planted import nnx_port, paired
from tests.compare.planted.row import Planted
from tests.compare.zoo import dense, normal, norms, seeded

Join = Callable[[Array, Array], Array]
WIDTH, WIDE = 8, 12


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(WIDTH)
        self.up = nn.Linear(WIDTH, WIDE)
        self.act = nn.GELU()
        self.down = nn.Linear(WIDE, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        return x + 0.5 * self.down(self.act(self.up(self.norm(x))))


class Net(nn.Module):
    """Two residual blocks and a head; a fault is planted in the second block."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList([Block(), Block()])
        self.head = nn.Linear(WIDTH, 3)

    def forward(self, x: Tensor) -> Tensor:
        for block in self.blocks:
            x = block(x)
        return self.head(x)


def halved(x: Array, h: Array) -> Array:
    return x + 0.5 * h


gelu = partial(jax.nn.gelu, approximate=False)


class BlockLinen(linen.Module):
    norm: Callable[..., linen.Module] = partial(linen.LayerNorm, epsilon=1e-5)
    act: Callable[[Array], Array] = gelu
    join: Join = halved

    @linen.compact
    def __call__(self, x: Array) -> Array:
        h = linen.Dense(WIDE, name="up")(self.norm(name="norm")(x))
        return self.join(x, linen.Dense(WIDTH, name="down")(self.act(h)))


class NetLinen(linen.Module):
    second: Callable[..., linen.Module] = BlockLinen

    @linen.compact
    def __call__(self, x: Array) -> Array:
        x = self.second(name="blocks_1")(BlockLinen(name="blocks_0")(x))
        return linen.Dense(3, name="head")(x)


class BlockNNX(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.norm = nnx.LayerNorm(WIDTH, epsilon=1e-5, rngs=rngs)
        self.up = nnx.Linear(WIDTH, WIDE, rngs=rngs)
        self.act: Callable[[Array], Array] = gelu
        self.down = nnx.Linear(WIDE, WIDTH, rngs=rngs)
        self.join: Join = halved

    def __call__(self, x: Array) -> Array:
        return self.join(x, self.down(self.act(self.up(self.norm(x)))))


class NetNNX(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.blocks = nnx.List([BlockNNX(rngs), BlockNNX(rngs)])
        self.head = nnx.Linear(WIDTH, 3, rngs=rngs)

    def __call__(self, x: Array) -> Array:
        for block in self.blocks:
            x = block(x)
        return self.head(x)


class ByHandNorm(linen.Module):
    """A layer norm as one writes it: ``ddof`` of the variance, epsilon inside the root or outside."""

    ddof: int = 0
    outside: bool = False

    @linen.compact
    def __call__(self, x: Array) -> Array:
        scale = self.param("scale", linen.initializers.ones, (x.shape[-1],))
        bias = self.param("bias", linen.initializers.zeros, (x.shape[-1],))
        variance = x.var(-1, keepdims=True, ddof=self.ddof)
        root = jnp.sqrt(variance) + 1e-5 if self.outside else jnp.sqrt(variance + 1e-5)
        return (x - x.mean(-1, keepdims=True)) / root * scale + bias


@jax.custom_vjp
def gelu_with_tanh_derivative(x: Array) -> Array:
    return gelu(x)


gelu_with_tanh_derivative.defvjp(
    lambda x: (gelu(x), x), lambda x, g: jax.vjp(partial(jax.nn.gelu, approximate=True), x)[1](g)
)


@jax.custom_vjp
def slightly_steep(x: Array) -> Array:
    return x


slightly_steep.defvjp(lambda x: (x, None), lambda _, g: (g * (1 + 1e-5),))

X = normal(3, WIDTH)
NET_LINEN = paired(seeded(Net), NetLinen, X)
NET_NNX = paired(seeded(Net), nnx_port(NetNNX), X)


def net_linen(**fault: Any) -> Callable[[], Pair]:
    return paired(seeded(Net), lambda: NetLinen(partial(BlockLinen, **fault)), X)


def net_nnx(**fault: Any) -> Callable[[], Pair]:
    settings = {f"blocks__1__{name}": value for name, value in fault.items()}
    return paired(seeded(Net), nnx_port(NetNNX, **settings), X)


BY_HAND = net_linen(norm=ByHandNorm)

# The zoo's own models: one attribute of an NNX model changed, or one method overridden.


class OnePlusRMSNorm(nnx.RMSNorm):
    """Gemma's: the scale is kept as its distance from 1."""

    def __call__(self, x: Array, mask: Array | None = None) -> Array:
        scale = 1 + self.scale[...]
        return x * lax.rsqrt(jnp.mean(x**2, axis=-1, keepdims=True) + self.epsilon) * scale


class OnePlusNormed(norms.RmsNormedNNX):
    def __init__(self, rngs: nnx.Rngs) -> None:
        super().__init__(rngs)
        self.inner_norm = OnePlusRMSNorm(12, epsilon=1e-6, rngs=rngs)


class TwoAxesLinen(linen.Module):
    axes: tuple[int, ...] = (-2, -1)

    @linen.compact
    def __call__(self, x: Array) -> Array:
        return linen.Dense(4)(linen.LayerNorm(epsilon=1e-5, reduction_axes=self.axes, feature_axes=(-2, -1))(x))


class RowwiseNNX(dense.ActorCriticNNX):
    def __call__(self, x: Array) -> tuple[Array, Array]:
        h = nnx.elu(self.torso(x))
        return nnx.log_softmax(self.actor(h), axis=0), self.critic(h).squeeze(-1)


class HalfEluNNX(dense.ActorCriticNNX):
    def __call__(self, x: Array) -> tuple[Array, Array]:
        h = nnx.elu(self.torso(x), alpha=0.5)
        return nnx.log_softmax(self.actor(h)), self.critic(h).squeeze(-1)


class DetachedCritic(dense.ActorCritic):
    """The value head does not train the trunk."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        h = nn.functional.elu(self.trunk(x))
        return nn.functional.log_softmax(self.policy(h), dim=-1), self.value(h.detach()).squeeze(-1)


class DetachedCriticLinen(linen.Module):
    detach: Callable[[Array], Array] = lax.stop_gradient

    @linen.compact
    def __call__(self, x: Array) -> tuple[Array, Array]:
        h = linen.elu(linen.Dense(10, name="torso")(x))
        value = linen.Dense(1, name="critic")(self.detach(h))
        return linen.log_softmax(linen.Dense(3, name="actor")(h)), value[..., 0]


class SwappedGluNNX(dense.GluNNX):
    def __call__(self, x: Array) -> Array:
        gate, value = jnp.split(self.value_and_gate(x), 2, axis=-1)
        return self.out(value * nnx.sigmoid(gate))


class TransposedNNX(dense.StackNNX):
    def __call__(self, x: Array) -> Array:
        for number, layer in enumerate(self.dense):
            x = jnp.tanh(x @ layer.kernel[...].T + layer.bias[...] if number == 1 else layer(x))
        return x


class TwiceNNX(dense.StackNNX):
    """A loop that closes over its variable: the second layer is called where the third stands."""

    def __call__(self, x: Array) -> Array:
        first, second, _ = self.dense
        return jnp.tanh(second(jnp.tanh(second(jnp.tanh(first(x))))))


class NoBiasNNX(dense.StackNNX):
    def __call__(self, x: Array) -> Array:
        for number, layer in enumerate(self.dense):
            x = jnp.tanh(x @ layer.kernel[...] if number == 1 else layer(x))
        return x


class Positive(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.enter = nn.Linear(4, 6)
        self.act = nn.Softplus()
        self.leave = nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.leave(self.act(self.enter(x)))


class PositiveNNX(nnx.Module):
    def __init__(self, act: Callable[[Array], Array], rngs: nnx.Rngs) -> None:
        self.enter = nnx.Linear(4, 6, rngs=rngs)
        self.act = act
        self.leave = nnx.Linear(6, 3, rngs=rngs)

    def __call__(self, x: Array) -> Array:
        return self.leave(self.act(self.enter(x)))


def linear_above_20(x: Array) -> Array:
    return jnp.where(x > 20, x, jax.nn.softplus(jnp.minimum(x, 20)))


def large(rng: np.random.Generator) -> np.ndarray:
    return (30 * rng.standard_normal((4, 4))).astype(np.float32)


class Quantize(nn.Module):
    """To quarters; the gradient passes as if nothing had been rounded."""

    def forward(self, x: Tensor) -> Tensor:
        return x + (torch.round(4 * x) / 4 - x).detach()


class Quantized(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encode = nn.Linear(5, 6)
        self.quantize = Quantize()
        self.decode = nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.decode(self.quantize(self.encode(x)))


def straight_through(x: Array) -> Array:
    return x + lax.stop_gradient(jnp.round(4 * x) / 4 - x)


class QuantizedNNX(nnx.Module):
    def __init__(self, quantize: Callable[[Array], Array], rngs: nnx.Rngs) -> None:
        self.encode = nnx.Linear(5, 6, rngs=rngs)
        self.quantize = quantize
        self.decode = nnx.Linear(6, 3, rngs=rngs)

    def __call__(self, x: Array) -> Array:
        return self.decode(self.quantize(self.encode(x)))


def same(x: Array) -> Array:
    return x


RMS_NORMED = paired(seeded(norms.RmsNormed), nnx_port(norms.RmsNormedNNX), normal(3, 12))
TWO_AXES = paired(seeded(norms.TwoAxes), TwoAxesLinen, normal(2, 6, 9))
ACTOR_CRITIC = paired(seeded(dense.ActorCritic), nnx_port(dense.ActorCriticNNX), normal(4, 6))
DETACHED = paired(seeded(DetachedCritic), DetachedCriticLinen, normal(4, 6))
GLU_NNX = paired(seeded(dense.Glu), nnx_port(dense.GluNNX), normal(3, 7))
# The map is given where the search would undo the fault (a transpose) or refuse it (a layer that is never used).
STACK_MAP = WeightMap(*(linear(f"layers.{number}", f"dense/{number}") for number in range(3)))


def stack(port: Callable[..., nnx.Module]) -> Callable[[], Pair]:
    return paired(seeded(dense.Stack, 3, 6), nnx_port(port, 3, 6), normal(3, 6), weight_map=STACK_MAP)


STACK = stack(dense.StackNNX)
POSITIVE = paired(seeded(Positive), nnx_port(PositiveNNX, linear_above_20), large)
QUANTIZED = paired(seeded(Quantized), nnx_port(QuantizedNNX, straight_through), normal(4, 5))
DROPPING = paired(seeded(dense.Dropping), nnx_port(dense.DroppingNNX), normal(4, 10))


class GeluLinen(linen.Module):
    """Two layers and an activation, which the reference has as a bare ``nn.Sequential``."""

    act: Callable[[Array], Array] = gelu

    @linen.compact
    def __call__(self, x: Array) -> Array:
        return linen.Dense(4)(self.act(linen.Dense(WIDE)(x)))


def bare(act: Callable[[Array], Array]) -> Callable[[], Pair]:
    own = seeded(lambda: nn.Sequential(nn.Linear(WIDTH, WIDE), nn.GELU(), nn.Linear(WIDE, 4)))
    return paired(own, lambda: GeluLinen(act), X)


ROWS = [
    Planted(
        "tanh GELU for a module of a bare nn.Sequential (Linen)",
        bare(jax.nn.gelu),
        bare(gelu),
        where="1",
        setting="approximate",
        port="tanh",
    ),
    Planted(
        "LayerNorm epsilon 1e-6 for 1e-5 (Linen)",
        net_linen(norm=linen.LayerNorm),
        NET_LINEN,
        where="blocks.1.norm",
        setting="epsilon",
    ),
    Planted(
        "LayerNorm of the unbiased variance (Linen)",
        net_linen(norm=partial(ByHandNorm, ddof=1)),
        BY_HAND,
        where="blocks.1.norm",
        setting="unbiased",
    ),
    Planted(
        "LayerNorm epsilon outside the root (Linen)",
        net_linen(norm=partial(ByHandNorm, outside=True)),
        BY_HAND,
        where="blocks.1.norm",
        setting="epsilon",
    ),
    Planted(
        "GELU by tanh, nn.GELU in the reference (Linen)",
        net_linen(act=jax.nn.gelu),
        NET_LINEN,
        where="blocks.1.act",
        setting="approximate",
    ),
    Planted(
        "residual forgotten (Linen)",
        net_linen(join=lambda x, h: 0.5 * h),
        NET_LINEN,
        where="blocks.1",
        setting="residual",
    ),
    Planted(
        "branch not scaled by a half (Linen)",
        net_linen(join=lambda x, h: x + h),
        NET_LINEN,
        where="blocks.1",
        setting="scale",
    ),
    Planted(
        "branch stopped in the gradient (Linen)",
        net_linen(join=lambda x, h: x + 0.5 * lax.stop_gradient(h)),
        NET_LINEN,
        where="blocks.1",
        direction="backward",
        setting="stop_gradient",
    ),
    Planted(
        "GELU whose derivative is that of the tanh form (Linen)",
        net_linen(act=gelu_with_tanh_derivative),
        NET_LINEN,
        where="blocks.1.act",
        direction="backward",
        setting="derivative",
    ),
    Planted(
        "RMSNorm epsilon 1e-6 for 1e-5 (NNX)",
        paired(seeded(norms.RmsNormed), nnx_port(norms.RmsNormedNNX, final_norm__epsilon=1e-6), normal(3, 12)),
        RMS_NORMED,
        where="final",
        setting="epsilon",
    ),
    Planted(
        "RMSNorm with 1 + scale (NNX)",
        paired(seeded(norms.RmsNormed), nnx_port(OnePlusNormed), normal(3, 12)),
        RMS_NORMED,
        where="inner",
        setting="scale",
    ),
    Planted(
        "LayerNorm over the last axis of two (Linen)",
        paired(seeded(norms.TwoAxes), lambda: TwoAxesLinen((-1,)), normal(2, 6, 9)),
        TWO_AXES,
        where="norm",
        setting="axis",
    ),
    Planted(
        "ELU alpha 0.5 for 1 (NNX)",
        paired(seeded(dense.ActorCritic), nnx_port(HalfEluNNX), normal(4, 6)),
        ACTOR_CRITIC,
        where="",
        setting="alpha",
    ),
    Planted(
        "log-softmax over the rows (NNX)",
        paired(seeded(dense.ActorCritic), nnx_port(RowwiseNNX), normal(4, 6)),
        ACTOR_CRITIC,
        where="",
        setting="axis",
    ),
    Planted("SiLU for GELU (NNX)", net_nnx(act=nnx.silu), NET_NNX, where="blocks.1.act", setting="activation"),
    Planted(
        "skip stopped in the gradient (NNX)",
        net_nnx(join=lambda x, h: lax.stop_gradient(x) + 0.5 * h),
        NET_NNX,
        where="blocks.1",
        direction="backward",
        setting="stop_gradient",
    ),
    Planted(
        "custom derivative 1 + 1e-5 times too large (NNX)",
        net_nnx(join=lambda x, h: x + 0.5 * slightly_steep(h)),
        NET_NNX,
        where="blocks.1",
        direction="backward",
        setting="gradient",
    ),
    Planted(
        "gate and value of a GLU exchanged (NNX)",
        paired(seeded(dense.Glu), nnx_port(SwappedGluNNX), normal(3, 7)),
        GLU_NNX,
        where="",
        setting="gate order",
    ),
    Planted(
        "square weight transposed (NNX)",
        stack(TransposedNNX),
        STACK,
        where="layers.1",
        setting="transposed",
    ),
    Planted(
        "one layer used twice, the next never (NNX)",
        stack(TwiceNNX),
        STACK,
        where="layers.2",
        setting="tied",
    ),
    Planted(
        "bias dropped (NNX)",
        stack(NoBiasNNX),
        STACK,
        where="layers.1",
        setting="bias",
    ),
    Planted(
        "softplus without its threshold of 20 (NNX)",
        paired(seeded(Positive), nnx_port(PositiveNNX, nnx.softplus), large),
        POSITIVE,
        where="act",
        setting="threshold",
    ),
    Planted(
        "rounding without the straight-through gradient (NNX)",
        paired(seeded(Quantized), nnx_port(QuantizedNNX, lambda x: jnp.round(4 * x) / 4), normal(4, 5)),
        QUANTIZED,
        where="quantize",
        direction="backward",
        setting="stop_gradient",
    ),
    Planted(
        "detach forgotten before the value head (Linen)",
        paired(seeded(DetachedCritic), lambda: DetachedCriticLinen(same), normal(4, 6)),
        DETACHED,
        where="",
        direction="backward",
        setting="stop_gradient",
    ),
    Planted(
        "dropout rate 0.4 for 0.5 (NNX)",
        paired(seeded(dense.Dropping), nnx_port(dense.DroppingNNX, drop_hidden__rate=0.4), normal(4, 10)),
        DROPPING,
        where="net.3",
        setting="dropout rate",
    ),
]  # fmt: skip
