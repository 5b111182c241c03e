"""Sound ports of feed-forward models: only the names, the layouts and the idiom differ."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import torch
import torch.nn.functional as F
from flax import linen, nnx
from jax import Array
from jax import numpy as jnp
from torch import Tensor, nn

from tests.compare.zoo import normal, seeded
from tests.compare.zoo.row import Sound


class Mlp(nn.Module):
    """Every layer has a name of its own, and another one in the port."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(12, 20)
        self.middle = nn.Linear(20, 9)
        self.head = nn.Linear(9, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(F.gelu(self.middle(torch.tanh(self.embed(x)))))


class MlpLinen(linen.Module):
    @linen.compact
    def __call__(self, x: Array) -> Array:
        x = jnp.tanh(linen.Dense(20)(x))
        x = linen.gelu(linen.Dense(9)(x), approximate=False)
        return linen.Dense(5)(x)


class MlpNNX(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.l1 = nnx.Linear(12, 20, rngs=rngs)
        self.l2 = nnx.Linear(20, 9, rngs=rngs)
        self.out = nnx.Linear(9, 5, rngs=rngs)

    def __call__(self, x: Array) -> Array:
        return self.out(jax.nn.gelu(self.l2(jnp.tanh(self.l1(x))), approximate=False))


def mlp_function() -> tuple[Callable[..., Array], Any]:
    """A plain function of a dictionary of dictionaries, weights (inputs, outputs)."""
    widths = {"a_first": (12, 20), "b_second": (20, 9), "c_third": (9, 5)}
    params = {name: {"w": jnp.ones(shape), "b": jnp.zeros(shape[1])} for name, shape in widths.items()}

    def apply(params: Any, x: Array) -> Array:
        x = jnp.tanh(x @ params["a_first"]["w"] + params["a_first"]["b"])
        x = jax.nn.gelu(x @ params["b_second"]["w"] + params["b_second"]["b"], approximate=False)
        return x @ params["c_third"]["w"] + params["c_third"]["b"]

    return apply, params


class Stack(nn.Module):
    """``depth`` equal layers: their shapes say nothing, and the alphabet puts the eleventh before the third."""

    def __init__(self, depth: int, width: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(width, width) for _ in range(depth))

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = torch.tanh(layer(x))
        return x


class StackLinen(linen.Module):
    depth: int
    width: int

    @linen.compact
    def __call__(self, x: Array) -> Array:
        for _ in range(self.depth):
            x = jnp.tanh(linen.Dense(self.width)(x))
        return x


class StackNNX(nnx.Module):
    def __init__(self, depth: int, width: int, rngs: nnx.Rngs) -> None:
        self.dense = nnx.List([nnx.Linear(width, width, rngs=rngs) for _ in range(depth)])

    def __call__(self, x: Array) -> Array:
        for dense in self.dense:
            x = jnp.tanh(dense(x))
        return x


def stack_function(depth: int, width: int) -> tuple[Callable[..., Array], Any]:
    def apply(params: Any, x: Array) -> Array:
        for weight, bias in params:
            x = jnp.tanh(x @ weight + bias)
        return x

    return apply, [(jnp.eye(width), jnp.zeros(width)) for _ in range(depth)]


class Residual(nn.Module):
    """Blocks of two layers that add to what they are given."""

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.up = nn.Linear(10, 14)
            self.down = nn.Linear(14, 10, bias=False)

        def forward(self, x: Tensor) -> Tensor:
            return x + self.down(F.silu(self.up(x)))

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.Sequential(self.Block(), self.Block(), self.Block())
        self.head = nn.Linear(10, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.blocks(x))


class ResidualBlockLinen(linen.Module):
    hidden: int

    @linen.compact
    def __call__(self, x: Array) -> Array:
        h = linen.silu(linen.Dense(self.hidden, name="expand")(x))
        return x + linen.Dense(x.shape[-1], use_bias=False, name="contract")(h)


class ResidualLinen(linen.Module):
    def setup(self) -> None:
        self.trunk = [ResidualBlockLinen(14) for _ in range(3)]
        self.classifier = linen.Dense(3)

    def __call__(self, x: Array) -> Array:
        for block in self.trunk:
            x = block(x)
        return self.classifier(x)


class ResidualBlockNNX(nnx.Module):
    def __init__(self, width: int, hidden: int, rngs: nnx.Rngs) -> None:
        self.expand = nnx.Linear(width, hidden, rngs=rngs)
        self.contract = nnx.Linear(hidden, width, use_bias=False, rngs=rngs)

    def __call__(self, x: Array) -> Array:
        return x + self.contract(nnx.silu(self.expand(x)))


class ResidualNNX(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.trunk = nnx.Sequential(*[ResidualBlockNNX(10, 14, rngs) for _ in range(3)])
        self.classifier = nnx.Linear(10, 3, rngs=rngs)

    def __call__(self, x: Array) -> Array:
        return self.classifier(self.trunk(x))


class TiedAutoencoder(nn.Module):
    """One tensor, used as it is and transposed: its gradient is the sum of both uses."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Linear(11, 7)
        self.decoder_bias = nn.Parameter(torch.zeros(11))

    def forward(self, x: Tensor) -> Tensor:
        code = torch.sigmoid(self.encoder(x))
        return F.linear(code, self.encoder.weight.t(), self.decoder_bias)


class TiedAutoencoderLinen(linen.Module):
    @linen.compact
    def __call__(self, x: Array) -> Array:
        kernel = self.param("kernel", linen.initializers.lecun_normal(), (x.shape[-1], 7))
        code = linen.sigmoid(x @ kernel + self.param("hidden_bias", linen.initializers.zeros, (7,)))
        return code @ kernel.T + self.param("visible_bias", linen.initializers.zeros, (x.shape[-1],))


class TiedAutoencoderNNX(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.encoder = nnx.Linear(11, 7, rngs=rngs)
        self.visible_bias = nnx.Param(jnp.zeros(11))

    def __call__(self, x: Array) -> Array:
        code = nnx.sigmoid(self.encoder(x))
        return code @ self.encoder.kernel[...].T + self.visible_bias[...]


class SharedLayer(nn.Module):
    """One layer under two names, both of which the ``state_dict`` lists."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(8, 8)
        self.second = self.first
        self.out = nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(torch.tanh(self.second(torch.tanh(self.first(x)))))


class SharedLayerLinen(linen.Module):
    @linen.compact
    def __call__(self, x: Array) -> Array:
        step = linen.Dense(8, name="step")
        return linen.Dense(4, name="readout")(jnp.tanh(step(jnp.tanh(step(x)))))


class SharedLayerNNX(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.step = nnx.Linear(8, 8, rngs=rngs)
        self.readout = nnx.Linear(8, 4, rngs=rngs)

    def __call__(self, x: Array) -> Array:
        return self.readout(jnp.tanh(self.step(jnp.tanh(self.step(x)))))


class RawParameters(nn.Module):
    """Loose parameters, a square one and a scalar among them, in the layout in which they are used."""

    def __init__(self) -> None:
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(8))
        self.mix = nn.Parameter(torch.randn(8, 8) / 3)
        self.project = nn.Parameter(torch.randn(8, 6) / 3)
        self.temperature = nn.Parameter(torch.tensor(1.5))

    def forward(self, x: Tensor) -> Tensor:
        return F.softmax((torch.sin((x + self.shift) @ self.mix) @ self.project) / self.temperature, dim=-1)


class RawParametersLinen(linen.Module):
    @linen.compact
    def __call__(self, x: Array) -> Array:
        normal = linen.initializers.normal(0.3)
        shift = self.param("shift", linen.initializers.zeros, (8,))
        mix = self.param("mix", normal, (8, 8))
        project = self.param("project", normal, (8, 6))
        temperature = self.param("temperature", linen.initializers.ones, ())
        return linen.softmax((jnp.sin((x + shift) @ mix) @ project) / temperature, axis=-1)


class RawParametersNNX(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        normal = nnx.initializers.normal(0.3)
        self.shift = nnx.Param(jnp.zeros(8))
        self.mix = nnx.Param(normal(rngs.params(), (8, 8)))
        self.project = nnx.Param(normal(rngs.params(), (8, 6)))
        self.temperature = nnx.Param(jnp.ones(()))

    def __call__(self, x: Array) -> Array:
        h = jnp.sin((x + self.shift[...]) @ self.mix[...]) @ self.project[...]
        return nnx.softmax(h / self.temperature[...], axis=-1)


class Glu(nn.Module):
    """One layer computes value and gate side by side."""

    def __init__(self) -> None:
        super().__init__()
        self.both = nn.Linear(7, 2 * 9)
        self.out = nn.Linear(9, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(F.glu(self.both(x), dim=-1))


class GluLinen(linen.Module):
    @linen.compact
    def __call__(self, x: Array) -> Array:
        value, gate = jnp.split(linen.Dense(18, name="value_and_gate")(x), 2, axis=-1)
        return linen.Dense(4, name="out")(value * linen.sigmoid(gate))


class GluNNX(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.value_and_gate = nnx.Linear(7, 18, rngs=rngs)
        self.out = nnx.Linear(9, 4, rngs=rngs)

    def __call__(self, x: Array) -> Array:
        return self.out(nnx.glu(self.value_and_gate(x)))


class SwiGlu(nn.Module):
    """Gate and value are two layers of one shape; their names tell nothing, the order of use does."""

    def __init__(self) -> None:
        super().__init__()
        self.w1 = nn.Linear(8, 13, bias=False)
        self.w2 = nn.Linear(13, 8, bias=False)
        self.w3 = nn.Linear(8, 13, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.w2(F.silu(self.w1(x)) * self.w3(x))


class SwiGluLinen(linen.Module):
    @linen.compact
    def __call__(self, x: Array) -> Array:
        gate = linen.silu(linen.Dense(13, use_bias=False, name="gate_proj")(x))
        value = linen.Dense(13, use_bias=False, name="up_proj")(x)
        return linen.Dense(8, use_bias=False, name="down_proj")(gate * value)


class SwiGluNNX(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.gate_proj = nnx.Linear(8, 13, use_bias=False, rngs=rngs)
        self.up_proj = nnx.Linear(8, 13, use_bias=False, rngs=rngs)
        self.down_proj = nnx.Linear(13, 8, use_bias=False, rngs=rngs)

    def __call__(self, x: Array) -> Array:
        return self.down_proj(nnx.silu(self.gate_proj(x)) * self.up_proj(x))


class WeightNormed(nn.Module):
    """A direction and a length for each row of the weight."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = nn.utils.parametrizations.weight_norm(nn.Linear(9, 13))
        self.out = nn.Linear(13, 6)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(torch.tanh(self.hidden(x)))


class WeightNormedLinen(linen.Module):
    @linen.compact
    def __call__(self, x: Array) -> Array:
        # Flax would add 1e-12 below the root, which torch does not.
        h = linen.WeightNorm(linen.Dense(13, name="hidden"), epsilon=0.0)(x)
        return linen.Dense(6, name="out")(jnp.tanh(h))


class WeightNormedNNX(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.g = nnx.Param(jnp.ones(13))
        self.v = nnx.Param(nnx.initializers.normal(0.3)(rngs.params(), (9, 13)))
        self.b = nnx.Param(jnp.zeros(13))
        self.out = nnx.Linear(13, 6, rngs=rngs)

    def __call__(self, x: Array) -> Array:
        kernel = self.g[...] * self.v[...] / jnp.linalg.norm(self.v[...], axis=0)
        return self.out(jnp.tanh(x @ kernel + self.b[...]))


class ActorCritic(nn.Module):
    """Two heads on one trunk, handed back as a tuple whose second part has no last axis."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Linear(6, 10)
        self.policy = nn.Linear(10, 3)
        self.value = nn.Linear(10, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        h = F.elu(self.trunk(x))
        return F.log_softmax(self.policy(h), dim=-1), self.value(h).squeeze(-1)


class ActorCriticLinen(linen.Module):
    @linen.compact
    def __call__(self, x: Array) -> tuple[Array, Array]:
        h = linen.elu(linen.Dense(10, name="torso")(x))
        value = linen.Dense(1, name="critic")(h)
        return linen.log_softmax(linen.Dense(3, name="actor")(h)), value[..., 0]


class ActorCriticNNX(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.actor = nnx.Linear(10, 3, rngs=rngs)
        self.critic = nnx.Linear(10, 1, rngs=rngs)
        self.torso = nnx.Linear(6, 10, rngs=rngs)

    def __call__(self, x: Array) -> tuple[Array, Array]:
        h = nnx.elu(self.torso(x))
        return nnx.log_softmax(self.actor(h)), self.critic(h).squeeze(-1)


class TwoTowers(nn.Module):
    """Two positional inputs of different widths; a dictionary comes back."""

    def __init__(self) -> None:
        super().__init__()
        self.user = nn.Linear(6, 8)
        self.item = nn.Linear(9, 8)

    def forward(self, user: Tensor, item: Tensor) -> dict[str, Tensor]:
        user, item = F.leaky_relu(self.user(user), 0.2), F.softsign(self.item(item))
        return {"score": (user * item).sum(-1), "joint": torch.cat([user, item], dim=-1)}


class TwoTowersLinen(linen.Module):
    @linen.compact
    def __call__(self, user: Array, item: Array) -> dict[str, Array]:
        item = linen.soft_sign(linen.Dense(8, name="item_tower")(item))
        user = linen.leaky_relu(linen.Dense(8, name="user_tower")(user), 0.2)
        return {"score": jnp.einsum("bd,bd->b", user, item), "joint": jnp.concatenate([user, item], axis=-1)}


class TwoTowersNNX(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.user_tower = nnx.Linear(6, 8, rngs=rngs)
        self.item_tower = nnx.Linear(9, 8, rngs=rngs)

    def __call__(self, user: Array, item: Array) -> dict[str, Array]:
        user, item = nnx.leaky_relu(self.user_tower(user), 0.2), nnx.soft_sign(self.item_tower(item))
        return {"joint": jnp.concatenate([user, item], axis=-1), "score": (user * item).sum(-1)}


class Conditional(nn.Module):
    """Keyword inputs of three kinds: floats, a mask of which of them count, and a class."""

    def __init__(self) -> None:
        super().__init__()
        self.classes = nn.Embedding(7, 10)
        self.features = nn.Linear(12, 10)
        self.out = nn.Linear(10, 4)

    def forward(self, x: Tensor, keep: Tensor, label: Tensor) -> Tensor:
        h = self.features(x.masked_fill(~keep, 0.0)) + self.classes(label)
        return self.out(torch.tanh(h))


class ConditionalLinen(linen.Module):
    @linen.compact
    def __call__(self, x: Array, keep: Array, label: Array) -> Array:
        h = linen.Dense(10, name="features")(jnp.where(keep, x, 0.0))
        return linen.Dense(4, name="out")(jnp.tanh(h + linen.Embed(7, 10, name="classes")(label)))


class ConditionalNNX(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.table = nnx.Embed(7, 10, rngs=rngs)
        self.features = nnx.Linear(12, 10, rngs=rngs)
        self.out = nnx.Linear(10, 4, rngs=rngs)

    def __call__(self, x: Array, keep: Array, label: Array) -> Array:
        return self.out(jnp.tanh(self.features(x * keep.astype(x.dtype)) + self.table(label)))


class Dropping(nn.Module):
    """Dropout twice, at different rates and widths."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Dropout(0.2), nn.Linear(10, 16), nn.Mish(), nn.Dropout(0.5), nn.Linear(16, 6), nn.Hardswish()
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)


class DroppingLinen(linen.Module):
    @linen.compact
    def __call__(self, x: Array, deterministic: bool = True) -> Array:
        x = linen.Dropout(0.2)(x, deterministic=deterministic)
        h = linen.Dense(16)(x)
        h = linen.Dropout(0.5)(h * jnp.tanh(linen.softplus(h)), deterministic=deterministic)
        return linen.hard_swish(linen.Dense(6)(h))


class DroppingNNX(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.drop_input = nnx.Dropout(0.2, rngs=rngs)
        self.hidden = nnx.Linear(10, 16, rngs=rngs)
        self.drop_hidden = nnx.Dropout(0.5, rngs=rngs)
        self.out = nnx.Linear(16, 6, rngs=rngs)

    def __call__(self, x: Array) -> Array:
        h = jax.nn.mish(self.hidden(self.drop_input(x)))
        return nnx.hard_swish(self.out(self.drop_hidden(h)))


def towers(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    return rng.standard_normal((5, 6), dtype=np.float32), rng.standard_normal((5, 9), dtype=np.float32)


def conditional(rng: np.random.Generator) -> dict[str, np.ndarray]:
    x = rng.standard_normal((6, 12), dtype=np.float32)
    return {"x": x, "keep": rng.random((6, 12)) < 0.7, "label": rng.integers(0, 7, 6, dtype=np.int32)}


def nnx_port(module: Callable[..., nnx.Module], *arguments: Any) -> Callable[[], nnx.Module]:
    return lambda: module(*arguments, nnx.Rngs(0))


SMOOTH = {"smooth": True}
LABELS = {"smooth": True, "bounds": {"label": (0, 7)}}

ROWS = [
    Sound("mlp_linen", seeded(Mlp), MlpLinen, normal(6, 12), SMOOTH),
    Sound("mlp_nnx", seeded(Mlp), nnx_port(MlpNNX), normal(6, 12), SMOOTH),
    Sound("mlp_function", seeded(Mlp), mlp_function, normal(6, 12), SMOOTH),
    Sound("twelve_equal_linen", seeded(Stack, 12, 10), lambda: StackLinen(12, 10), normal(5, 10), SMOOTH),
    Sound("twelve_equal_nnx", seeded(Stack, 12, 10), nnx_port(StackNNX, 12, 10), normal(5, 10), SMOOTH),
    Sound("all_square_linen", seeded(Stack, 3, 6), lambda: StackLinen(3, 6), normal(6, 6), SMOOTH),
    Sound("all_square_function", seeded(Stack, 3, 6), lambda: stack_function(3, 6), normal(6, 6), SMOOTH),
    Sound("depth_50_linen", seeded(Stack, 50, 8), lambda: StackLinen(50, 8), normal(4, 8), SMOOTH),
    Sound("depth_50_nnx", seeded(Stack, 50, 8), nnx_port(StackNNX, 50, 8), normal(4, 8), SMOOTH),
    Sound("residual_linen", seeded(Residual), ResidualLinen, normal(5, 10), SMOOTH),
    Sound("residual_nnx", seeded(Residual), nnx_port(ResidualNNX), normal(5, 10), SMOOTH),
    Sound("offset_inputs_linen", seeded(Residual), ResidualLinen, normal(5, 10, offset=1000.0)),
    Sound("tied_autoencoder_linen", seeded(TiedAutoencoder), TiedAutoencoderLinen, normal(6, 11), SMOOTH),
    Sound("tied_autoencoder_nnx", seeded(TiedAutoencoder), nnx_port(TiedAutoencoderNNX), normal(6, 11), SMOOTH),
    Sound("shared_layer_linen", seeded(SharedLayer), SharedLayerLinen, normal(5, 8), SMOOTH),
    Sound("shared_layer_nnx", seeded(SharedLayer), nnx_port(SharedLayerNNX), normal(5, 8), SMOOTH),
    Sound("raw_parameters_linen", seeded(RawParameters), RawParametersLinen, normal(5, 8), SMOOTH),
    Sound("raw_parameters_nnx", seeded(RawParameters), nnx_port(RawParametersNNX), normal(5, 8), SMOOTH),
    Sound("glu_linen", seeded(Glu), GluLinen, normal(5, 7), SMOOTH),
    Sound("glu_nnx", seeded(Glu), nnx_port(GluNNX), normal(5, 7), SMOOTH),
    Sound("swiglu_linen", seeded(SwiGlu), SwiGluLinen, normal(5, 8), SMOOTH),
    Sound("swiglu_nnx", seeded(SwiGlu), nnx_port(SwiGluNNX), normal(5, 8), SMOOTH),
    Sound("weight_norm_linen", seeded(WeightNormed), WeightNormedLinen, normal(5, 9), SMOOTH),
    Sound("weight_norm_nnx", seeded(WeightNormed), nnx_port(WeightNormedNNX), normal(5, 9), SMOOTH),
    Sound("tuple_outputs_linen", seeded(ActorCritic), ActorCriticLinen, normal(5, 6)),
    Sound("tuple_outputs_nnx", seeded(ActorCritic), nnx_port(ActorCriticNNX), normal(5, 6)),
    Sound("two_inputs_linen", seeded(TwoTowers), TwoTowersLinen, towers),
    Sound("two_inputs_nnx", seeded(TwoTowers), nnx_port(TwoTowersNNX), towers),
    Sound("keyword_inputs_linen", seeded(Conditional), ConditionalLinen, conditional, LABELS),
    Sound("keyword_inputs_nnx", seeded(Conditional), nnx_port(ConditionalNNX), conditional, LABELS),
    Sound("dropout_linen", seeded(Dropping), DroppingLinen, normal(5, 10)),
    Sound("dropout_nnx", seeded(Dropping), nnx_port(DroppingNNX), normal(5, 10)),
]
