"""The third opinion: the MLP's backward pass derived by hand, in NumPy. It shares no code with either framework.

With x the flattened batch of n rows, y the labels and W stored (out, in):

    z1 = x W1' + b1,  a1 = max(z1, 0),  z2 = a1 W2' + b2,  p = softmax(z2),  loss = mean(logsumexp(z2) - z2[y])

    dz2 = (p - onehot(y)) / n     dW2 = dz2' a1     db2 = sum_n dz2
    dz1 = (dz2 W2) * [z1 > 0]     dW1 = dz1' x      db1 = sum_n dz1     dx = dz1 W1
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Int

from compare.arrays.arrays import Arrays
from compare.arrays.batch import Batch


def hidden_preactivation(
    x: Float[np.ndarray, "batch inputs"], W1: Float[np.ndarray, "hidden inputs"], b1: Float[np.ndarray, "hidden"]
) -> Float[np.ndarray, "batch hidden"]:
    """z1, whose sign decides which ReLU gates are open."""
    return x @ W1.T + b1


def forward_and_backward(
    x: Float[np.ndarray, "batch inputs"],
    y: Int[np.ndarray, "batch"],
    W1: Float[np.ndarray, "hidden inputs"],
    b1: Float[np.ndarray, "hidden"],
    W2: Float[np.ndarray, "classes hidden"],
    b2: Float[np.ndarray, "classes"],
) -> tuple[
    Float[np.ndarray, "batch classes"],
    Float[np.ndarray, ""],
    Float[np.ndarray, "hidden inputs"],
    Float[np.ndarray, "hidden"],
    Float[np.ndarray, "classes hidden"],
    Float[np.ndarray, "classes"],
    Float[np.ndarray, "batch inputs"],
]:
    """Logits, loss, and the gradients by W1, b1, W2, b2 and x, all in the dtype of what comes in."""
    n = x.shape[0]
    z1 = hidden_preactivation(x, W1, b1)
    a1 = np.maximum(z1, 0)
    z2 = a1 @ W2.T + b2

    shifted = z2 - z2.max(axis=1, keepdims=True)  # softmax does not see a shift, and exp no longer overflows
    log_sum = np.log(np.exp(shifted).sum(axis=1))
    loss = np.asarray((log_sum - shifted[np.arange(n), y]).mean())

    dz2 = np.exp(shifted - log_sum[:, None])
    dz2[np.arange(n), y] -= 1
    dz2 /= n
    dz1 = (dz2 @ W2) * (z1 > 0)
    return z2, loss, dz1.T @ x, dz1.sum(axis=0), dz2.T @ a1, dz2.sum(axis=0), dz1 @ W1


def mlp(names: tuple[str, str, str, str]) -> Callable[[Arrays, Batch], Arrays]:
    """The derivation above as a pair's ``by_hand``; ``names`` are those of W1, b1, W2 and b2 in the reference."""

    def run(weights: Arrays, batch: Batch) -> Arrays:
        ((input_name, inputs),) = batch.inputs.items()
        (labels,) = batch.targets.values()
        flat = inputs.reshape(inputs.shape[0], -1)
        logits, loss, *grads, dx = forward_and_backward(flat, labels, *(weights[name] for name in names))
        by_name = {f"grad/{name}": grad for name, grad in zip(names, grads, strict=True)}
        return {
            "output": logits,
            "loss": loss,
            **by_name,
            f"grad/input.{input_name}": dx.reshape(inputs.shape),
        }

    return run


def deep_mlp(names: tuple[str, ...]) -> Callable[[Arrays, Batch], Arrays]:
    """The same for any number of layers; ``names`` are those of W1, b1, W2, b2, ... in the reference.

    Layer by layer from the last: dW = dz' a, db = sum_n dz, and for the layer below dz = (dz W) * [a > 0].
    """

    def run(weights: Arrays, batch: Batch) -> Arrays:
        ((input_name, inputs),) = batch.inputs.items()
        (labels,) = batch.targets.values()
        n, layers = len(inputs), list(zip(names[::2], names[1::2], strict=True))
        activations = [inputs.reshape(n, -1)]
        for place, (weight, bias) in enumerate(layers):
            z = activations[-1] @ weights[weight].T + weights[bias]
            activations.append(np.maximum(z, 0) if place < len(layers) - 1 else z)
        logits = activations.pop()
        shifted = logits - logits.max(axis=1, keepdims=True)
        log_sum = np.log(np.exp(shifted).sum(axis=1))
        by_name = {"output": logits, "loss": np.asarray((log_sum - shifted[np.arange(n), labels]).mean())}
        dz = np.exp(shifted - log_sum[:, None])
        dz[np.arange(n), labels] -= 1
        dz /= n
        for place in reversed(range(len(layers))):
            weight, bias = layers[place]
            by_name |= {f"grad/{weight}": dz.T @ activations[place], f"grad/{bias}": dz.sum(axis=0)}
            dz = dz @ weights[weight]
            if place:
                dz *= activations[place] > 0
        return {**by_name, f"grad/input.{input_name}": dz.reshape(inputs.shape)}

    return run
