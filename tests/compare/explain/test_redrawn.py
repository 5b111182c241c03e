"""A second draw: everything anew, and of the same kind."""

from dataclasses import replace

import numpy as np
import pytest

from compare.arrays.batch import Batch
from compare.arrays.probes import BASE
from compare.explain.redrawn import REDRAWS, Redraw, redrawn, redrawn_steps
from compare.pair.pair import Pair
from tests.compare.explain.locate.models import Chain, LinenChain, X, brought_together, chain_pair, seeded

USERS_MODELS = True
IDS = np.arange(len(X))


def test_everything_is_drawn_anew_with_one_row_more_and_then_with_as_many():
    """Batch, weights and the seed of the cotangents; nothing changes its sign or becomes or stops being zero."""
    quartet, entering = brought_together(Pair(seeded(Chain), LinenChain(), X))
    more, same = (redrawn(quartet, entering, BASE, Redraw(True, rows, False)) for rows in (True, False))
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
    anew = redrawn(quartet, entering, BASE, Redraw(True, True, False))
    (own,), (drawn,) = (one.batches[0].inputs.values() for one in (entering, anew))
    assert own.min() > 0 < drawn.min()
    assert not np.any(np.isin(drawn, own))


def test_whole_numbers_and_integers_stay_what_they_are():
    """A mask of floats keeps its values; those with bounds stay in them. In the last two draws ids without bounds go
    where their rows go."""
    batch = Batch({"x": X, "mask": np.tile(np.float32([0, 1, -1e9]), (len(X), 1)), "ids": IDS, "kinds": IDS % 2},
                  bounds={"kinds": (0, 2)})  # fmt: skip
    quartet, entering = brought_together(chain_pair())
    same = redrawn(quartet, replace(entering, batches=(batch,)), "ties", Redraw(False, False, False))
    inputs = same.batches[0].inputs
    assert set(np.unique(inputs["mask"])) == {0, 1, np.float32(-1e9)}
    assert sorted(inputs["ids"]) == sorted(IDS)
    assert set(inputs["kinds"]) <= {0, 1}


def test_integers_without_bounds_are_others_of_the_same_range():
    """A mask that is the same in every row, a length that is the same in all, a label: what depends on them shows."""
    own = {"mask": np.tile([1, 1, 0], (len(X), 1)), "lengths": np.full(len(X), 4), "labels": np.ones(len(X), int),
           "none": np.zeros(len(X), int), "flags": np.arange(len(X)) > 1}  # fmt: skip
    drawn = _redrawn(Batch({"x": X} | own)).inputs
    assert len(np.unique(drawn["mask"], axis=0)) > 1
    assert set(np.unique(drawn["mask"])) == {0, 1}
    assert len(set(drawn["lengths"])) > 1
    assert set(drawn["lengths"]) <= {1, 2, 3, 4}
    assert set(drawn["labels"]) == {0, 1}
    assert set(drawn["none"]) == {0, 1}
    assert drawn["flags"].dtype == bool


def test_whole_floats_without_bounds_are_others_as_well():
    """Targets that are all one, a mask that is the same in every row; what marks one of several stays such a mark, and
    between what a mask fills and what it does not there is nothing."""
    one_hot = np.eye(3, dtype=np.float32)[np.zeros(len(X), int)]
    own = {"ones": np.ones(len(X), np.float32), "mask": np.tile(np.float32([1, 1, 0, 0]), (len(X), 1)), "hot": one_hot,
           "filled": np.tile(np.float32([0, -1e9]), (len(X), 1))}  # fmt: skip
    drawn = _redrawn(Batch({"x": X} | own)).inputs
    assert set(drawn["ones"]) == {0, 1}
    assert len({tuple(row) for row in drawn["mask"]}) > 1
    assert np.all(drawn["hot"].sum(1) == 1)
    assert not np.array_equal(drawn["hot"], one_hot)
    assert set(np.unique(drawn["filled"])) <= {0, np.float32(-1e9)}


@pytest.mark.parametrize("dtype", [np.int64, np.uint8, bool])
def test_a_mark_of_any_dtype_stays_one_of_several(dtype):
    """One of three in every row."""
    hot = np.eye(3, dtype=dtype)[IDS % 2]
    drawn = _redrawn(Batch({"x": X, "hot": hot})).inputs["hot"]
    assert drawn.dtype == dtype
    assert np.all(drawn.sum(1) == 1)
    assert not np.array_equal(drawn, hot)


def test_a_pair_that_takes_other_lengths_is_given_some():
    """Those it runs with; where it takes none, there is no such draw."""
    quartet, entering = brought_together(chain_pair())
    tall = replace(entering, batches=(Batch({"x": np.stack([X, X], 1), "mask": np.ones((len(X), 2), bool)}),))
    how = Redraw(True, False, True)
    other = redrawn(quartet, tall, "ties", how, lambda one: one.batches[0].inputs["x"].shape[2] == X.shape[1])
    shapes = {name: array.shape for name, array in other.batches[0].inputs.items()}
    assert shapes == {"x": (len(X), 3, X.shape[1]), "mask": (len(X), 3)}
    assert redrawn(quartet, tall, "ties", how, lambda one: False) is None


def test_without_whole_numbers_there_are_fewer_draws():
    """The others would be the same again."""
    quartet, entering = brought_together(chain_pair())
    made = {how: redrawn(quartet, entering, "ties", how) is not None for how in REDRAWS}
    assert all(there is how.whole for how, there in made.items())


def test_training_steps_are_drawn_anew_with_as_many_rows():
    """Every batch, and the weights."""
    quartet, entering = brought_together(chain_pair())
    other = redrawn_steps(quartet, replace(entering, batches=entering.batches * 2))
    assert [batch.rows for batch in other.batches] == [len(X), len(X)]
    assert not np.any(np.isin(list(other.batches[1].inputs.values()), X))
    assert all(not np.array_equal(other.weights[name], own) for name, own in entering.weights.items() if own.any())


def _redrawn(batch):
    quartet, entering = brought_together(chain_pair())
    return redrawn(quartet, replace(entering, batches=(batch,)), "ties", Redraw(True, False, False)).batches[0]
