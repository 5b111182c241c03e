"""The whole idea once: one batch and one set of weights to both frameworks, and each gradient's difference.

Run it: python -m compare.first
"""

import jax
import jax.numpy as jnp
import numpy as np
import torch

import jaxport.losses
import jaxport.mlp
import torchref.losses
import torchref.mlp


def main():
    rng = np.random.default_rng(0)  # one generator, in NumPy: seeding each framework's own gives different numbers
    images = rng.standard_normal((16, 1, 28, 28), dtype=np.float32)
    labels = rng.integers(0, 10, size=16)
    W1, b1 = rng.normal(0, 0.05, (128, 784)).astype(np.float32), rng.normal(0, 0.1, 128).astype(np.float32)
    W2, b2 = rng.normal(0, 0.10, (10, 128)).astype(np.float32), rng.normal(0, 0.1, 10).astype(np.float32)

    # PyTorch: the forward pass records a tape, backward() walks it and writes each gradient into .grad.
    model = torchref.mlp.MLP()
    state = {"net.1.weight": W1, "net.1.bias": b1, "net.3.weight": W2, "net.3.bias": b2}
    model.load_state_dict({name: torch.tensor(array) for name, array in state.items()})
    loss_t = torchref.losses.cross_entropy(model(torch.tensor(images)), torch.tensor(labels))
    loss_t.backward()
    by_tape = {name: parameter.grad.numpy() for name, parameter in model.named_parameters()}

    # JAX: the loss is a function of the parameters; jax.grad returns another function, which returns the gradient.
    port = jaxport.mlp.MLP()
    params = {"Dense_0": {"kernel": W1.T, "bias": b1}, "Dense_1": {"kernel": W2.T, "bias": b2}}  # kernel = weight'

    def loss(params):
        return jaxport.losses.cross_entropy(port.apply({"params": params}, jnp.array(images)), jnp.array(labels))

    loss_j = loss(params)
    grads = jax.grad(loss)(params)
    by_function = {
        "net.1.weight": grads["Dense_0"]["kernel"].T,
        "net.1.bias": grads["Dense_0"]["bias"],
        "net.3.weight": grads["Dense_1"]["kernel"].T,
        "net.3.bias": grads["Dense_1"]["bias"],
    }

    print(f"{'loss':14} {loss_t.item():.7f} and {loss_j.item():.7f}")
    for name, tape in by_tape.items():
        difference = np.abs(tape - np.asarray(by_function[name])).max()
        print(f"{name:14} {tape.shape!s:10}  largest entry {np.abs(tape).max():.1e}, difference {difference:.1e}")


if __name__ == "__main__":
    main()
