"""Training the port: pure functions, compiled once, and the loop over epochs that rebinds what they return.

python -m jaxport.train
"""

from collections.abc import Iterator
from functools import partial

import jax
import jax.numpy as jnp
import optax
from flax import linen as nn
from jaxtyping import Array, Float

from jaxport.digits import Images, Labels, load_digits
from jaxport.losses import cross_entropy
from jaxport.mlp import MLP
from jaxport.optimizers import sgd


def train_step(
    model: nn.Module, optimizer: optax.GradientTransformation, params: optax.Params, state: optax.OptState,
    images: Images, labels: Labels,
) -> tuple[optax.Params, optax.OptState, Float[Array, ""]]:  # fmt: skip
    """One step on one batch: a pure function of parameters, optimizer state and batch. Nothing is changed in place.

    Returns:
        The new parameters, the new optimizer state, and the loss before the step.
    """

    def loss_of(params: optax.Params) -> Float[Array, ""]:
        return cross_entropy(model.apply({"params": params}, images), labels)

    # jax.grad alone returns the gradient and drops the loss; asking for both costs no second forward pass.
    loss, grads = jax.value_and_grad(loss_of)(params)
    updates, state = optimizer.update(grads, state, params)
    return optax.apply_updates(params, updates), state, loss


def evaluate(model: nn.Module, params: optax.Params, images: Images, labels: Labels) -> Float[Array, ""]:
    """The share of ``images`` whose largest logit is the label, between 0 and 1."""
    best = model.apply({"params": params}, images).argmax(axis=1)
    return (best.astype(labels.dtype) == labels).mean()


def fit(
    model: nn.Module, optimizer: optax.GradientTransformation, params: optax.Params, images: Images, labels: Labels,
    key: Array, epochs: int, batch: int = 64,
) -> Iterator[tuple[optax.Params, Float[Array, ""]]]:  # fmt: skip
    """Train, each epoch in a new order drawn from ``key``; yield the parameters after each one, and its mean loss."""
    step = jax.jit(partial(train_step, model, optimizer))  # bound: both hold no arrays, only what to compute
    state = optimizer.init(params)
    for epoch in range(epochs):
        order = jax.random.permutation(jax.random.fold_in(key, epoch), len(images))
        losses = []
        for start in range(0, len(images), batch):
            rows = order[start : start + batch]
            params, state, loss = step(params, state, images[rows], labels[rows])
            losses.append(loss)
        yield params, jnp.stack(losses).mean()


def digits(epochs: int = 3) -> Iterator[tuple[Float[Array, ""], Float[Array, ""]]]:
    """Train on MNIST digits; yield each epoch's mean loss, and the share of the test images that is right after it."""
    for_init, for_order = jax.random.split(jax.random.key(0))
    model, optimizer = MLP(), sgd()
    train, test = load_digits()
    start, share = model.init(for_init, train[0][:1])["params"], jax.jit(partial(evaluate, model))
    for params, loss in fit(model, optimizer, start, *train, for_order, epochs):
        yield loss, share(params, *test)


def main() -> None:
    """Three epochs, told as they end."""
    for epoch, (loss, share) in enumerate(digits(), start=1):
        print(f"epoch {epoch}: loss {loss:.3f}, {share:.1%} of the test images right")


if __name__ == "__main__":
    main()
