"""Outputs come back in the reference's layout, whatever made them last; on an image whose sizes say nothing."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from tests.compare.weights.mapping.carry import carried, normal

SIZE = 4  # of rows, columns and channels alike
ROWS = np.array([3, 0, 0, 2, 1])


def resized(y, method):
    return jax.image.resize(y, (y.shape[0], 2 * SIZE, 3 * SIZE, SIZE), method)


def shuffled(y):
    """Channels to blocks of two by two, as torch orders them."""
    return y.reshape(2, SIZE, SIZE, 1, 2, 2).transpose(0, 1, 4, 2, 5, 3).reshape(2, 2 * SIZE, 2 * SIZE, 1)


LAST = {
    "repeated": (lambda y: F.interpolate(y, scale_factor=2), lambda y: jnp.repeat(jnp.repeat(y, 2, 1), 2, 2)),
    "resized by rows": (lambda y: F.interpolate(y, (8, 12)), lambda y: resized(y, "nearest")),
    "resized by products": (
        lambda y: F.interpolate(y, (8, 12), mode="bilinear", align_corners=False),
        lambda y: resized(y, "bilinear"),
    ),
    "channels to rows": (lambda y: F.pixel_shuffle(y, 2), shuffled),
    "channels mixed": (
        lambda y: torch.einsum("bchw,cd->bdhw", y, torch.arange(20.0, dtype=y.dtype).reshape(4, 5)),
        lambda y: jnp.einsum("bhwc,cd->bhwd", y, jnp.arange(20.0).reshape(4, 5)),
    ),
    "on each other": (lambda y: torch.stack([y, 2 * y], 1), lambda y: jnp.stack([y, 2 * y], 1)),
    "channels picked": (lambda y: y[:, torch.tensor(ROWS)], lambda y: y[..., ROWS]),
    "rows picked": (lambda y: y.index_select(2, torch.tensor(ROWS)), lambda y: jnp.take(y, ROWS, axis=1)),
}


@pytest.mark.parametrize("last", LAST)
def test_an_output_comes_back_as_the_reference_has_it(last):
    """Of a port that convolves with its channels last and returns them so."""
    ours, theirs = LAST[last]

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(SIZE, SIZE, 3, padding=1)

        def forward(self, x):
            return ours(self.conv(x))

    def port(params, x):
        y = jax.lax.conv_general_dilated(x, params["k"], (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
        return theirs(y + params["b"])

    leaves = {"k": jnp.ones((3, 3, SIZE, SIZE)), "b": jnp.ones(SIZE)}
    found = carried(Net(), (port, leaves), normal(2, SIZE, SIZE, SIZE))
    assert found.outputs == {"output": (0, 1, 4, 2, 3) if last == "on each other" else (0, 3, 1, 2)}


@pytest.mark.parametrize(("last", "said"), [((0, 1, 2, 3), ()), ((0, 2, 1, 3), ("(B, W, H, C)", "(B, C, H, W)"))])
def test_more_than_another_place_of_the_channels_is_said(last, said):
    """Height and width exchanged, of one size: no shape shows it, and the verdict is about them put in order."""

    def port(params, x):
        y = jax.lax.conv_general_dilated(x, params["k"], (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
        return jnp.transpose(y + params["b"], last)

    leaves = {"k": jnp.ones((3, 3, SIZE, SIZE)), "b": jnp.ones(SIZE)}
    found = carried(nn.Conv2d(SIZE, SIZE, 3, padding=1), (port, leaves), normal(2, SIZE, SIZE, SIZE))
    notes = [note for note in found.notes if note.startswith("output: the port's axes are")]
    assert len(notes) == len(said[:1])
    assert all(axes in notes[0] for axes in said)
