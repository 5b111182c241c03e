"""Equinox's layers in a tree, and their settings in Flax's words."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import pytest

from compare.frameworks.models.equinox_layers import holds_modules, is_layer, layers_in, library_class, settings_of

KEY = jax.random.key(0)


class Nested(eqx.Module):
    """Layers in a list and in a dictionary, and one with a state's index."""

    layers: list[eqx.nn.Linear]
    named: dict[str, Any]

    def __init__(self) -> None:
        self.layers = [eqx.nn.Linear(2, 2, key=KEY), eqx.nn.Linear(2, 2, key=KEY)]
        self.named = {"norm": eqx.nn.BatchNorm(2, "batch", mode="batch"), "scale": jnp.ones(2)}


def test_layers_are_found_by_path_the_outermost_first():
    """A state's index is no layer."""
    assert [path for path, _ in layers_in(Nested())] == ["", "layers/0", "layers/1", "named/norm"]
    assert is_layer(Nested())
    assert not is_layer(jnp.ones(2))
    assert holds_modules({"a": [Nested()]})
    assert not holds_modules({"a": [jnp.ones(2)]})


@pytest.mark.parametrize(
    ("padding", "output_padding", "told"),
    [("VALID", 0, ((2, 2),)), (1, 0, ((1, 1),)), (1, 1, ((1, 2),)), ("SAME", 0, "SAME")],
)
def test_a_transposed_convolutions_padding_is_what_flax_puts_around(padding, output_padding, told):
    """Equinox, like torch, says what is cut off the result."""
    layer = eqx.nn.ConvTranspose1d(2, 2, 3, stride=2, padding=padding, output_padding=output_padding, key=KEY)
    assert settings_of(layer)["padding"] == told


def test_settings_have_the_names_that_flax_has():
    """What the doctor reads of a layer, beside its class."""

    def told(layer):
        return library_class(layer), settings_of(layer)

    kind, conv = told(eqx.nn.Conv2d(2, 4, 3, stride=2, dilation=1, groups=2, padding=1, key=KEY))
    assert (kind, conv["strides"], conv["feature_group_count"], conv["kernel_size"]) == ("Conv", (2, 2), 2, (3, 3))
    kind, norm = told(eqx.nn.LayerNorm((3, 4), eps=1e-6))
    assert (kind, norm["eps"], norm["reduction_axes"], norm["use_scale"]) == ("LayerNorm", 1e-6, (-2, -1), True)
    kind, group = told(eqx.nn.GroupNorm(2, 4))
    assert (kind, group["num_groups"], group["use_bias"]) == ("GroupNorm", 2, True)
    kind, batch = told(eqx.nn.BatchNorm(4, "batch", momentum=0.9, mode="batch"))
    assert (kind, batch["momentum"], batch["use_running_average"]) == ("BatchNorm", 0.9, False)
    assert told(Nested())[0] == ""
