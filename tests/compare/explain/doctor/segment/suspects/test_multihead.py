"""``nn.MultiheadAttention``: each fault a port makes in one is named."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from torch import nn

from tests.compare.explain.doctor.scenes import drawn, holds, moved, scene_of, sound

X = drawn(2, 4, 6)
PADDING = np.zeros((2, 4), bool)
PADDING[0, 2:] = PADDING[1, 3:] = True


class Own(nn.Module):
    """As a model holds it."""

    def __init__(self):
        super().__init__()
        self.a = nn.MultiheadAttention(6, 2, batch_first=True)

    def forward(self, x, padding=None):
        return self.a(x, x, x, key_padding_mask=padding, need_weights=False)[0]


def attended(p, x, padding=None, order=(0, 1, 2), scale=3**-0.5, causal=False, bias=1, out_bias=1, last=False,
             turned=False, fill=-jnp.inf):  # fmt: skip
    weights, biases = jnp.split(p["a.in_proj_weight"], 3), jnp.split(p["a.in_proj_bias"], 3)
    parts = [x @ weights[one].T + bias * biases[one] for one in order]
    shape = (2, 4, 3, 2) if last else (2, 4, 2, 3)
    axes = (0, 3, 1, 2) if last else (0, 2, 1, 3)
    q, k, v = (one.reshape(shape).transpose(axes) for one in parts)
    scores = q @ k.swapaxes(-1, -2) * scale
    scores = jnp.where(jnp.tril(jnp.ones((4, 4), bool)), scores, -jnp.inf) if causal else scores
    scores = scores if padding is None else jnp.where(padding[:, None, None], fill, scores)
    out = (jax.nn.softmax(scores) @ v).transpose(*((0, 2, 3, 1) if last else (0, 2, 1, 3))).reshape(x.shape)
    kernel = p["a.out_proj.weight"] if turned else p["a.out_proj.weight"].T
    return out @ kernel + out_bias * p["a.out_proj.bias"]


ROWS = [
    ("scale", "1", {"scale": 1}),
    ("scale", "1 / sqrt(6)", {"scale": 6**-0.5}),
    ("causal", "yes", {"causal": True}),
    ("in_proj_bias", "none", {"bias": 0}),
    ("out_proj_bias", "none", {"out_bias": 0}),
    ("order of the packed weight", "(key, query, value)", {"order": (1, 0, 2)}),
    ("order of the packed weight", "(value, key, query)", {"order": (2, 1, 0)}),
    ("head layout", "(width, heads)", {"last": True}),
    ("transposed", "transposed", {"turned": True}),
]


@pytest.mark.parametrize(("setting", "value", "options"), ROWS, ids=[f"{row[0]} {row[1]}" for row in ROWS])
def test_a_multi_head_attention(setting, value, options):
    """One call, with its projections."""
    module = moved(Own())
    sound(scene_of(module, [X], attended))
    holds(scene_of(module, [X], lambda p, x: attended(p, x, **options)), setting, value)


@pytest.mark.parametrize(
    ("value", "mask"), [("ignored", lambda m: None), ("True is kept", lambda m: ~m), ("sound", lambda m: m)]
)
def test_a_padding_mask(value, mask):
    """Where True means that the key is left out."""
    scene = scene_of(moved(Own()), [X, PADDING], lambda p, x, m: attended(p, x, mask(m)))
    sound(scene) if value == "sound" else holds(scene, "key_padding_mask", value)


def test_a_row_without_a_key():
    """NaN in torch, an average under a finite minimum."""
    padding = PADDING.copy()
    padding[0] = True
    scene = scene_of(moved(Own()), [X, padding], lambda p, x, m: attended(p, x, m, fill=-1e30))
    holds(scene, "fill", "-1e+30")
