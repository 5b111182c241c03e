"""Norms: each fault a port makes in one is named."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import linen, nnx
from torch import nn
from torch.nn import functional as F

from tests.compare.explain.doctor.scenes import drawn, holds, moved, scene_of, sound

X = drawn(3, 5, 8, scale=0.05)
IMAGE = drawn(4, 8, 3, 3, scale=0.05)


def normed(x, axes, eps=1e-5, centred=True, ddof=0, outside=False):
    x = x - x.mean(axes, keepdims=True) if centred else x
    count = int(np.prod([x.shape[axis] for axis in axes]))
    variance = (x * x).sum(axes, keepdims=True) / (count - ddof)
    return x / (jnp.sqrt(variance) + eps if outside else jnp.sqrt(variance + eps))


def layer(axes=(-1,), **options):
    return lambda p, x: normed(x, axes, **options) * p["weight"] + p["bias"]


LAYER = [
    ("epsilon", "1e-06", layer(eps=1e-6)),
    ("epsilon", "1e-12", layer(eps=1e-12)),
    ("epsilon", "0.001", layer(eps=1e-3)),
    ("epsilon", "0", layer(eps=0.0)),
    ("unbiased", "unbiased (N - 1)", layer(ddof=1)),
    ("epsilon", None, layer(outside=True)),
    ("epsilon", "added to the unbiased deviation", layer(outside=True, ddof=1)),
    ("centring", "none", layer(centred=False)),
    ("axis", "(-2, -1)", layer(axes=(-2, -1))),
    ("axis", "-2", layer(axes=(-2,))),
    ("bias", "none", lambda p, x: normed(x, (-1,)) * p["weight"]),
    ("scale", "none", lambda p, x: normed(x, (-1,)) + p["bias"]),
    ("scale", "1 + w", lambda p, x: normed(x, (-1,)) * (1 + p["weight"]) + p["bias"]),
]


@pytest.mark.parametrize(("setting", "value", "port"), LAYER, ids=[f"{row[0]} {row[1]}" for row in LAYER])
def test_a_layer_norm(setting, value, port):
    """Functional code on the port's side: the counterfactual alone names it."""
    holds(scene_of(moved(nn.LayerNorm(8)), [X], port), setting, value, "counterfactual")


def test_a_sound_layer_norm():
    """Nothing is said."""
    sound(scene_of(moved(nn.LayerNorm(8)), [X], layer()))


def test_epsilon_of_a_flax_layer_norm_is_read():
    """Flax's default, read on both sides and confirmed by the counterfactual."""
    module, own = moved(nn.LayerNorm(8)), linen.LayerNorm(use_fast_variance=False)
    found = holds(scene_of(module, [X], lambda p, x: own.apply(
        {"params": {"scale": p["weight"], "bias": p["bias"]}}, x), layer=own), "epsilon", "1e-06", "both")  # fmt: skip
    assert found.causes[0].text == "epsilon is 1e-06 in the port, 1e-05 in the reference"
    assert found.settings == (found.causes[0].text,)
    assert found.excluded == ()


def test_an_epsilon_nobody_uses_is_read():
    """No candidate has it: only the port's own setting does."""
    own = nnx.LayerNorm(8, epsilon=3.3e-4, rngs=nnx.Rngs(0))
    holds(scene_of(moved(nn.LayerNorm(8)), [X], layer(eps=3.3e-4), layer=own), "epsilon", "0.00033", "both")


class Functional(nn.Module):
    """Two norms by hand, whose epsilons no layer holds."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Parameter(torch.ones(8)), nn.Parameter(torch.ones(8))

    def forward(self, x):
        return F.layer_norm(F.layer_norm(x, (8,), self.a) * 0.03, (8,), self.b)


@pytest.mark.parametrize(("first", "second"), [(1e-6, 1e-6), (1e-6, 1e-5), (1e-5, 1e-6)])
def test_one_of_two_norms_or_both(first, second):
    """All alike are tried at once, then each by itself."""

    def port(p, x):
        return normed(normed(x, (-1,), first) * p["a"] * 0.03, (-1,), second) * p["b"]

    found = holds(scene_of(moved(Functional()), [X], port), "epsilon", "1e-06")
    assert ("test_normalization.py:" in found.causes[0].text) == (first != second)
    assert len(found.causes[0].change.calls) == (2 if first == second else 1)


def rms(eps, plus=0):
    return lambda p, x: normed(x, (-1,), eps, centred=False) * (plus + p["weight"])


@pytest.mark.parametrize(
    ("setting", "value", "port", "eps"),
    [
        ("epsilon", "1e-06", rms(1e-6), 1e-5),
        ("epsilon", "1e-06", rms(1e-6), None),
        ("epsilon", "1e-08", rms(1e-8), 1e-6),
        ("scale", "1 + w", rms(1e-5, 1), 1e-5),
        ("centring", "mean subtracted", lambda p, x: normed(x, (-1,)) * p["weight"], 1e-5),
    ],
)
def test_an_rms_norm(setting, value, port, eps):
    """Without an epsilon of its own torch takes the dtype's."""
    holds(scene_of(moved(nn.RMSNorm(8, eps=eps)), [X], port), setting, value)


