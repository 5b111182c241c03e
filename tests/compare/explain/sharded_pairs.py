"""Ports for a mesh data=2,model=2: sound ones, and each of the faults that sharding makes possible, planted once."""

from collections.abc import Callable
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import torch
import torch.nn.functional as F
from flax import nnx
from jax import lax
from jax.sharding import PartitionSpec as P

from compare import Batch, Pair

Params = dict[str, jax.Array]
BY_ROWS = partial(jax.shard_map, in_specs=(P(), P("data")), out_specs=P("data"))


def mean_square(outputs: Any, targets: Any) -> Any:
    return ((outputs - targets) ** 2).mean()


SQUARES = (mean_square, mean_square)


def batch(rng: np.random.Generator, rows: int = 8) -> Batch:
    return Batch.of(rng.normal(size=(rows, 8)).astype("f4"), rng.normal(size=(rows, 4)).astype("f4"))


class Reference(torch.nn.Module):
    """Two layers, and what may stand between them."""

    def __init__(self, between: torch.nn.Module | None = None) -> None:
        super().__init__()
        self.up, self.between, self.down = torch.nn.Linear(8, 16), between, torch.nn.Linear(16, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden = self.up(x)
        return self.down(torch.tanh(hidden if self.between is None else self.between(hidden)))


def zeros(module: torch.nn.Module) -> dict[str, np.ndarray]:
    """A place for each floating array of a reference."""
    return {name: np.zeros(one.shape, "f4") for name, one in module.state_dict().items() if one.is_floating_point()}


# --- sound ------------------------------------------------------------------------------------------------------------


class Annotated(nn.Module):
    """Linen, its kernels annotated and its activations constrained."""

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        init = nn.initializers.lecun_normal()
        hidden = nn.Dense(16, kernel_init=nn.with_partitioning(init, (None, "model")), name="up")(x)
        if not jax.sharding.get_abstract_mesh().empty:
            hidden = lax.with_sharding_constraint(hidden, P("data", "model"))
        return nn.Dense(4, kernel_init=nn.with_partitioning(init, ("model", None)), name="down")(jnp.tanh(hidden))


class AnnotatedNNX(nnx.Module):
    """NNX, its kernels annotated."""

    def __init__(self, rngs: nnx.Rngs) -> None:
        init = nnx.initializers.lecun_normal()
        self.up = nnx.Linear(8, 16, kernel_init=nnx.with_partitioning(init, (None, "model")), rngs=rngs)
        self.down = nnx.Linear(16, 4, kernel_init=nnx.with_partitioning(init, ("model", None)), rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.down(jnp.tanh(self.up(x)))


def by_hand(p: Params, x: jax.Array) -> jax.Array:
    """A mesh of its own, as ``make_mesh`` makes it; columns, then rows of the weights, and the cut along a program
    inside the shards."""
    own = jax.make_mesh((2, 2), ("data", "model"))
    specs = {"up.weight": P("model"), "up.bias": P("model"), "down.weight": P(None, "model"), "down.bias": P()}

    @partial(jax.shard_map, mesh=own, in_specs=(specs, P("data")), out_specs=P("data"))
    def run(p: Params, x: jax.Array) -> jax.Array:
        hidden = jax.jit(jnp.tanh)(x @ p["up.weight"].T + p["up.bias"])
        return lax.psum(hidden @ p["down.weight"].T, "model") + p["down.bias"]

    return run(p, x)


def mean_of_shards(outputs: jax.Array, targets: jax.Array) -> jax.Array:
    run = jax.shard_map(
        lambda o, y: lax.pmean(mean_square(o, y), "data"), in_specs=(P("data"), P("data")), out_specs=P()
    )
    return run(outputs, targets)


class Dropping(nn.Module):
    """Drops on shards, each with a key of its own or all with one."""

    one_key: bool = False

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        hidden = nn.Dense(16, name="up")(x)
        if train:
            hidden = BY_ROWS(self._dropped)(self.make_rng("dropout"), hidden)
        return nn.Dense(4, name="down")(jnp.tanh(hidden))

    @nn.nowrap
    def _dropped(self, key: jax.Array, hidden: jax.Array) -> jax.Array:
        if not self.one_key:
            key = jax.random.fold_in(key, lax.axis_index("data"))
        return nn.Dropout(0.5, deterministic=False).apply({}, hidden, rngs={"dropout": key})


def normalizing(p: Params, x: jax.Array, train: bool, everywhere: bool = True) -> tuple[jax.Array, Params]:
    """Batch norm on shards, its statistics those of all rows or of each shard's."""

    @partial(jax.shard_map, in_specs=(P(), P("data")), out_specs=(P("data"), P()))
    def run(p: Params, x: jax.Array) -> tuple[jax.Array, Params]:
        hidden = x @ p["up.weight"].T + p["up.bias"]
        mean, var, kept = p["between.running_mean"], p["between.running_var"], {}
        if train:
            mean, square = hidden.mean(0), (hidden**2).mean(0)
            rows = hidden.shape[0]
            if everywhere:
                mean, square, rows = lax.pmean(mean, "data"), lax.pmean(square, "data"), rows * lax.axis_size("data")
            var = square - mean**2
            left = {"mean": lax.pmean(mean, "data"), "var": lax.pmean(var, "data") * rows / (rows - 1)}
            kept = {f"between.running_{name}": 0.9 * p[f"between.running_{name}"] + 0.1 * left[name] for name in left}
        hidden = (hidden - mean) / jnp.sqrt(var + 1e-5) * p["between.weight"] + p["between.bias"]
        return jnp.tanh(hidden) @ p["down.weight"].T + p["down.bias"], kept

    return run(p, x)


BATCH_NORM = torch.nn.BatchNorm1d
PARTS = {"**.up.weight": P("model"), "up.bias": P("model")}

sound_linen = Pair(Reference(), Annotated(), batch, loss=SQUARES, optimizers=(lambda p: torch.optim.Adam(p, 1e-2), optax.adam(1e-2)))  # fmt: skip # noqa: E501
sound_nnx = Pair(Reference(), AnnotatedNNX(nnx.Rngs(0)), batch, loss=SQUARES)
sound_by_hand = Pair(Reference(), (by_hand, zeros(Reference())), batch, loss=(mean_square, mean_of_shards), sharding=PARTS)  # fmt: skip # noqa: E501
sound_dropout = Pair(Reference(torch.nn.Dropout(0.5)), Dropping(), batch, loss=SQUARES, modes=("train",))
sound_batch_norm = Pair(Reference(BATCH_NORM(16)), (normalizing, zeros(Reference(BATCH_NORM(16)))), batch, loss=SQUARES, modes=("train",))  # fmt: skip # noqa: E501

# --- planted ----------------------------------------------------------------------------------------------------------


def words(rng: np.random.Generator) -> Batch:
    """Three of eight rows have no target: one in the first half, two in the second."""
    targets = rng.integers(0, 4, 8)
    targets[[1, 4, 7]] = -100
    return Batch.of(rng.normal(size=(8, 8)).astype("f4"), targets)


def mean_of_means(outputs: jax.Array, targets: jax.Array) -> jax.Array:
    @partial(jax.shard_map, in_specs=(P("data"), P("data")), out_specs=P())
    def run(outputs: jax.Array, targets: jax.Array) -> jax.Array:
        kept = targets >= 0
        taken = jnp.take_along_axis(jax.nn.log_softmax(outputs), jnp.where(kept, targets, 0)[:, None], 1)[:, 0]
        return lax.pmean(-(taken * kept).sum() / kept.sum(), "data")

    return run(outputs, targets)


@jax.custom_vjp
def copied(weight: jax.Array) -> jax.Array:
    """As it is, and its gradient summed over shards that have summed it already."""
    return weight


copied.defvjp(lambda weight: (weight, None), lambda _, back: (lax.psum(back, "data"),))


def summing(p: Params, x: jax.Array) -> jax.Array:
    @BY_ROWS
    def run(p: Params, x: jax.Array) -> jax.Array:
        hidden = jnp.tanh(x @ copied(p["up.weight"]).T + p["up.bias"])
        return hidden @ p["down.weight"].T + p["down.bias"]

    return run(p, x)


def counting_padding(outputs: jax.Array, targets: jax.Array) -> jax.Array:
    more = -len(outputs) % 2
    return mean_of_shards(*(jnp.pad(one, ((0, more), (0, 0))) for one in (outputs, targets)))


def lowering(p: Params, x: jax.Array) -> jax.Array:
    specs = {"up.weight": P("model"), "up.bias": P("model"), "down.weight": P(None, "model"), "down.bias": P()}

    @partial(jax.shard_map, in_specs=(specs, P()), out_specs=P())
    def run(p: Params, x: jax.Array) -> jax.Array:
        part = jnp.tanh(x @ p["up.weight"].T + p["up.bias"]) @ p["down.weight"].T
        return lax.psum(part.astype(jnp.bfloat16), "model").astype(x.dtype) + p["down.bias"]

    return run(p, x)


def lazy() -> optax.GradientTransformation:
    """SGD whose second device along ``data`` leaves its part of one kernel as it is."""

    def step(gradient: jax.Array) -> jax.Array:
        @partial(jax.shard_map, in_specs=P(None, "data"), out_specs=P(None, "data"))
        def run(part: jax.Array) -> jax.Array:
            return jnp.where(lax.axis_index("data") == 1, 0, -0.1 * part)

        return run(gradient) if gradient.shape == (8, 16) else -0.1 * gradient

    def update(gradients: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        return jax.tree.map(step, gradients), state

    return optax.GradientTransformation(lambda params: (), update)


def by_size(outputs: jax.Array, targets: jax.Array) -> jax.Array:
    """Written for whole arrays, and divided once more by how many devices there are."""
    return mean_square(outputs, targets) / dict(jax.sharding.get_abstract_mesh().shape).get("data", 1)


def slower() -> optax.GradientTransformation:
    """SGD of a gradient that is divided once more, in the update alone."""

    def update(gradients: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        return jax.tree.map(lambda one: -0.1 * one / (jax.sharding.get_abstract_mesh().size or 1), gradients), state

    return optax.GradientTransformation(lambda params: (), update)


class Depthwise(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = torch.nn.Conv2d(8, 8, 3, padding=1, groups=8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(x)


class DepthwisePort(nn.Module):
    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        return nn.Conv(8, (3, 3), feature_group_count=8, name="conv")(x)


def images(rng: np.random.Generator) -> Batch:
    return Batch.of(rng.normal(size=(4, 8, 6, 6)).astype("f4"))


def of(port: Callable[..., Any], **fields: Any) -> Pair:
    return Pair(Reference(), (port, zeros(Reference())), batch, **{"loss": SQUARES, **fields})


planted_mean_of_means = Pair(Reference(), Annotated(), words, loss=(F.cross_entropy, mean_of_means))
planted_sum = of(summing)
planted_batch_norm = Pair(Reference(BATCH_NORM(16)), (partial(normalizing, everywhere=False), zeros(Reference(BATCH_NORM(16)))), batch, loss=SQUARES, modes=("train",))  # fmt: skip # noqa: E501
planted_one_key = Pair(Reference(torch.nn.Dropout(0.5)), Dropping(one_key=True), batch, loss=SQUARES, modes=("train",))
planted_padding = Pair(Reference(), Annotated(), partial(batch, rows=7), loss=(mean_square, counting_padding))
planted_low = of(lowering)
planted_lazy = Pair(Reference(), Annotated(), batch, loss=SQUARES, optimizers=(lambda p: torch.optim.SGD(p, 0.1), lazy()))  # fmt: skip # noqa: E501
planted_size = Pair(Reference(), Annotated(), batch, loss=(mean_square, by_size))
planted_slower = Pair(Reference(), Annotated(), batch, loss=SQUARES, optimizers=(lambda p: torch.optim.SGD(p, 0.1), slower()))  # fmt: skip # noqa: E501
compiled_wrongly = Pair(Depthwise(), DepthwisePort(), images)  # by jaxlib 0.10.2: findings/xla-depthwise-*.sh
