"""Pairs for two processes: sound ones, and what a reference under DistributedDataParallel gets wrong, planted once.

Each plant stands where a user's own code has it: in the model, in the loss, or in what spreads them over processes.
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

from compare import Batch, Pair
from compare.sides.variance import ACCEPT


class Reference(torch.nn.Module):
    def __init__(self, between: Callable[[], torch.nn.Module] = torch.nn.Identity) -> None:
        super().__init__()
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
        if self.between == "deviate":
            x = x + x.std(0).mean()
        if self.between == "drop":
            x = nn.Dropout(0.5, deterministic=not train)(x)
        return nn.Dense(2, name="down")(jnp.tanh(x))


def mean_square(outputs: Any, targets: Any) -> Any:
    return ((outputs - targets) ** 2).mean()


def sum_square(outputs: Any, targets: Any) -> Any:
    return ((outputs - targets) ** 2).sum()


def batch(rows: int) -> Callable[[np.random.Generator], Batch]:
    return lambda rng: Batch.of(rng.normal(size=(rows, 8)).astype("f4"), rng.normal(size=(rows, 2)).astype("f4"))


def of(reference: Reference, port: Port = Port(), rows: int = 8, loss: Any = (mean_square,) * 2, **fields: Any) -> Pair:  # noqa: B008
    made = (lambda p: torch.optim.SGD(p, 0.1), optax.sgd(0.1))
    return Pair(reference, port, batch(rows), loss=loss, optimizers=made, modes=("train",), **fields)


def summing(state: object, bucket: dist.GradBucket) -> torch.futures.Future[torch.Tensor]:
    future = dist.all_reduce(bucket.buffer(), async_op=True).get_future()
    return future.then(lambda done: done.value()[0])


def spread(model: torch.nn.Module) -> torch.nn.Module:
    spreading = DistributedDataParallel(model)
    spreading.register_comm_hook(None, summing)
    return spreading


class Deviation(torch.nn.Module):
    """Beside a row, how far rows lie apart: a minibatch's standard deviation."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + x.std(0, unbiased=False).mean()


def contrastive(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Every row against the targets of all."""
    return torch.nn.functional.cross_entropy(outputs @ targets.T, torch.arange(len(outputs)))


def contrastive_port(outputs: jax.Array, targets: jax.Array) -> jax.Array:
    scores = outputs @ targets.T
    return optax.softmax_cross_entropy_with_integer_labels(scores, jnp.arange(len(scores))).mean()


class Gathered(torch.autograd.Function):
    """The rows of all processes, and on the way back the sum of what all of them have for one's own."""

    @staticmethod
    def forward(ctx: Any, own: torch.Tensor) -> torch.Tensor:
        every = [torch.empty_like(own) for _ in range(dist.get_world_size())]
        dist.all_gather(every, own.contiguous())
        return torch.cat(every)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        summed = gradients[0].clone()
        dist.all_reduce(summed)
        return summed.chunk(dist.get_world_size())[dist.get_rank()]


def gathering(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """The same over the rows of all processes, where there are several."""
    if dist.is_initialized():
        outputs, targets = Gathered.apply(outputs), Gathered.apply(targets)
    return contrastive(outputs, targets)


sound = of(Reference())
sound_dropout = of(Reference(lambda: torch.nn.Dropout(0.5)), Port("drop"))
sound_strided = of(
    Reference(lambda: torch.nn.Dropout(0.5)), Port("drop"), spread=DistributedDataParallel,
    own_rows=lambda rows: range(dist.get_rank(), rows, dist.get_world_size()),
)  # fmt: skip
sound_gathered = of(Reference(), loss=(gathering, contrastive_port))
summed = of(Reference(), spread=spread)
averaged = of(Reference(), loss=(sum_square, sum_square))
wrong_rows = of(Reference(), own_rows=lambda rows: slice(0, rows // 2))
normalized = of(Reference(lambda: torch.nn.BatchNorm1d(6)), Port("norm"), accept=(ACCEPT,))
normalized_strided = of(
    Reference(lambda: torch.nn.BatchNorm1d(6)), Port("norm"), accept=(ACCEPT,),
    own_rows=lambda rows: slice(dist.get_rank(), None, dist.get_world_size()),
)  # fmt: skip
deviating = of(Reference(Deviation), Port("deviate"))
uneven = of(Reference(), rows=7)
scored_in_parts = of(Reference(), loss=(contrastive, contrastive_port))
alone = of(Reference(), spread=lambda model: model)
