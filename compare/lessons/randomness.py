"""Rows of torchref/randomness.py and jaxport/randomness.py."""

import numpy as np

from compare.lessons.row import Lesson, generator, key


def _drawn(rng: np.random.Generator) -> dict[str, np.ndarray]:
    return {"drawn": rng.standard_normal((4, 2))}


ROWS: list[Lesson] = [
    Lesson(
        name="randomness",
        title="Generators and keys",
        file="randomness",
        function="randomness",
        also=("own_streams",),
        arrays=_drawn,
        reference=generator,
        port=key,
        faces={
            "torch.rand(1)": "jax.random.uniform(",
        },
        same="A seed gives the same numbers again in its own framework, on the same kind of device and in the same "
        "version. A stream or a key of its own keeps draws apart: what one draws does not move the other.",
        different="torch draws from a state that each draw moves on, global unless a generator is given. JAX draws "
        "from a key that no draw changes: the same key gives the same numbers, and split makes new keys.",
        prevents="Dropout masks or initial weights that are equal because a key was used twice; a port seeded alike "
        "and expected to start alike. Seeds do not transfer; arrays drawn by NumPy do.",
        differs={
            "moved by a draw before": "a draw moves torch's global state; in JAX there is none to move",
            "same source twice, same numbers": "a generator moves on, a key does not",
            "numbers of seed 3": "the two draw by different algorithms: a seed means nothing to the other",
        },
    ),
]
