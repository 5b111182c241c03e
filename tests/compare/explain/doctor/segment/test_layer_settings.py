"""Settings read on both sides in one vocabulary."""

import jax.numpy as jnp
import pytest
from flax import linen, nnx
from torch import nn

from compare.explain.doctor.segment.layer_settings import port_settings, settings_read

R = nnx.Rngs(0)

SAME_ON_BOTH = [
    (nn.Linear(3, 4), linen.Dense(4)),
    (nn.Linear(3, 4, bias=False), nnx.Linear(3, 4, use_bias=False, rngs=R)),
    (nn.LayerNorm(4), linen.LayerNorm(epsilon=1e-5)),
    (nn.LayerNorm(4, bias=False), nnx.LayerNorm(4, epsilon=1e-5, use_bias=False, rngs=R)),
    (nn.RMSNorm(4, eps=1e-6), linen.RMSNorm()),
    (nn.BatchNorm2d(4), linen.BatchNorm(momentum=0.9, use_running_average=False)),
    (nn.BatchNorm2d(4).eval(), nnx.BatchNorm(4, momentum=0.9, use_running_average=True, rngs=R)),
    (nn.GroupNorm(2, 4), linen.GroupNorm(2, epsilon=1e-5)),
    (nn.Conv2d(3, 4, 3), linen.Conv(4, (3, 3), padding="VALID")),
    (nn.Conv2d(3, 4, 3, padding=1), linen.Conv(4, (3, 3))),
    (nn.Conv2d(3, 4, 3, padding="same", dilation=2), nnx.Conv(3, 4, (3, 3), kernel_dilation=2, rngs=R)),
    (nn.Conv2d(4, 4, 3, stride=2, padding=1, groups=2),
     linen.Conv(4, (3, 3), strides=2, padding=1, feature_group_count=2)),
    (nn.Conv1d(3, 4, 3, padding=1, padding_mode="circular"), linen.Conv(4, (3,), padding="CIRCULAR")),
    (nn.ConvTranspose2d(3, 4, 4, stride=2, padding=1), linen.ConvTranspose(4, (4, 4), strides=(2, 2))),
    (nn.ConvTranspose2d(3, 4, 3, stride=2), linen.ConvTranspose(4, (3, 3), strides=(2, 2), padding="VALID")),
    (nn.Dropout(0.3), linen.Dropout(0.3, deterministic=True)),
    (nn.Embedding(5, 3), linen.Embed(5, 3)),
    (nn.MultiheadAttention(8, 2), linen.MultiHeadDotProductAttention(2)),
    (nn.LSTM(3, 4), linen.OptimizedLSTMCell(4)),
    (nn.GELU(), None),
]  # fmt: skip


@pytest.mark.parametrize(("reference", "port"), SAME_ON_BOTH)
def test_equal_settings_are_equal_in_both_frameworks_words(reference, port):
    """Nothing differs, whatever each calls it."""
    assert settings_read(reference, port) == ()


DIFFERING = [
    (nn.Linear(3, 4), linen.Dense(4, use_bias=False), "the reference has bias, the port has not"),
    (nn.LayerNorm(4), linen.LayerNorm(), "epsilon is 1e-06 in the port, 1e-05 in the reference"),
    (nn.LayerNorm(4), nnx.LayerNorm(4, epsilon=1e-5, use_scale=False, rngs=R),
     "the reference has scale, the port has not"),
    (nn.LayerNorm((3, 4)), linen.LayerNorm(epsilon=1e-5), "axis is -1 in the port, (-2, -1) in the reference"),
    (nn.RMSNorm(4), linen.RMSNorm(), "epsilon is 1e-06 in the port, 1.192092896e-07 in the reference"),
    (nn.BatchNorm1d(4), linen.BatchNorm(use_running_average=False),
     "momentum is 0.01 in the port, 0.1 in the reference"),
    (nn.BatchNorm1d(4), nnx.BatchNorm(4, momentum=0.9, use_running_average=True, rngs=R),
     "the port has use_running_average, the reference has not"),
    (nn.GroupNorm(2, 4), linen.GroupNorm(4, epsilon=1e-5), "groups is 4 in the port, 2 in the reference"),
    (nn.Conv2d(3, 4, 3), linen.Conv(4, (3, 3)), "padding is 1 in the port, 0 in the reference"),
    (nn.Conv2d(3, 4, 3, stride=2, padding=1), linen.Conv(4, (3, 3), strides=2),
     "padding is SAME in the port, 1 in the reference"),
    (nn.Conv2d(3, 4, 3), linen.Conv(4, (3, 3), strides=2, padding=0), "stride is 2 in the port, 1 in the reference"),
    (nn.Conv1d(3, 4, 3, padding=1), linen.Conv(4, (3,), padding="CIRCULAR"),
     "padding_mode is circular in the port, zeros in the reference"),
    (nn.ConvTranspose1d(3, 4, 3, stride=2, padding=1), linen.ConvTranspose(4, (3,), strides=(2,), padding=((1, 1),)),
     None),
    (nn.Dropout(0.3), linen.Dropout(0.1), "dropout rate is 0.1 in the port, 0.3 in the reference"),
    (nn.MultiheadAttention(8, 2), linen.MultiHeadDotProductAttention(4), "heads is 4 in the port, 2 in the reference"),
]  # fmt: skip


