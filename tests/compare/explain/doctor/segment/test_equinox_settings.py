"""An Equinox layer's settings in the vocabulary of both sides: nothing differs where nothing does."""

import equinox as eqx
import jax
import pytest
from torch import nn

from compare.explain.doctor.segment.layer_settings import settings_read

KEY = jax.random.key(0)


def conv(**settings):
    return eqx.nn.Conv2d(4, 6, 3, key=KEY, **settings)


ALIKE = {
    "linear": (nn.Linear(3, 4), eqx.nn.Linear(3, 4, key=KEY)),
    "linear without bias": (nn.Linear(3, 4, bias=False), eqx.nn.Linear(3, 4, use_bias=False, key=KEY)),
    "conv": (
        nn.Conv2d(4, 6, 3, stride=2, padding=1, dilation=2, groups=2),
        conv(stride=2, padding=1, dilation=2, groups=2),
    ),
    "conv same": (nn.Conv2d(4, 6, 3, padding="same"), conv(padding="SAME")),
    "conv reflect": (nn.Conv2d(4, 6, 3, padding=1, padding_mode="reflect"), conv(padding=1, padding_mode="REFLECT")),
    "transposed conv": (
        nn.ConvTranspose2d(4, 6, 3, stride=2, padding=1, output_padding=1),
        eqx.nn.ConvTranspose2d(4, 6, 3, stride=2, padding=1, output_padding=1, key=KEY),
    ),
    "transposed conv valid": (
        nn.ConvTranspose2d(4, 6, 3, stride=2),
        eqx.nn.ConvTranspose2d(4, 6, 3, stride=2, padding="VALID", key=KEY),
    ),
    "layer norm": (nn.LayerNorm((3, 4)), eqx.nn.LayerNorm((3, 4))),
    "rms norm": (nn.RMSNorm(4, eps=1e-5), eqx.nn.RMSNorm(4, use_bias=False)),
    "group norm": (nn.GroupNorm(2, 4), eqx.nn.GroupNorm(2, 4)),
    "batch norm": (nn.BatchNorm2d(4), eqx.nn.BatchNorm(4, "batch", momentum=0.9, mode="batch")),
    "dropout": (nn.Dropout(0.3), eqx.nn.Dropout(0.3)),
    "embedding": (nn.Embedding(5, 4), eqx.nn.Embedding(5, 4, key=KEY)),
    "lstm": (nn.LSTM(3, 4), eqx.nn.LSTMCell(3, 4, key=KEY)),
    "attention": (nn.MultiheadAttention(8, 2), eqx.nn.MultiheadAttention(2, 8, use_output_bias=True, key=KEY)),
}


@pytest.mark.parametrize(("reference", "port"), ALIKE.values(), ids=ALIKE)
def test_the_same_layer_has_the_same_settings(reference, port):
    assert settings_read(reference, port) == ()


@pytest.mark.parametrize(
    ("reference", "port", "said"),
    [
        (nn.LayerNorm(4), eqx.nn.LayerNorm(4, eps=1e-6), "epsilon is 1e-06 in the port, 1e-05 in the reference"),
        (nn.LayerNorm((3, 4)), eqx.nn.LayerNorm(4), "axis is -1 in the port, (-2, -1) in the reference"),
        (nn.Dropout(0.3), eqx.nn.Dropout(0.2), "dropout rate is 0.2 in the port, 0.3 in the reference"),
        (nn.GroupNorm(2, 4), eqx.nn.GroupNorm(4, 4), "groups is 4 in the port, 2 in the reference"),
        (nn.Linear(3, 4), eqx.nn.Linear(3, 4, use_bias=False, key=KEY), "the reference has bias, the port has not"),
        (nn.Conv2d(4, 6, 3), conv(dilation=2), "dilation is 2 in the port, 1 in the reference"),
        (nn.Conv2d(4, 6, 3), conv(padding=1), "padding is 1 in the port, 0 in the reference"),
        (
            nn.BatchNorm2d(4),
            eqx.nn.BatchNorm(4, "batch", momentum=0.99, mode="batch"),
            "momentum is 0.01 in the port, 0.1 in the reference",
        ),
    ],
)  # fmt: skip
def test_one_that_differs_is_named(reference, port, said):
    assert [setting.text for setting in settings_read(reference, port)] == [said]
