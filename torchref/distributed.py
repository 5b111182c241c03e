"""Training the reference in several processes: each holds a copy of the model, and takes its part of every batch.

torchrun --standalone --nproc-per-node 2 -m torchref.distributed
"""

from collections.abc import Iterator

import torch
import torch.distributed as dist
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from torchref.digits import Images, Labels, load_digits
from torchref.mlp import MLP
from torchref.optimizers import sgd
from torchref.train import train_step


def start() -> None:
    """Meet the other processes, which torchrun tells each of in its environment; on a CPU they talk by gloo."""
    dist.init_process_group("gloo")


def own_rows(rows: int) -> slice:
    """The rows of a batch that are this process's: as many as every other one's, or one more or fewer where they do not
    divide. A loss of no rows is no number, and would be averaged with the others'.

    Raises:
        ValueError: there are fewer rows than processes.
    """
    processes, process = dist.get_world_size(), dist.get_rank()
    if 0 < rows < processes:
        raise ValueError(f"{rows} rows for {processes} processes: expected one for each of them at least")
    return slice(-(-rows * process // processes), -(-rows * (process + 1) // processes))


def spread(model: nn.Module) -> DistributedDataParallel:
    """The model, whose backward pass averages each gradient over the processes.

    It is the gradient of the whole batch where the loss is a mean and every process has as many rows: else it is that
    of a mean of means.
    """
    return DistributedDataParallel(model)


def fit(
    model: nn.Module, optimizer: torch.optim.Optimizer, images: Images, labels: Labels, epochs: int, batch: int = 64
) -> Iterator[Float[Tensor, ""]]:
    """Train in place, each epoch in a new order, which is the same in every process: all have drawn it from one seed.
    Yield each epoch's loss, the mean of its batches' and processes' means."""
    for _ in range(epochs):
        order = torch.randperm(len(images))
        losses = []
        for rows in order.split(batch):
            own = rows[own_rows(len(rows))]
            losses.append(train_step(model, optimizer, images[own], labels[own]))
        loss = torch.stack(losses).mean()
        dist.all_reduce(loss)
        yield loss / dist.get_world_size()


def digits(epochs: int = 3) -> Iterator[Float[Tensor, ""]]:
    """Train on MNIST digits; yield each epoch's mean loss."""
    torch.manual_seed(0)
    model = spread(MLP())
    train, _ = load_digits()
    yield from fit(model, sgd(model.parameters()), *train, epochs)


def main() -> None:
    """Three epochs, told by the first process as they end."""
    start()
    for epoch, loss in enumerate(digits(), start=1):
        if dist.get_rank() == 0:
            print(f"epoch {epoch}: loss {loss:.3f} over {dist.get_world_size()} processes")
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
