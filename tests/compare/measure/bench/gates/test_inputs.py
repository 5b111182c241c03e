"""What is fed varies."""

from dataclasses import replace

import numpy as np

from compare.arrays.batch import Batch
from compare.measure.bench.gates.inputs import inputs
from tests.compare.measure.bench.gates.made_up import entering, observed


def said(own):
    return inputs(observed(entering=own), observed())


def with_inputs(own, **arrays):
    return replace(own, batches=tuple(replace(batch, inputs={**batch.inputs, **arrays}) for batch in own.batches))


def test_what_varies_passes():
    """Beside a mask of ones or a state of zeros, too; and whole numbers alone."""
    assert said(entering()) == ""
    assert said(with_inputs(entering(), mask=np.ones((4, 4)), state=np.zeros((4, 8)))) == ""
    ids = tuple(Batch({"ids": np.arange(4) + number}) for number in range(2))
    assert said(entering(batches=ids)) == ""


def test_what_is_constant_is_told():
    """Zeros, or another number in every entry."""
    assert "got 0 in every entry of batch 0's inputs" in said(with_inputs(entering(), x=np.zeros((4, 3))))
    assert "got 0.5 in every entry" in said(with_inputs(entering(), x=np.full((4, 3), 0.5)))
    ids = tuple(Batch({"ids": np.full(4, number)}) for number in range(2))
    assert "got 0 in every entry" in said(entering(batches=ids))


def test_the_same_batch_is_told():
    """Each step on the same, or one alone."""
    own = entering()
    assert "expected 2 distinct batches, got 1" in said(replace(own, batches=(own.batches[0],) * 2))
    assert "got 1" in said(replace(own, batches=own.batches[:1]))


def test_constant_weights_are_told():
    """Zeros are folded; a scale of ones beside others is none."""
    assert "got 0 in 9 of 9" in said(entering(weights={"w": np.zeros((3, 3))}))
    assert said(entering(weights={"w": np.random.default_rng(0).random((4, 4)), "scale": np.ones(4)})) == ""
