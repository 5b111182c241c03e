"""Checkpoints change what is kept, and nothing else."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxport.remat import checkpointing


def test_the_gradient_is_the_same_and_only_the_inputs_are_kept() -> None:
    """Five rows of 3 in float64, two blocks of 7: both inputs in one array, and the last output, the loss's."""
    rng = np.random.default_rng(0)
    shapes = {"x": (5, 3), "up": (2, 3, 7), "down": (2, 7, 3)}
    with jax.enable_x64(True):
        seen = checkpointing(**{name: jnp.array(rng.standard_normal(shape)) for name, shape in shapes.items()})
    np.testing.assert_allclose(seen["gradient with checkpoints"], seen["gradient"], rtol=1e-12)
    assert seen["bytes kept with checkpoints"] == 3 * 5 * 3 * 8
    assert seen["bytes kept"] > 2 * seen["bytes kept with checkpoints"]
    assert seen["runs of each block"] == (1, 2)
