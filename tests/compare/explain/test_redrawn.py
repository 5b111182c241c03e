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
    more, same = (redrawn(quartet, entering, BASE, number) for number in range(2))
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
    """A mask of floats keeps its values; those with bounds stay in them. In the last two draws ids without bounds go
    where their rows go."""
    batch = Batch({"x": X, "mask": np.tile(np.float32([0, 1, -1e9]), (len(X), 1)), "ids": IDS, "kinds": IDS % 2},
                  bounds={"kinds": (0, 2)})  # fmt: skip
    quartet, entering = brought_together(chain_pair())
    same = redrawn(quartet, replace(entering, batches=(batch,)), "ties", 3)
    inputs = same.batches[0].inputs
    assert set(np.unique(inputs["mask"])) == {0, 1, np.float32(-1e9)}
    assert sorted(inputs["ids"]) == sorted(IDS)
    assert set(inputs["kinds"]) <= {0, 1}


def test_integers_without_bounds_are_others_of_the_same_range():
    """A mask that is the same in every row, a length that is the same in all, a label: what depends on them shows."""
    own = {"mask": np.tile([1, 1, 0], (len(X), 1)), "lengths": np.full(len(X), 4), "labels": np.ones(len(X), int),
           "none": np.zeros(len(X), int), "flags": np.arange(len(X)) > 1}  # fmt: skip
    quartet, entering = brought_together(chain_pair())
    drawn = redrawn(quartet, replace(entering, batches=(Batch({"x": X} | own),)), "ties", 1).batches[0].inputs
    assert len(np.unique(drawn["mask"], axis=0)) > 1
    assert set(np.unique(drawn["mask"])) == {0, 1}
    assert len(set(drawn["lengths"])) > 1
    assert set(drawn["lengths"]) <= {1, 2, 3, 4}
    assert set(drawn["labels"]) == {0, 1}
    assert set(drawn["none"]) == {0}
    assert drawn["flags"].dtype == bool


def test_without_such_integers_there_are_two_draws():
    """The others would be the same again."""
    quartet, entering = brought_together(chain_pair())
    assert [redrawn(quartet, entering, "ties", number) is None for number in range(DRAWS)] == [False, False, True, True]
