"""Pairs for two processes: sound ones, and what a reference under DistributedDataParallel gets wrong, planted once.

A reference names its plant; what spreads it over processes, ``torchref.distributed``, is exchanged for it here.
"""

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

import torchref.distributed
from compare import Batch, Pair
from compare.sides.reference_in_processes import ReferenceInProcesses
from compare.sides.variance import ACCEPT

plain_spread, plain_rows, plain_drawn = torchref.distributed.spread, torchref.distributed.own_rows, ReferenceInProcesses._drawn  # fmt: skip # noqa: E501
planted = ""  # in the module that runs


class Reference(torch.nn.Module):
    def __init__(self, plant: str = "", between: Callable[[], torch.nn.Module] = torch.nn.Identity) -> None:
        super().__init__()
        self.plant = plant
        self.up, self.between, self.down = torch.nn.Linear(8, 6), between(), torch.nn.Linear(6, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.down(torch.tanh(self.between(self.up(x))))


class Port(nn.Module):
    between: str = ""

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        x = nn.Dense(6, name="up")(x)
        if self.between == "norm":
            x = nn.BatchNorm(use_running_average=not train, momentum=0.9, epsilon=1e-5, name="between")(x)
        if self.between == "drop":
            x = nn.Dropout(0.5, deterministic=not train)(x)
        return nn.Dense(2, name="down")(jnp.tanh(x))


def mean_square(outputs: Any, targets: Any) -> Any:
    return ((outputs - targets) ** 2).mean()


def sum_square(outputs: Any, targets: Any) -> Any:
    return ((outputs - targets) ** 2).sum()


def batch(rows: int) -> Callable[[np.random.Generator], Batch]:
    return lambda rng: Batch.of(rng.normal(size=(rows, 8)).astype("f4"), rng.normal(size=(rows, 2)).astype("f4"))


def of(reference: Reference, port: Port = Port(), rows: int = 8, loss: Any = mean_square, **fields: Any) -> Pair:  # noqa: B008
    made = (lambda p: torch.optim.SGD(p, 0.1), optax.sgd(0.1))
    return Pair(reference, port, batch(rows), loss=(loss, loss), optimizers=made, modes=("train",), **fields)


def summing(state: object, bucket: dist.GradBucket) -> torch.futures.Future[torch.Tensor]:
    future = dist.all_reduce(bucket.buffer(), async_op=True).get_future()
    return future.then(lambda done: done.value()[0])


def spread(model: torch.nn.Module) -> torch.nn.Module:
    global planted
    planted = model.plant
    if planted == "alone":
        return model
    spreading: DistributedDataParallel = plain_spread(model)
    if planted == "summed":
        spreading.register_comm_hook(None, summing)
    return spreading


def own_rows(rows: int) -> slice:
    return slice(0, rows // 2) if planted == "wrong rows" else plain_rows(rows)


def drawn(self: ReferenceInProcesses, seed: int, index: int, shape: tuple[int, ...], rate: float) -> np.ndarray:
    mask = plain_drawn(self, seed, index, shape, rate)
    if planted == "one mask":
        first = [mask]
        dist.broadcast_object_list(first)
        return first[0]
    return mask


torchref.distributed.spread, torchref.distributed.own_rows, ReferenceInProcesses._drawn = spread, own_rows, drawn  # type: ignore[method-assign] # fmt: skip

sound = of(Reference())
sound_dropout = of(Reference("", lambda: torch.nn.Dropout(0.5)), Port("drop"))
summed = of(Reference("summed"))
averaged = of(Reference(), loss=sum_square)
wrong_rows = of(Reference("wrong rows"))
one_mask = of(Reference("one mask", lambda: torch.nn.Dropout(0.5)), Port("drop"))
normalized = of(Reference("", lambda: torch.nn.BatchNorm1d(6)), Port("norm"), accept=(ACCEPT,))
uneven = of(Reference(), rows=7)
alone = of(Reference("alone"))
