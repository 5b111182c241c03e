"""Strangers' ports: the map is the conversion that a person would write, and by it the port is the reference."""

import jax
import numpy as np
import pytest
import torch
from jax import numpy as jnp

from compare.pair.pair import Pair
from compare.pair.prepare import prepare
from compare.weights.own.loader import loader_notices
from tests.compare.weights.mapping.strangers import STRANGERS

CLOSE = 1e-4  # of outputs in float32: a conversion by hand that is further off is none

PACKED = ["your loader must permute p's columns", "your loader must permute p's entries"]
TOLD = {  # what no framework imposes, and a loader must do: the first words of each notice
    "a head's three together, there one after another": PACKED,
    "one after another, there a head's three together": PACKED,
    "a head's three together, there every third entry": PACKED,
    "the key first, there a head's three together": PACKED,
    "patches cut out and flattened": ["your loader must permute w's rows"],
}


def nested(leaves):
    nest = {}
    for path, array in leaves.items():
        *layers, name = path.split("/")
        inner = nest
        for layer in layers:
            inner = inner.setdefault(layer, {})
        inner[name] = jnp.asarray(array, jnp.float32)
    return nest


@pytest.mark.parametrize("name", STRANGERS)
def test_the_map_is_the_conversion_by_hand(name):
    torch.manual_seed(0)
    stranger = STRANGERS[name]()
    own = {key: tensor.detach().numpy() for key, tensor in stranger.reference.state_dict().items()}
    params = nested(stranger.convert(own))
    with torch.no_grad():
        wanted = stranger.reference(*map(torch.from_numpy, stranger.inputs)).numpy()
    assert np.abs(np.asarray(stranger.port(params, *stranger.inputs)) - wanted).max() < CLOSE, "the case is none"
    prepared = prepare(Pair(stranger.reference, (stranger.port, jax.tree.map(jnp.zeros_like, params)), stranger.inputs))
    rng = np.random.default_rng(0)
    drawn = {key: rng.standard_normal(array.shape) for key, array in own.items()}
    made = prepared.weight_map.to_port(drawn, prepared.leaves)
    by_hand = {f"params/{path}": array for path, array in stranger.convert(drawn).items()}
    assert made.keys() == by_hand.keys()
    assert [path for path in made if not np.allclose(made[path], by_hand[path], rtol=1e-12, atol=1e-13)] == []
    assert prepared.doubted == ()
    told = loader_notices(prepared.weight_map.entries, prepared.shapes, prepared.leaves)
    assert [one.split(" from ")[0] for one in told] == TOLD.get(name, [])
