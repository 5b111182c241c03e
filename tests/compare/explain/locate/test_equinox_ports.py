"""A fault in an Equinox port is found in its layer, though that layer runs on one step of one row at a time."""

import equinox as eqx
import numpy as np
import pytest

from compare.api import verify
from compare.pair.pair import Pair
from tests.compare.zoo import normal, seeded
from tests.compare.zoo.equinox_ports import (
    Attention,
    AttentionEquinox,
    Mlp,
    MlpEquinox,
    by_rows_with_keys,
)

pytestmark = pytest.mark.usefixtures("cpu")


def answered(reference, port, batch):
    return verify(Pair(seeded(reference)(), (by_rows_with_keys, port), batch), device="cpu", quick=True).found


def test_an_epsilon_inside_two_vmaps_is_named():
    """The norm runs inside the vmap over the tokens, inside that over the rows."""
    port = eqx.tree_at(lambda model: model.norm, AttentionEquinox(), eqx.nn.LayerNorm(16, eps=1e-6))
    found = answered(Attention, port, normal(3, 7, 16))
    assert found.verdict == "mismatch"
    first = found.explanation.first
    assert (first.reference, first.port) == ("norm", "norm")
    assert "equinox_ports.py:" in first.place_port
    assert "epsilon is 1e-06 in the port, 1e-05 in the reference" in found.explanation.sentence
    states = {branch.reference: branch.forward for branch in found.explanation.tree}
    assert states["norm"] != states["attention"] == states["out"]


def test_a_rate_is_named_though_a_dropout_holds_no_array():
    port = eqx.tree_at(lambda model: model.drop.p, MlpEquinox(), 0.2)
    found = answered(Mlp, port, normal(6, 12))
    assert found.verdict == "mismatch"
    assert "dropout rate is 0.2 in the port, 0.3 in the reference" in found.explanation.sentence
    assert any("rate 0.3" in notice for notice in found.notices)
    assert np.isfinite(found.explanation.first.gap)
