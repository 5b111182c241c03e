"""What enters: identical arrays from one seeded NumPy generator."""

import numpy as np

from compare.pair.pairs import find
from compare.pair.prepare import prepare
from compare.verdict.precision import BFLOAT16, FLOAT32


def test_the_same_seed_gives_the_same_arrays_and_another_gives_others():
    """All that is drawn comes from the seed, and every step has a batch of its own."""
    ready = prepare(find("mlp"))
    one, same, other = ready.enter(0, 2), ready.enter(0, 2), ready.enter(1, 2)
    np.testing.assert_array_equal(one.weights["net.1.weight"], same.weights["net.1.weight"])
    np.testing.assert_array_equal(one.batches[1].inputs["images"], same.batches[1].inputs["images"])
    assert not np.array_equal(one.weights["net.1.weight"], other.weights["net.1.weight"])
    assert not np.array_equal(one.batches[0].inputs["images"], one.batches[1].inputs["images"])


def test_what_enters_is_rounded_once_and_stays_frozen():
    """Weights and inputs at the working precision, labels untouched, all read-only."""
    entering = prepare(find("loose")).enter(0, 1).at(BFLOAT16)
    for array in (*entering.weights.values(), *entering.batches[0].inputs.values()):
        assert not array.flags.writeable
        assert (array.view(np.uint32) & 0xFFFF == 0).all()  # bfloat16 is float32's upper half
    assert entering.batches[0].targets["y"].dtype.kind == "i"
    assert prepare(find("loose")).enter(0, 1).at(FLOAT32).weights["W1"].dtype == np.float32
