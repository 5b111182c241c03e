"""Norms in blocks: right at every size and scale, and blind to nothing at a block's edge."""

import tracemalloc

import numpy as np
import pytest

from compare.verdict.norms import BLOCK, Norm, measure, worst_entry

TINY = 2.0**-126


def four(seed: int, size: int):
    rng = np.random.default_rng(seed)
    t64 = rng.standard_normal(size)
    return t64.astype(np.float32), (t64 * (1 + 1e-7)).astype(np.float32), t64, t64 * (1 + 1e-15)


@pytest.mark.parametrize("size", [1, 2, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 17])
def test_blocks_add_up_to_the_norm(size):
    """The same as NumPy's norm of the whole, at every position relative to a block's edge."""
    t, j, t64, j64 = four(size, size)
    norms = measure(t, j, t64, j64, TINY)
    assert norms.entries == size
    for found, array in zip(
        (norms.gap, norms.error_reference, norms.error_port, norms.scale),
        (t64 - j64, t - t64, j - j64, t64),
        strict=True,
    ):
        assert found == pytest.approx(np.linalg.norm(array), rel=1e-12)


@pytest.mark.parametrize("place", [0, BLOCK - 1, BLOCK, 2 * BLOCK, 3 * BLOCK + 16])
def test_one_entry_of_any_block_is_seen(place):
    """A single differing entry, and a NaN on one side, wherever they stand."""
    t, j, t64, j64 = four(0, 3 * BLOCK + 17)
    j64[place] += 5
    assert measure(t, j, t64, j64, TINY).gap == pytest.approx(5)
    assert worst_entry(t64, j64) == (place,)
    j64[place] = np.nan
    assert measure(t, j, t64, j64, TINY).where == (place,)


@pytest.mark.parametrize("scale", [1e-320, 1e-300, 1e-160, 1e160, 1e300])
def test_squares_neither_overflow_nor_underflow(scale):
    """Norms of very small and very large numbers."""
    array = scale * np.array([3.0, 4.0])
    norms = measure(array, array, array, np.zeros(2), 0.0)
    assert norms.gap == pytest.approx(5 * scale, rel=1e-3)
    assert norms.scale == pytest.approx(5 * scale, rel=1e-3)


def test_blocks_of_unlike_scale_are_merged():
    """A block near 1e-180 beside one near 1e180, in either order, and zeros between."""
    for values in ([1e-180, 0.0, 1e180], [1e180, 0.0, 1e-180], [3e-170, 4e-170]):
        norm = Norm()
        for value in values:
            norm.add(np.array([value]))
        assert norm.value == pytest.approx(np.hypot.reduce(values), rel=1e-12)


def test_fills_are_found_in_large_arrays():
    """A few huge equal entries among many, where a sample would miss them."""
    t, j, t64, j64 = four(0, 40 * BLOCK)
    for run in (t, j, t64, j64):
        run[[5, BLOCK + 1, 30 * BLOCK]] = 1e9
    norms = measure(t, j, t64, j64, TINY)
    assert (norms.fills, norms.entries) == (3, 40 * BLOCK - 3)
    assert norms.scale < 1e4


def test_memory_does_not_grow_with_the_array():
    """Ten times the entries, no more memory: blocks only."""

    def peak(size: int) -> int:
        runs = four(0, size)
        tracemalloc.start()
        measure(*runs, TINY)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    assert peak(2_000_000) < 1.2 * peak(200_000) + 4096 * 8


def test_no_axis_order_is_assumed():
    """Transposed and strided arrays are measured entry by entry, and indexed in their own shape."""
    t, j, t64, j64 = (run.reshape(30, 40).T for run in four(0, 1200))
    j64 = j64.copy()
    j64[7, 2] += 1
    assert measure(t, j, t64, j64, TINY).gap == pytest.approx(1)
    assert worst_entry(t64, j64) == (7, 2)


def test_scalars_are_quantities_too():
    """A 0-d array has one entry, at the empty index."""
    assert measure(*(np.array(1.0) for _ in range(4)), TINY).entries == 1
    assert worst_entry(np.array(1.0), np.array(2.0)) == ()