def group(groups, eps=1e-5):
    def port(p, x):
        split = x.reshape(len(x), groups, -1)
        return normed(split, (2,), eps).reshape(x.shape) * p["weight"][:, None, None] + p["bias"][:, None, None]

    return port


@pytest.mark.parametrize(
    ("setting", "value", "port"),
    [("epsilon", "1e-06", group(4, 1e-6)), ("groups", "2", group(2)), ("groups", "8", group(8))],
)
def test_a_group_norm(setting, value, port):
    """Epsilon and number of groups."""
    sound(scene_of(moved(nn.GroupNorm(4, 8)), [IMAGE], group(4)))
    holds(scene_of(moved(nn.GroupNorm(4, 8)), [IMAGE], port), setting, value)


def test_interleaved_groups():
    """Channels of a group that are not neighbours."""

    def port(p, x):
        mixed = x.reshape(4, 2, 4, 9).transpose(0, 2, 1, 3).reshape(4, 4, -1)
        out = normed(mixed, (2,)).reshape(4, 4, 2, 9).transpose(0, 2, 1, 3).reshape(x.shape)
        return out * p["weight"][:, None, None] + p["bias"][:, None, None]

    holds(scene_of(moved(nn.GroupNorm(4, 8)), [IMAGE], port), "groups", "every n-th channel")


def batch(mode, eps=1e-5, **options):
    def port(p, x):
        if mode == "batch":
            out = normed(x, (0, 2, 3), eps, **options)
        else:
            mean, var = (p["running_mean"], p["running_var"]) if mode == "running" else (jnp.zeros(8), jnp.ones(8))
            out = (x - mean[:, None, None]) / jnp.sqrt(var[:, None, None] + eps)
        return out * p["weight"][:, None, None] + p["bias"][:, None, None]

    return port


@pytest.mark.parametrize(
    ("training", "setting", "value", "port"),
    [
        (False, "use_running_average", "the batch's", batch("batch")),
        (False, "statistics", "fresh (0 and 1)", batch("fresh")),
        (False, "epsilon", "0.001", batch("running", 1e-3)),
        (True, "use_running_average", "running", batch("running")),
        (True, "epsilon", "0.001", batch("batch", 1e-3)),
        (True, "unbiased", "unbiased (N - 1)", batch("batch", ddof=1)),
    ],
)
def test_a_batch_norm(training, setting, value, port):
    """In training and in evaluation."""
    module = moved(nn.BatchNorm2d(8)).train(training)
    sound(scene_of(module, [IMAGE], batch("batch" if training else "running")))
    holds(scene_of(module, [IMAGE], port), setting, value)


def test_an_instance_norm():
    """Flax's epsilon."""

    def port(eps):
        def run(p, x):
            return normed(x, (2, 3), eps) * p["weight"][:, None, None] + p["bias"][:, None, None]

        return run

    module = moved(nn.InstanceNorm2d(8, affine=True))
    sound(scene_of(module, [IMAGE], port(1e-5)))
    holds(scene_of(module, [IMAGE], port(1e-6)), "epsilon", "1e-06")


class Unit(nn.Module):
    def forward(self, x):
        return F.normalize(x, dim=-1)


@pytest.mark.parametrize(
    ("setting", "port"),
    [
        ("axis", lambda p, x: x / jnp.linalg.norm(x, axis=1, keepdims=True)),
        ("epsilon", lambda p, x: x / jnp.sqrt((x * x).sum(-1, keepdims=True) + 1e-12)),
        ("norm", lambda p, x: x / jnp.abs(x).sum(-1, keepdims=True)),
    ],
)
def test_normalizing(setting, port):
    """Axis, norm, where epsilon stands."""
    holds(scene_of(Unit(), [drawn(3, 5, 8, scale=1e-4)], port), setting)


def test_a_fault_that_nobody_knows():
    """No certain cause, and what was excluded is said; not that there is no bias, which brings it nearer."""
    scene = scene_of(moved(nn.LayerNorm(8)), [X], lambda p, x: jnp.cos(jax.nn.softmax(x)) * p["weight"])
    from compare.explain.doctor.segment.diagnose import diagnose

    found = diagnose(scene)
    assert not any(cause.certain for cause in found.causes)
    assert {"epsilon 1e-06", "RMS norm"} <= set(found.excluded)
    assert "no bias" not in found.excluded
