"""Rows of torchref/higher.py and jaxport/higher.py."""

import numpy as np

from compare.lessons.row import Lesson


def _counts(rng: np.random.Generator) -> dict[str, np.ndarray]:
    x, w = rng.standard_normal((8, 4)), 0.5 * rng.standard_normal(4)
    return {"x": x, "y": rng.poisson(np.exp(x @ w)).astype(np.float64), "w": w, "v": rng.standard_normal(4)}


def _mlp(rng: np.random.Generator) -> dict[str, np.ndarray]:
    return {
        "x": rng.standard_normal((16, 20)),
        "y": rng.integers(0, 4, 16),
        "W1": rng.standard_normal((32, 20)) * (2 / 20) ** 0.5,
        "b1": 0.1 * rng.standard_normal(32),
        "W2": rng.standard_normal((4, 32)) * (2 / 32) ** 0.5,
        "b2": 0.1 * rng.standard_normal(4),
    }


ROWS: list[Lesson] = [
    Lesson(
        name="second_derivatives",
        title="Derivatives of derivatives",
        file="higher",
        function="second_derivatives",
        arrays=_counts,
        same="torch.func and jax compose alike: jvp of grad is a Hessian-vector product, jacfwd of jacrev the Hessian.",
        different="On the tape a backward pass is differentiable only if it was recorded, with create_graph=True;"
        " jax.grad returns a function, which is differentiated like any other.",
        prevents="Building a Hessian to multiply one vector with it, which costs as many Hessian-vector products as"
        " there are parameters; and a gradient penalty without create_graph.",
        differs={
            "gradient of a vector": "each framework says it in its own words",
            "without create_graph": "JAX has no such switch",
        },
    ),
    Lesson(
        name="per_sample",
        title="A gradient for each example",
        file="higher",
        function="per_sample",
        arrays=_mlp,
        same="vmap over grad gives every example's gradient in one call, and their mean is the batch's.",
        different="backward() leaves one gradient in .grad, already summed over the batch: in torch this takes"
        " torch.func, beside the tape. In JAX it is the same grad under another transformation.",
        prevents="Clipping the batch's gradient where each example's was meant, as differential privacy does.",
    ),
]
