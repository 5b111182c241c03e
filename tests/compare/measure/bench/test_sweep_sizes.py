"""The places of a sweep, and what is asked of each."""

from compare.measure.bench import sweep_sizes as sweep
from compare.measure.bench.question import Question
from compare.measure.bench.sweep_sizes import Size, asked, sizes

QUESTION = Question("mlp", None, "cpu", threads=1, rounds=10, width=77)


def test_every_size_once_along_three_axes():
    """The base lies on several axes, and is measured once."""
    every = sizes("mlp")
    assert len(every) == len(set(every))
    assert {size.batch for size in every if (size.width, size.depth) == (128, 2)} >= set(sweep.BATCHES)
    assert {size.width for size in every if (size.batch, size.depth) == (64, 2)} == set(sweep.WIDTHS)
    assert {size.depth for size in every if (size.batch, size.width) == (64, 128)} == set(sweep.DEPTHS)


def test_another_pair_has_a_batch_alone():
    """Its widths are its own."""
    assert sizes("examples/resnet.py") == tuple(Size(batch) for batch in sweep.BATCHES)
    assert asked(QUESTION, Size(8)).width == 77
    assert str(Size(8)) == "batch 8"


def test_what_is_asked_of_a_size():
    """Its numbers, and a sweep's rows unless some were named."""
    one = asked(QUESTION, Size(512, 256, 4))
    assert (one.rows_of_batch, one.width, one.depth, one.swept) == (512, 256, 4, True)
    assert asked(Question("mlp", None, "cpu", 1, 10, names=("jax.jit",)), Size(8)).names == ("jax.jit",)
