"""What a padding means, against what the frameworks do with it."""

import jax.numpy as jnp
import pytest
import torch
from flax import linen
from torch import nn

from compare.explain.doctor.segment.padding import SAME, same, shown, torch_padding, translated, uniform


@pytest.mark.parametrize(("size", "stride", "dilation"), [(3, 1, 1), (4, 1, 1), (3, 1, 2), (5, 1, 1)])
@pytest.mark.parametrize("padding", ["SAME", "VALID", "CAUSAL", 1, ((2, 0),)])
def test_a_plain_convolution_under_its_translated_padding(size, stride, dilation, padding):
    """Flax's layer gives what it gives with the pairs written out."""
    x = jnp.arange(8.0)[None, :, None]
    params = {"params": {"kernel": jnp.arange(1.0, size + 1)[:, None, None], "bias": jnp.zeros(1)}}
    pairs = translated(padding, (size,), (stride,), (dilation,))
    outs = [linen.Conv(1, (size,), (stride,), one, kernel_dilation=(dilation,)).apply(params, x)
            for one in (padding, pairs)]  # fmt: skip
    assert outs[0].tolist() == outs[1].tolist()


@pytest.mark.parametrize(("size", "stride"), [(3, 2), (4, 2), (2, 3), (3, 1), (5, 3), (4, 4)])
@pytest.mark.parametrize("padding", ["SAME", "VALID", ((1, 2),), 1])
def test_a_transposed_convolution_cuts_off_the_translated_padding(size, stride, padding):
    """Torch's full result, cut, is Flax's."""
    x, kernel = torch.arange(1.0, 6), torch.arange(1.0, size + 1)
    params = {"params": {"kernel": jnp.array(kernel.numpy())[::-1, None, None], "bias": jnp.zeros(1)}}
    out = linen.ConvTranspose(1, (size,), (stride,), padding).apply(params, jnp.array(x.numpy())[None, :, None])
    ((low, high),) = translated(padding, (size,), (stride,), (1,), transposed=True)
    full = torch.nn.functional.conv_transpose1d(x[None, None], kernel[None, None], stride=stride)
    cut = torch.nn.functional.pad(full, (-low, -high))
    assert cut.ravel().tolist() == out.ravel().tolist()


def test_same_depends_on_the_input_with_a_stride():
    """It is left as a word then; ``same`` says what it is for one size."""
    assert translated("SAME", (3,), (2,), (1,)) == SAME
    assert same(8, 2, 2) == (0, 1)
    assert same(7, 2, 2) == (1, 1)
    assert same(4, 0, 2) == (0, 0)


def test_torchs_own():
    """As pairs; of a transposed one, what is cut off."""
    assert torch_padding(nn.Conv2d(1, 1, 3, padding=(1, 2))) == ((1, 1), (2, 2))
    assert torch_padding(nn.Conv1d(1, 1, 4, padding="same")) == ((1, 2),)
    assert torch_padding(nn.Conv1d(1, 1, 4, padding="valid")) == ((0, 0),)
    assert torch_padding(nn.ConvTranspose1d(1, 1, 3, stride=2, padding=1, output_padding=1)) == ((1, 0),)


def test_how_it_is_shown():
    """As short as it is uniform."""
    assert shown(((1, 1), (1, 1))) == "1"
    assert shown(((0, 1), (0, 1))) == "(0, 1)"
    assert shown(1e-5) == "1e-05"
    assert uniform(2, 3) == (2, 2, 2)
    assert uniform((1, 2), 2) == (1, 2)