@pytest.mark.parametrize(("reference", "port", "text"), DIFFERING)
def test_what_differs_is_said_in_torchs_conventions(reference, port, text):
    """One setting, in one sentence."""
    assert [one.text for one in settings_read(reference, port)] == ([text] if text else [])


class OwnReference(nn.Module):
    def __init__(self, variance_epsilon=1e-5, n_heads=4, rope_theta=1e4, bias=False):
        super().__init__()
        self.variance_epsilon, self.n_heads, self.rope_theta = variance_epsilon, n_heads, rope_theta
        self.causal = True


class OwnLinen(linen.Module):
    eps: float = 1e-5
    num_heads: int = 4
    theta: float = 1e4
    is_causal: bool = True

    @linen.compact
    def __call__(self, x):
        return x


class OwnNnx(nnx.Module):
    def __init__(self, epsilon=1e-5, heads=4, base=1e4, causal=True):
        self.epsilon, self.heads, self.base, self.causal = epsilon, heads, base, causal


def test_a_users_own_classes_are_paired_by_the_names_of_their_attributes():
    """Under whatever usual name each has it; the reference's attribute is known, so that it can be tried."""
    assert settings_read(OwnReference(), OwnLinen()) == ()
    assert settings_read(OwnReference(), OwnNnx()) == ()
    for port in (OwnLinen(eps=1e-6, is_causal=False), OwnNnx(epsilon=1e-6, causal=False)):
        found = {one.name: one.attribute for one in settings_read(OwnReference(), port)}
        assert found == {"epsilon": "variance_epsilon", "causal": "causal"}
    (theta,) = settings_read(OwnReference(rope_theta=5e5), OwnNnx())
    assert theta.text == "theta is 10000 in the port, 500000 in the reference"


def test_a_users_own_norm_beside_torchs():
    """Their epsilons have one meaning."""
    assert [one.text for one in settings_read(nn.LayerNorm(4), OwnNnx(epsilon=1e-6))] == [
        "epsilon is 1e-06 in the port, 1e-05 in the reference"
    ]


def test_a_low_precision_is_a_setting():
    """A layer's dtype is read where it is below float32."""
    assert port_settings(linen.Dense(3, dtype=jnp.bfloat16))["dtype"] == "bfloat16"
    assert "dtype" not in port_settings(linen.Dense(3, dtype=jnp.float32))
    (low,) = settings_read(nn.Linear(3, 3), linen.Dense(3, dtype=jnp.bfloat16))
    assert low.text == "dtype is bfloat16 in the port, float32 in the reference"
    assert settings_read(nn.Linear(3, 3).bfloat16(), linen.Dense(3, dtype=jnp.bfloat16)) == ()


def test_a_bound_module_and_none():
    """A module out of a running model is read alike; nothing beside nothing differs."""

    class Model(linen.Module):
        def setup(self):
            self.norm = linen.LayerNorm()

        def __call__(self, x):
            return self.norm(x)

    bound = Model().bind({"params": {"norm": {"scale": jnp.ones(4), "bias": jnp.ones(4)}}})
    assert [one.name for one in settings_read(nn.LayerNorm(4), bound.norm)] == ["epsilon"]
    assert settings_read(None, bound.norm) == ()
    assert settings_read(nn.LayerNorm(4), None) == ()
