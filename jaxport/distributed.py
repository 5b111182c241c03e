"""Training the port in several processes: one program, compiled for the devices of all of them together.

    for i in 0 1; do PROCESSES=2 PROCESS=$i python -m jaxport.distributed & done

Every process runs this same file. Arrays are global: each process holds its own part of them, and the compiler puts
what has to go between processes where the program needs it.
"""

import os
from collections.abc import Iterator
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jax.sharding import AxisType, NamedSharding
from jax.sharding import PartitionSpec as P
from jaxtyping import Array, Float

from jaxport.digits import load_digits
from jaxport.mlp import MLP
from jaxport.optimizers import sgd
from jaxport.train import train_step

PORT = 12355


def start() -> None:
    """Meet the other processes at the first one's address. On a cluster that JAX knows (Slurm, Open MPI, a TPU pod)
    ``jax.distributed.initialize()`` finds all of it by itself."""
    address = os.environ.get("JAX_COORDINATOR_ADDRESS", f"localhost:{PORT}")
    jax.distributed.initialize(address, int(os.environ["PROCESSES"]), int(os.environ["PROCESS"]))


def own_rows(rows: int) -> slice:
    """The rows of a batch that are this process's: exactly as many as every other one's, since an array is spread in
    equal parts alone.

    Raises:
        ValueError: the processes do not divide the rows.
    """
    each, left = divmod(rows, jax.process_count())
    if left:
        raise ValueError(f"{rows} rows for {jax.process_count()} processes: expected as many for each of them")
    return slice(jax.process_index() * each, (jax.process_index() + 1) * each)


def spread(array: np.ndarray) -> Array:
    """A batch over the devices of all processes by its rows, of which each process brings its own."""
    mesh = jax.make_mesh((jax.device_count(),), ("data",), axis_types=(AxisType.Auto,))
    rows = NamedSharding(mesh, P("data"))
    return jax.make_array_from_process_local_data(rows, array[own_rows(len(array))], array.shape)


def fit(
    model: nn.Module, params: dict, images: np.ndarray, labels: np.ndarray, key: Array, epochs: int, batch: int = 64
) -> Iterator[tuple[dict, Float[Array, ""]]]:
    """Train, each epoch in a new order, which is the same in every process; yield the parameters after each one, and
    its mean loss. What is a mean over the batch is one over all processes: nothing says so but where the rows lie."""
    optimizer = sgd()
    step, state = jax.jit(partial(train_step, model, optimizer)), optimizer.init(params)
    for epoch in range(epochs):
        order = np.asarray(jax.random.permutation(jax.random.fold_in(key, epoch), len(images)))
        losses = []
        for start_ in range(0, len(images), batch):
            rows = order[start_ : start_ + batch]
            params, state, loss = step(params, state, spread(images[rows]), spread(labels[rows]))
            losses.append(loss)
        yield params, jnp.stack(losses).mean()


def digits(epochs: int = 3) -> Iterator[Float[Array, ""]]:
    """Train on MNIST digits; yield each epoch's mean loss."""
    for_init, for_order = jax.random.split(jax.random.key(0))
    model, (train, _) = MLP(), load_digits()
    params = model.init(for_init, train[0][:1])["params"]
    images, labels = (np.asarray(one) for one in train)
    for _, loss in fit(model, params, images, labels, for_order, epochs):
        yield loss


def main() -> None:
    """Three epochs, told by the first process as they end."""
    start()
    for epoch, loss in enumerate(digits(), start=1):
        if jax.process_index() == 0:
            print(f"epoch {epoch}: loss {float(loss):.3f} over {jax.process_count()} processes")
    jax.distributed.shutdown()


if __name__ == "__main__":
    main()
