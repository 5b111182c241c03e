"""The port piece by piece: what ``PortSide`` returns, at each precision; lines of the map that belong together."""

from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest

from compare.arrays.aside import Aside
from compare.pair.prepare import prepare
from compare.sides.port import PortSide
from compare.sides.port_by_module import PortByModule, connected
from compare.verdict.precision import BFLOAT16, FLOAT32, FLOAT64
from compare.weights.entry import Entry, same
from compare.weights.weights import WeightMap
from tests.compare.small_decoder import VOCABULARY, decoder_pair

TOLERANCE = {FLOAT64: 1e-13, FLOAT32: 1e-4, BFLOAT16: 0.1}


@pytest.mark.parametrize("precision", TOLERANCE, ids=lambda one: one.name)
@pytest.mark.parametrize("promoted", [False, True], ids=["plain", "promoted"])
def test_it_returns_what_the_whole_run_does(cpu, precision, promoted):
    """Names, dtypes and values; a promoted run is one in float64 alone."""
    if promoted and precision is not FLOAT64:
        return
    prepared = prepare(decoder_pair())
    entering = prepared.enter(0, 1).at(FLOAT32 if precision is FLOAT64 else precision)
    whole = PortSide(prepared, precision, cpu.jax, promoted).run(entering)
    parts = PortByModule(replace(prepared, aside=Aside(small=0, room=0)), precision, cpu.jax, promoted).run(entering)
    assert list(whole) == list(parts)
    for name, array in whole.items():
        assert parts[name].dtype == array.dtype, name
        np.testing.assert_allclose(
            parts[name], array, rtol=0, atol=TOLERANCE[precision] * np.abs(array).max(), err_msg=name
        )


def test_float32_inside_is_raised_in_every_piece(cpu):
    """A promoted run of a port that casts to float32 is the plain one's of a port that does not."""

    def lowered(weights, ids):
        x = weights["embed.weight"][ids].astype(jnp.float32)
        return (x * jnp.float32(0.1)) @ weights["embed.weight"].astype(jnp.float32).T

    def wide(weights, ids):
        return (weights["embed.weight"][ids] * 0.1) @ weights["embed.weight"].T

    runs = []
    for port, promoted in ((lowered, True), (wide, False)):
        pair = replace(decoder_pair(), port=port, accept=("blocks.*",), weight_map=WeightMap(same("embed.weight")))
        prepared = replace(prepare(pair), aside=Aside(small=0, room=0))
        side = PortByModule(prepared, FLOAT64, cpu.jax, promoted)
        runs.append(side.run(prepared.enter(0, 1).at(FLOAT32)))
    np.testing.assert_allclose(runs[0]["grad/embed.weight"], runs[1]["grad/embed.weight"], rtol=1e-13)
    assert runs[0]["output"].shape == (2, 5, VOCABULARY)


def test_lines_that_share_an_array_belong_together():
    """A packed array's three parts are one group, in whatever order they come."""
    lines = [Entry("qkv", "params/q"), Entry("other", "params/other"), Entry("qkv", "params/k"), Entry("o", "params/k")]
    groups = [{one.port for one in group.entries} for group in connected(WeightMap(lines))]
    assert groups == [{"params/other"}, {"params/q", "params/k"}]
