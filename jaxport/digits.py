"""The 5,000 MNIST digits that ship with both sides, as JAX arrays."""

from pathlib import Path

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

Images = Float[Array, "batch channels height width"]
Labels = Int[Array, "batch"]
DIGITS = Path(__file__).parents[1] / "compare" / "arrays" / "data" / "mnist_5k.npz"


def load_digits() -> list[tuple[Images, Labels]]:
    """Images and labels to train with, 4,000, and to test with, 1,000: pixels from 0 to 1, one channel."""
    with np.load(DIGITS) as file:
        return [(_pixels(file[f"x_{part}"]), jnp.array(file[f"y_{part}"], jnp.int32)) for part in ("train", "test")]


def _pixels(images: np.ndarray) -> Images:
    return jnp.array(images, jnp.float32)[:, None] / 255
