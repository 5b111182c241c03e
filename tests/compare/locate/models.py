"""Small pairs for the tests of where a port differs: blocks with a residual, in torch, Linen and NNX, and their faults."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import torch
import torch.nn.functional as F
from flax import linen, nnx
from torch import nn

from compare import devices
from compare.batch import Batch
from compare.locate.find import Looked, look
from compare.locate.introduced import Introduced
from compare.locate.sections import Cutter, Sections
from compare.models.modes import Mode
from compare.pair import Entering, Pair
from compare.precision import FLOAT32
from compare.prepare import prepare
from compare.quartet import Quartet

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


def arising(looked: Looked) -> list[tuple[str, str]]:
    """Direction and owner of every difference that arises somewhere, each once, the first one first."""
    return list(dict.fromkeys((one.direction, one.owner) for one in looked.found))
