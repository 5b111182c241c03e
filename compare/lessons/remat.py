"""Rows of torchref/remat.py and jaxport/remat.py."""

import numpy as np

from compare.lessons.row import Lesson


def _blocks(rng: np.random.Generator) -> dict[str, np.ndarray]:
    return {
        "x": rng.standard_normal((64, 32)),
        "up": rng.standard_normal((6, 32, 128)) / 32**0.5,
        "down": rng.standard_normal((6, 128, 32)) / 128**0.5,
    }


ROWS: list[Lesson] = [
    Lesson(
        name="checkpointing",
        title="Activations computed twice",
        file="remat",
        function="checkpointing",
        also=("deep_loss", "block"),
        arrays=_blocks,
        faces={
            "h = checkpoint(": "h, _ = jax.lax.scan(",
            "(kept,) =": "kept = gradient",
        },
        same="The same gradient from a fraction of the memory; each block's forward pass runs twice.",
        different="torch drops what the tape would save and calls the block again; jax.checkpoint marks the block in"
        " the traced program.",
        prevents="Halving the batch for want of memory, and a checkpointed block with side effects: they happen twice.",
        differs={
            "bytes kept": "each keeps what its own backward formulas need; JAX is measured without jit",
            "bytes kept with checkpoints": "both keep each block's input; JAX stacks them, the batch itself included",
        },
    ),
]
