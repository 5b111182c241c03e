"""The 5,000 MNIST digits that ship with both sides, as tensors."""

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

Images = Float[Tensor, "batch channels height width"]
Labels = Int[Tensor, "batch"]
DIGITS = Path(__file__).parents[1] / "compare" / "arrays" / "data" / "mnist_5k.npz"


def load_digits() -> list[tuple[Images, Labels]]:
    """Images and labels to train with, 4,000, and to test with, 1,000: pixels from 0 to 1, one channel."""
    with np.load(DIGITS) as file:
        return [(_pixels(file[f"x_{part}"]), torch.tensor(file[f"y_{part}"]).long()) for part in ("train", "test")]


def _pixels(images: np.ndarray) -> Images:
    return torch.tensor(images)[:, None].float() / 255
