"""One training run in two frameworks: begun in torch, gone on in JAX, finished in torch, against torch alone.

    python examples/resumed.py [--epochs 10]

NAdam with two parameter groups, clipping and a one-cycle schedule on real images, in float64. The moments, counts and
the schedule move with the optimizer.
"""

import argparse
import copy
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import torch
from torch.nn import functional as F

from compare import optax_twin
from compare.arrays.images import load_images
from jaxport.optimizers import clip_grad_norm

BATCH, MAX_NORM = 100, 1.0
DIGITS = load_images()
IMAGES = DIGITS.train_images.reshape(len(DIGITS.train_images), -1).astype(np.float64)
LABELS = DIGITS.train_labels.astype(np.int64)


def made(epochs: int) -> tuple[torch.nn.Module, torch.optim.Optimizer, Any]:
    """A perceptron, its optimizer and its scheduler, always the same."""
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(IMAGES.shape[1], 32), torch.nn.Tanh(), torch.nn.Linear(32, 10)).double()
    groups = [{"params": model[0].parameters(), "weight_decay": 1e-3}, {"params": model[2].parameters()}]
    optimizer = torch.optim.NAdam(groups, lr=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 5e-3, epochs * (len(LABELS) // BATCH) + 1)
    return model, optimizer, schedule


def batches(epoch: int) -> Any:
    """The same rows in the same order on either side."""
    order = np.random.default_rng(epoch).permutation(len(LABELS))
    for rows in order[: len(order) // BATCH * BATCH].reshape(-1, BATCH):
        yield IMAGES[rows], LABELS[rows]


def in_torch(model: torch.nn.Module, optimizer: torch.optim.Optimizer, scheduler: Any, epochs: range) -> None:
    """Train in place."""
    for epoch in epochs:
        for images, labels in batches(epoch):
            optimizer.zero_grad()
            F.cross_entropy(model(torch.from_numpy(images)), torch.from_numpy(labels)).backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), MAX_NORM)
            optimizer.step()
            scheduler.step()


def in_jax(twin: Any, epochs: range) -> tuple[Any, Any]:
    """Train the twin; the parameters and the state that it ends with."""
    clip = clip_grad_norm(MAX_NORM)

    def loss(params: Any, images: jax.Array, labels: jax.Array) -> jax.Array:
        hidden = jnp.tanh(images @ params["0.weight"].T + params["0.bias"])
        logits = hidden @ params["2.weight"].T + params["2.bias"]
        return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()

    @jax.jit
    def step(params: Any, state: Any, images: jax.Array, labels: jax.Array) -> tuple[Any, Any]:
        grads, _ = clip.update(jax.grad(loss)(params, images, labels), optax.EmptyState())
        updates, state = twin.transformation.update(grads, state, params)
        return optax.apply_updates(params, updates), state

    params, state = twin.params, twin.state
    with jax.enable_x64(True):
        for epoch in epochs:
            for images, labels in batches(epoch):
                params, state = step(params, state, jnp.array(images), jnp.array(labels))
    return params, state


def accuracy(model: torch.nn.Module) -> float:
    """The share of the test images that it gets right."""
    images = torch.from_numpy(DIGITS.test_images.reshape(len(DIGITS.test_images), -1).astype(np.float64))
    return float((model(images).argmax(1).numpy() == DIGITS.test_labels).mean())


def apart(one: torch.nn.Module, other: torch.nn.Module) -> float:
    """The distance of all parameters over their size."""
    a, b = (np.concatenate([p.detach().numpy().ravel() for p in model.parameters()]) for model in (one, other))
    return float(np.linalg.norm(a - b) / np.linalg.norm(a))


def main() -> None:
    """Both runs, and how far they are apart."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=10, help="in each framework")
    epochs = parser.parse_args().epochs
    whole, run = made(3 * epochs), made(3 * epochs)
    first, second, third = (range(at * epochs, (at + 1) * epochs) for at in range(3))
    in_torch(*whole, first)
    in_torch(*run, first)
    model, optimizer, scheduler = run
    twin = optax_twin(optimizer, scheduler, model=model)
    params, state = in_jax(twin, second)
    in_torch(*whole, second)
    twin.to_torch(params, state)
    print(f"{epochs} epochs in torch and {epochs} in JAX, against {2 * epochs} in torch:")
    print(f"  parameters {apart(whole[0], model):.0e} apart; {accuracy(whole[0]):.1%} and {accuracy(model):.1%} right")
    before = copy.deepcopy(model.state_dict())
    in_torch(*whole, third)
    in_torch(*run, third)
    moved = max(float((model.state_dict()[name] - before[name]).abs().max()) for name in before)
    print(f"and {epochs} more in torch, in which a weight moves by up to {moved:.2g}:")
    print(f"  parameters {apart(whole[0], model):.0e} apart; {accuracy(whole[0]):.1%} and {accuracy(model):.1%} right")


if __name__ == "__main__":
    main()
