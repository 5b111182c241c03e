"""Small pairs for the tests of where a port differs, and their faults: blocks, a chain, a ConvNet, attention."""

from collections.abc import Callable
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import torch
from flax import linen, nnx
from torch import nn

from compare.arrays.batch import Batch
from compare.explain.locate.locate import Looked, look
from compare.explain.locate.sections import Cutter, Sections
from compare.frameworks import devices
from compare.frameworks.models.modes import Mode
from compare.pair.pair import Entering, Pair
from compare.pair.prepare import prepare
from compare.sides.quartet import Quartet
from compare.verdict.precision import FLOAT32
from compare.weights.entry import Entry, linear
from compare.weights.weights import WeightMap

WIDTH, CLASSES, DEPTH = 6, 3, 3
X = np.random.default_rng(0).standard_normal((5, WIDTH)).astype(np.float32)
Fault = Callable[[Any], Any]


def seeded(build: Callable[[], nn.Module]) -> nn.Module:
    """A module whose own weights are always the same."""
    torch.manual_seed(0)
    return build()


def plainly(x: Any) -> Any:
    """No fault."""
    return x


# --- three blocks ----------------------------------------------------------------------------------------------------


class Block(nn.Module):
    """The second norm of a transformer and what follows it."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.fc, self.act = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, WIDTH), nn.GELU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.act(self.fc(self.norm(x)))


class Blocks(nn.Module):
    """Three of them and a head."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList([Block() for _ in range(DEPTH)])
        self.head = nn.Linear(WIDTH, CLASSES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for block in self.blocks:
            x = block(x)
        return self.head(x)


class LinenBlock(linen.Module):
    """The same; what each attribute replaces is one fault."""

    epsilon: float = 1e-5
    approximate: bool = False
    after_norm: Fault = plainly
    residual: Fault = plainly

    @linen.compact
    def __call__(self, x: Any) -> Any:
        h = self.after_norm(linen.LayerNorm(epsilon=self.epsilon, name="norm")(x))
        return self.residual(x) + linen.gelu(linen.Dense(WIDTH, name="fc")(h), approximate=self.approximate)


class LinenBlocks(linen.Module):
    """The same; ``faults`` by number of the block."""

    faults: Any = ()
    before_head: Fault = plainly
    after_head: Fault = plainly

    @linen.compact
    def __call__(self, x: Any) -> Any:
        for number in range(DEPTH):
            x = LinenBlock(**dict(self.faults).get(number, {}), name=f"block_{number}")(x)
        return self.after_head(linen.Dense(CLASSES, name="head")(self.before_head(x)))


class NNXBlock(nnx.Module):
    """The same."""

    def __init__(self, rngs: nnx.Rngs, epsilon: float = 1e-5, after_norm: Fault = plainly) -> None:
        self.norm = nnx.LayerNorm(WIDTH, epsilon=epsilon, rngs=rngs)
        self.fc = nnx.Linear(WIDTH, WIDTH, rngs=rngs)
        self.after_norm = after_norm

    def __call__(self, x: Any) -> Any:
        return x + nnx.gelu(self.fc(self.after_norm(self.norm(x))), approximate=False)


class NNXBlocks(nnx.Module):
    """The same, its blocks in a list."""

    def __init__(self, faults: Any = ()) -> None:
        rngs = nnx.Rngs(0)
        self.blocks = nnx.List([NNXBlock(rngs, **dict(faults).get(number, {})) for number in range(DEPTH)])
        self.head = nnx.Linear(WIDTH, CLASSES, rngs=rngs)

    def __call__(self, x: Any) -> Any:
        for block in self.blocks:
            x = block(x)
        return self.head(x)


def blocks_pair(port: Any = None, **fields: Any) -> Pair:
    """Three blocks; the port is Linen's and sound unless given."""
    made: dict[str, Any] = {"batch": lambda rng: Batch.of(X), "name": "blocks", "smooth": True}
    return Pair(seeded(Blocks), LinenBlocks() if port is None else port, **made | fields)


# --- a chain of layers -----------------------------------------------------------------------------------------------


class Chain(nn.Module):
    """A dense layer, a tanh that is no layer, a norm and another dense layer."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm, self.last = nn.Linear(WIDTH, 4), nn.LayerNorm(4), nn.Linear(4, CLASSES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(self.norm(torch.tanh(self.first(x))))


class LinenDense(linen.Module):
    """A dense layer by hand; each attribute is applied to what it is called after."""

    features: int
    input: Fault = plainly
    bias: Fault = plainly
    output: Fault = plainly

    @linen.compact
    def __call__(self, x: Any) -> Any:
        kernel = self.param("kernel", linen.initializers.lecun_normal(), (x.shape[-1], self.features))
        bias = self.param("bias", linen.initializers.zeros, (self.features,))
        return self.output(self.input(x) @ kernel + self.bias(bias))


class LinenChain(linen.Module):
    """The same; ``first`` and ``last`` are faults of those layers, ``between`` one of the code before the norm."""

    first: Any = ()
    between: Fault = plainly
    epsilon: float = 1e-5
    last: Any = ()

    @linen.compact
    def __call__(self, x: Any) -> Any:
        x = jnp.tanh(LinenDense(4, **dict(self.first), name="first")(x))
        x = linen.LayerNorm(epsilon=self.epsilon, name="norm")(self.between(x))
        return LinenDense(CLASSES, **dict(self.last), name="last")(x)


NORM = [Entry("norm.weight", "params/norm/scale"), Entry("norm.bias", "params/norm/bias")]
CHAIN = WeightMap(linear("first", "first"), NORM, linear("last", "last"))
LOSS = (lambda z: (z**2).sum(), lambda z: (z**2).sum())


def chain_pair(port: Any = None, **fields: Any) -> Pair:
    """The chain; sound unless a port is given."""
    made: dict[str, Any] = {"reference": seeded(Chain), "batch": lambda rng: Batch.of(X), "weight_map": CHAIN}
    return Pair(port=LinenChain() if port is None else port, **made | {"name": "chain", "smooth": True} | fields)


@jax.custom_vjp
def slightly(x: Any) -> Any:
    """The same, and a gradient that is too large by one part in a hundred thousand."""
    return x


slightly.defvjp(lambda x: (x, None), lambda _, g: (g * (1 + 1e-5),))
stopped = jax.lax.stop_gradient

# --- a network of convolutions ---------------------------------------------------------------------------------------

IMAGES = np.random.default_rng(1).standard_normal((3, 2, 6, 6)).astype(np.float32)


class ConvNet(nn.Module):
    """Channels second; a batch norm, an in-place ReLU and dropout."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4)
        self.relu, self.drop, self.head = nn.ReLU(inplace=True), nn.Dropout(0.25), nn.Linear(4, CLASSES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.relu(self.norm(self.conv(x)))
        return self.head(self.drop(x.mean((2, 3))))


class LinenConvNet(linen.Module):
    """Channels last; ``evaluation`` is what is done to the norm's output in evaluation alone."""

    momentum: float = 0.9
    epsilon: float = 1e-5
    evaluation: Fault = plainly

    @linen.compact
    def __call__(self, x: Any, train: bool) -> Any:
        x = linen.Conv(4, (3, 3), padding=1, name="conv")(x)
        x = linen.BatchNorm(not train, momentum=self.momentum, epsilon=self.epsilon, name="norm")(x)
        x = x if train else self.evaluation(x)
        x = linen.Dropout(0.25, deterministic=not train)(linen.relu(x).mean((1, 2)))
        return linen.Dense(CLASSES, name="head")(x)


def conv_pair(**faults: Any) -> Pair:
    """The same function with both channel orders."""
    return Pair(seeded(ConvNet), LinenConvNet(**faults), lambda rng: Batch.of(IMAGES), name="conv",
                accept=("running_variance",))  # fmt: skip


# --- attention -------------------------------------------------------------------------------------------------------

STEPS = np.random.default_rng(2).standard_normal((2, 4, 8)).astype(np.float32)


class RMSNorm(nn.Module):
    """Llama's: in float32, whatever comes."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(8))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = x.to(torch.float32)
        h = h * torch.rsqrt(h.pow(2).mean(-1, keepdim=True) + 1e-6)
        return self.weight * h.to(x.dtype)


class Attention(nn.Module):
    """q, k and v in one matrix, a norm before and a residual after."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.attn = RMSNorm(), nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.norm(x)
        return x + self.attn(h, h, h, need_weights=False)[0]


class LinenRMSNorm(linen.Module):
    """The same."""

    epsilon: float = 1e-6

    @linen.compact
    def __call__(self, x: Any) -> Any:
        h = x.astype(jnp.float32)
        h = h * jax.lax.rsqrt(jnp.mean(h * h, -1, keepdims=True) + self.epsilon)
        return self.param("scale", linen.initializers.ones, (8,)) * h.astype(x.dtype)


class LinenAttention(linen.Module):
    """One kernel per head; ``residual`` is applied to what goes past."""

    epsilon: float = 1e-6
    residual: Fault = plainly

    @linen.compact
    def __call__(self, x: Any) -> Any:
        h = LinenRMSNorm(self.epsilon, name="norm")(x)
        return self.residual(x) + linen.MultiHeadDotProductAttention(2, name="attn")(h)


def attention_pair(**faults: Any) -> Pair:
    """One block of a decoder."""
    return Pair(seeded(Attention), LinenAttention(**faults), lambda rng: Batch.of(STEPS), name="attention")


# --- looking ---------------------------------------------------------------------------------------------------------


def brought_together(pair: Pair) -> tuple[Quartet, Entering]:
    """The four sides, and what enters them in float32."""
    device = devices.choose("cpu")
    quartet = Quartet(prepare(pair), FLOAT32, device, device)
    return quartet, quartet.prepared.enter(0, 1).at(FLOAT32)


def looked_into(pair: Pair, mode: Mode = None) -> Looked:
    """What arises where."""
    quartet, entering = brought_together(pair)
    return look(quartet, entering, mode, "batch")


def cut(pair: Pair, mode: Mode = None, promoted: bool = False) -> tuple[Cutter, Sections]:
    """Both sides cut."""
    quartet, entering = brought_together(pair)
    cutter = Cutter(quartet, promoted)
    return cutter, cutter.cut(entering, mode)


def scaled(by: float) -> Fault:
    """Times a number."""
    return lambda x: x * by


def _chain(**faults: Any) -> Callable[[], Pair]:
    return lambda: chain_pair(LinenChain(**faults))


def _blocks(port: Any, **faults: Any) -> Callable[[], Pair]:
    return lambda: blocks_pair(port(faults={1: faults}))


# One fault each; with the mode.
PAIRS: dict[str, tuple[Callable[[], Pair], Mode]] = {
    "a sound chain": (_chain(), None),
    "a layer's output": (_chain(first={"output": scaled(1 + 1e-6)}), None),
    "code between layers": (_chain(between=scaled(1 + 1e-6)), None),
    "a norm's epsilon": (_chain(epsilon=1e-6), None),
    "two layers": (_chain(first={"output": jnp.abs}, epsilon=1e-6), None),
    "not a number": (_chain(between=lambda x: jnp.where(x > 0.5, jnp.nan, x)), None),
    "another shape": (_chain(last={"output": lambda z: z[:, :2]}), None),
    "a layer's gradient": (_chain(first={"output": slightly}), None),
    "an input's gradient": (_chain(first={"input": slightly}), None),
    "a parameter's gradient": (_chain(last={"bias": stopped}), None),
    "a gradient between layers": (_chain(between=stopped), None),
    "forward and backward": (_chain(first={"output": slightly}, epsilon=1e-6), None),
    "the loss": (lambda: chain_pair(loss=(LOSS[0], lambda z: 2 * LOSS[1](z))), None),
    "the loss's gradient": (lambda: chain_pair(loss=(LOSS[0], lambda z: LOSS[1](slightly(z)))), None),
    "a sound network": (conv_pair, True),
    "a batch norm's epsilon": (lambda: conv_pair(epsilon=1e-3), True),
    "a batch norm's momentum": (lambda: conv_pair(momentum=0.99), True),
    "evaluation, seen in training": (lambda: conv_pair(evaluation=scaled(1.001)), True),
    "evaluation": (lambda: conv_pair(evaluation=scaled(1.001)), False),
    "sound attention": (attention_pair, None),
    "a hundredth of an epsilon": (lambda: attention_pair(epsilon=1.01e-6), None),
    "a residual's gradient": (lambda: attention_pair(residual=slightly), None),
    "the second block": (_blocks(LinenBlocks, epsilon=1e-6), None),
    "the second block's gradient": (_blocks(NNXBlocks, after_norm=stopped), None),
    "the second block's code": (_blocks(NNXBlocks, after_norm=scaled(1.0001)), None),
    "two blocks": (
        lambda: blocks_pair(LinenBlocks(faults={1: {"approximate": True}, 2: {"epsilon": 1e-6}})), None),
}  # fmt: skip


@cache
def looked(name: str) -> Looked:
    """One of ``PAIRS``, looked into once for all tests."""
    pair, mode = PAIRS[name]
    return looked_into(pair(), mode)


def arising(looked: Looked) -> list[tuple[str, str]]:
    """Direction and owner of every difference that arises somewhere, each once, the first one first."""
    return list(dict.fromkeys((one.direction, one.owner) for one in looked.found))
