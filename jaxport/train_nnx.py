"""Training the NNX port: model and optimizer are objects again, and ``nnx.jit`` carries what changes in them.

    python -m jaxport.train_nnx

Source: https://flax.readthedocs.io/en/latest/nnx_basics.html
"""

from collections.abc import Iterator

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from jaxport.digits import Images, Labels, load_digits
from jaxport.losses import cross_entropy
from jaxport.mlp_nnx import MLP
from jaxport.optimizers import sgd


@nnx.jit
def train_step(model: nnx.Module, optimizer: nnx.Optimizer, images: Images, labels: Labels) -> Float[Array, ""]:
    """One step on one batch: ``model`` and ``optimizer`` are changed in place, as in PyTorch; underneath, their arrays
    go into a pure function and come back.

    Returns:
        The loss before the step.
    """

    def loss_of(model: nnx.Module) -> Float[Array, ""]:
        return cross_entropy(model(images), labels)

    loss, grads = nnx.value_and_grad(loss_of)(model)
    optimizer.update(model, grads)
    return loss


@nnx.jit
def evaluate(model: nnx.Module, images: Images, labels: Labels) -> Float[Array, ""]:
    """The share of ``images`` whose largest logit is the label, between 0 and 1."""
    best = model(images).argmax(axis=1)
    return (best.astype(labels.dtype) == labels).mean()


def fit(
    model: nnx.Module,
    optimizer: nnx.Optimizer,
    images: Images,
    labels: Labels,
    key: Array,
    epochs: int,
    batch: int = 64,
) -> Iterator[Float[Array, ""]]:
    """Train in place, each epoch in a new order drawn from ``key``; yield each one's mean loss."""
    for epoch in range(epochs):
        order = jax.random.permutation(jax.random.fold_in(key, epoch), len(images))
        starts = range(0, len(images), batch)
        parts = [order[start : start + batch] for start in starts]
        yield jnp.stack([train_step(model, optimizer, images[rows], labels[rows]) for rows in parts]).mean()


def digits(epochs: int = 3) -> Iterator[tuple[Float[Array, ""], Float[Array, ""]]]:
    """Train on MNIST digits; yield each epoch's mean loss, and the share of the test images that is right after it."""
    model = MLP(rngs=nnx.Rngs(0))
    optimizer = nnx.Optimizer(model, sgd(), wrt=nnx.Param)
    train, test = load_digits()
    for loss in fit(model, optimizer, *train, jax.random.key(1), epochs):
        yield loss, evaluate(model, *test)


def main() -> None:
    """Three epochs, told as they end."""
    for epoch, (loss, share) in enumerate(digits(), start=1):
        print(f"epoch {epoch}: loss {loss:.3f}, {share:.1%} of the test images right")


if __name__ == "__main__":
    main()
