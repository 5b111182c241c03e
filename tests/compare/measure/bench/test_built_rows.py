"""Rows built for every question: where they stand, what their first pass showed, and what could not be had."""

from dataclasses import replace

import numpy as np
import pytest

from compare.arrays.batch import Batch
from compare.measure.bench import built_rows
from compare.measure.bench.built_rows import BATCHES, BuiltRow, Refused, Setup, entering_of
from compare.measure.bench.rows import EAGER, JIT, ROWS, Row, Unavailable
from compare.pair.pairs import find
from compare.pair.prepare import prepare
from compare.sides.progress import say_nothing
from compare.verdict.precision import FLOAT32


@pytest.fixture(scope="module")
def setup(cpu):
    prepared = prepare(find("loose"))
    return Setup(prepared, entering_of(prepared, 0, FLOAT32), FLOAT32, cpu)


@pytest.fixture(scope="module")
def jit(setup):
    return setup.build(ROWS[JIT])


def moved(runner, start):
    return max(np.abs(array - start[name]).max() for name, array in runner.parameters().items())


def test_a_built_row_stands_at_its_start(setup, jit):
    """Its first pass over all batches has moved the parameters; it is back, with what the pass showed."""
    assert isinstance(jit, BuiltRow)
    assert jit.first_call > 0
    for runner in (jit.built.judged, jit.built.exact):
        assert moved(runner, setup.entering.weights) == 0
    for name, change in jit.change.items():
        exact = jit.change_64[name]
        assert np.linalg.norm(exact) > 1e-3
        assert np.linalg.norm(change - exact) < 0.05 * np.linalg.norm(exact)  # a ReLU near zero may turn otherwise


def test_what_is_timed_is_warm(setup, jit):
    """One pass further, and put back there."""
    runner = setup.warmed(jit)
    warm = runner.parameters()
    assert moved(runner, setup.entering.weights) > 1e-4
    runner.call(3)
    runner.restart()
    assert moved(runner, warm) == 0


def test_elsewhere_is_another_draw(setup, jit):
    """Other weights and batches: what a gate asks whose a program's constants are."""
    assert moved(jit.built.elsewhere(), setup.entering.weights) > 1e-2
    assert moved(setup.plain(setup.entering, FLOAT32), setup.entering.weights) == 0


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (Unavailable("there is no GPU"), "there is no GPU"),
        (
            RuntimeError("no working C++ compiler\nwas found"),
            "unavailable, RuntimeError: no working C++ compiler was found",
        ),
    ],
)
def test_a_row_that_cannot_be_built_says_why(setup, error, reason):
    """In one line, and the others go on."""

    def build(*given):
        raise error

    assert setup.build(Row("broken", build)) == Refused(reason)


def test_floors_are_those_of_the_jitted_step(setup, jit):
    """Its own products over each library, and a copy; none where there is no such program."""
    assert set(setup.floors(jit, say_nothing)) == {"products, torch", "products, jax", "products, numpy", "copy"}
    assert setup.floors(Refused("no"), say_nothing) == setup.floors(None, say_nothing) == {}
    assert setup.floors(setup.build(ROWS[EAGER]), say_nothing) == {}


def test_large_batches_are_fewer(monkeypatch):
    """As many as there is room for, and two at least."""
    prepared = prepare(find("loose"))
    size = 16 * 20 * 4 + 16 * 8
    counts = []
    for room in (1 << 28, 4 * size, 1):
        monkeypatch.setattr(built_rows, "RESIDENT", room)
        counts.append(len(entering_of(prepared, 0, FLOAT32).batches))
    assert counts == [BATCHES, 4, 2]


@pytest.mark.parametrize(("rows", "distinct"), [(4, BATCHES), (2, 4), (1, 1)])
def test_a_pair_with_one_batch_is_trained_on_its_rows(rows, distinct):
    """Drawn with repetition, inputs and targets alike, each batch another; of one row there is one batch."""
    inputs = np.arange(20.0 * rows, dtype=np.float32).reshape(rows, 20)
    pair = replace(find("loose"), batch=Batch({"x": inputs}, {"labels": np.arange(rows) % 4}))
    batches = entering_of(prepare(pair), 0, FLOAT32).batches
    assert len({batch.inputs["x"].tobytes() for batch in batches}) == distinct
    for batch in batches:
        np.testing.assert_array_equal(batch.targets["labels"], batch.inputs["x"][:, 0] / 20 % 4)
