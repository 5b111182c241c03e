"""A second draw: everything anew, and of the same kind."""

from dataclasses import replace

import numpy as np

from compare.arrays.batch import Batch
from compare.arrays.probes import BASE
from compare.explain.redrawn import DRAWS, redrawn
from compare.pair.pair import Pair
from tests.compare.explain.locate.models import Chain, LinenChain, X, brought_together, chain_pair, seeded

USERS_MODELS = True
IDS = np.arange(len(X))


def test_everything_is_drawn_anew_with_one_row_more_and_then_with_as_many():
    """Batch, weights and the seed of the cotangents; nothing changes its sign or becomes or stops being zero."""
    quartet, entering = brought_together(Pair(seeded(Chain), LinenChain(), X))
    more, same = (redrawn(quartet, entering, BASE, number) for number in range(DRAWS))
    assert (more.batches[0].rows, same.batches[0].rows) == (len(X) + 1, len(X))
    assert more.seed != entering.seed
    for name, own in entering.weights.items():
        assert np.all(np.sign(own) == np.sign(more.weights[name]))
        assert not np.any((own == more.weights[name]) & (own != 0))
    assert not np.any(np.isin(same.batches[0].inputs["x"], X))


def test_a_recipe_is_asked_again():
    """What it draws is of the pair's own kind."""
    pair = chain_pair(batch=lambda rng: Batch.of(rng.uniform(5, 6, X.shape).astype(np.float32)))
    quartet, entering = brought_together(pair)
    (own,), (drawn,) = (one.batches[0].inputs.values() for one in (entering, redrawn(quartet, entering, BASE, 0)))
    assert own.min() > 0 < drawn.min()
    assert not np.any(np.isin(drawn, own))


def test_whole_numbers_and_integers_stay_what_they_are():
    """A mask of floats keeps its values; ids without bounds go where their rows go, those with bounds stay in them."""
    batch = Batch({"x": X, "mask": np.tile(np.float32([0, 1, -1e9]), (len(X), 1)), "ids": IDS, "kinds": IDS % 2},
                  bounds={"kinds": (0, 2)})  # fmt: skip
    quartet, entering = brought_together(chain_pair())
    same = redrawn(quartet, replace(entering, batches=(batch,)), "ties", 1)
    inputs = same.batches[0].inputs
    assert set(np.unique(inputs["mask"])) == {0, 1, np.float32(-1e9)}
    assert sorted(inputs["ids"]) == sorted(IDS)
    assert set(inputs["kinds"]) <= {0, 1}
