"""Checkpoints change what is kept, and nothing else."""

import jax
import jax.numpy as jnp
import numpy as np

from compare.lessons.judged.counted_jax import bytes_kept
from jaxport.remat import checkpointing, deep_loss


def test_the_gradient_is_the_same_and_only_the_inputs_are_kept() -> None:
    """Five rows of 3 in float64, two blocks of 7: both inputs in one array, and the last output, the loss's."""
    rng = np.random.default_rng(0)
    shapes = {"x": (5, 3), "up": (2, 3, 7), "down": (2, 7, 3)}
    with jax.enable_x64(True):
        x, up, down = (jnp.array(rng.standard_normal(shape)) for shape in shapes.values())
        kept, made_again = checkpointing(x, up, down)
        few, many = (
            bytes_kept(lambda both, again=again: deep_loss(x, *both, again=again), (up, down), [x])
            for again in (True, False)
        )
    np.testing.assert_allclose(made_again, kept, rtol=1e-12, atol=1e-13)  # two programs round by themselves
    assert few == 3 * 5 * 3 * 8
    assert many > 2 * few
