"""The port's lessons on modules."""

import math

import jax
import jax.numpy as jnp

from jaxport.modules import Listed, initialisers


def test_a_plain_list_is_looked_into() -> None:
    """Its layers are in the tree, named by their place."""
    params = Listed().init(jax.random.key(0), jnp.zeros((1, 3)))["params"]
    assert set(params) == {"layers_0", "layers_1"}
    assert sum(leaf.size for leaf in jax.tree.leaves(params)) == 24


def test_drawn_deviations_are_the_theoretical_ones() -> None:
    """Within one percent, 100,352 draws each; Flax's is sqrt(3) times as wide, and its bias is zero."""
    found = initialisers(jax.random.key(0))
    for side in ("torch", "Flax"):
        theory, drawn = (float(found[f"{side}: {word}"]) for word in ("standard deviation", "drawn standard deviation"))
        assert abs(drawn / theory - 1) < 0.01
    assert math.isclose(found["Flax: standard deviation"] / found["torch: standard deviation"], math.sqrt(3))
    assert found["default, by name"]
    assert found["default bias, largest"] == 0
