"""Rows of torchref/losses.py and jaxport/losses.py."""

import numpy as np

from compare.lessons.row import Lesson


def _logits(rng: np.random.Generator) -> dict[str, np.ndarray]:
    from compare.arrays.images import load_images

    digits = load_images()
    return {
        "logits": 3 * rng.standard_normal((4, 10)),
        "targets": rng.integers(0, 10, 4),
        "large": np.array([[2.0, 1.0, 0.0], [1000.0, 0.0, -1.0], [1000.0, 0.0, -1.0]]),
        "images": digits.train_images[:1000].reshape(1000, -1),
        "labels": digits.train_labels[:1000],
    }


ROWS: list[Lesson] = [
    Lesson(
        name="raw_logits",
        title="The loss takes raw logits",
        file="losses",
        function="raw_logits",
        also=("cross_entropy", "softmax_twice", "softmax_then_log", "learn"),
        arrays=_logits,
        faces={
            "optimizer.step()": "return weights - 0.5",
            "return weights.detach()": "return jax.lax.fori_loop",
        },
        same="The softmax is inside the loss, fused with the logarithm, so logits of 1000 cost exactly what they "
        "should. Written out, exp overflows: NaN where the label is the overflowing class, infinity where it is not.",
        different="torch averages over the batch by itself; optax returns one loss for each row.",
        prevents="A softmax before the loss: nothing is raised, the loss cannot fall below log(1 + 9/e) = 1.46 on ten "
        "classes, and on 500 digits the same 20 steps end about 20 points lower.",
    ),
]
