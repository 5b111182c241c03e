"""Rows of torchref/attention.py and jaxport/attention.py."""

import numpy as np

from compare.lessons.row import Lesson


def _heads(rng: np.random.Generator) -> dict[str, np.ndarray]:
    shape = (2, 6, 2, 4)
    arrays = {name: rng.standard_normal(shape) for name in ("queries", "keys", "values")}
    return arrays | {"slopes": np.array([0.5, 0.25])}


ROWS: list[Lesson] = [
    Lesson(
        name="attention",
        title="Attention with a bias",
        file="attention",
        function="attention",
        also=("distance_bias", "by_one_call", "by_score"),
        arrays=_heads,
        faces={
            "bias = distance_bias": "bias, mask = distance_bias",
            "attended = F.scaled_dot": "return jax.nn.dot_product_attention",
            "attended = compile(": "scores = modified(",
        },
        same="A function of one score, mapped over all of them, is the same attention as the formula with a bias and a "
        "mask. So are its gradients.",
        different="FlexAttention compiles that function into its kernel, and has no backward on the CPU: torch's "
        "gradient here is scaled_dot_product_attention's. JAX's call takes arrays, heads after positions, and its "
        "softmax is always in float32.",
        prevents="Positions and heads exchanged where both have the same size; a float64 check that stops at 1e-7 "
        "because of a softmax in float32.",
        differs={
            "by one call": "jax.nn.dot_product_attention takes its softmax in float32, in a float64 run too",
            "refused": "flex_attention has no backward on the CPU; JAX has no such limit",
        },
    ),
]
