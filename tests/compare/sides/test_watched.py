"""A reference that is looked at while it runs."""

import numpy as np
import torch

from compare.frameworks import devices
from compare.frameworks.islands.lookout import Lookout
from compare.pair.pair import Pair
from compare.pair.prepare import prepare
from compare.sides.watched import WatchedReference
from tests.compare.sides.test_tables import Port, Reference, batch, held, sinusoid

USERS_MODELS = True


def test_the_tables_come_first_and_what_follows_from_them_after():
    """With other values where there are any; the run goes forward only; rounded at random, it counts alike."""
    prepared = prepare(Pair(Reference(), Port(held(np)), batch))
    entering, exact = prepared.enter(0, 1), Reference().made(torch.float64).numpy()
    torchs = devices.choose("cpu").torch
    lookout = Lookout([sinusoid(np), np.tanh(exact[None]).astype(np.float32)])
    result = WatchedReference(prepared, torchs, lookout, ["table"], {"table": exact}).run(entering)
    (table,) = lookout.pieces(0)
    assert table.order == 0
    np.testing.assert_array_equal(table.values, exact)
    assert not result["grad/head.weight"].any()
    rounded = Lookout(wanted=[0, 1])
    rng = np.random.default_rng(0)
    again = WatchedReference(prepared, torchs, rounded, ["table"], {"table": exact}, rng).run(entering)
    np.testing.assert_array_equal(rounded.kept[0], exact)
    assert len(rounded.kept) == 2
    apart = np.abs(again["output"] - result["output"]).max()
    assert 1e-9 < apart < 1e-5
