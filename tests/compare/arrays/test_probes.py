"""Probes: same shapes, floating inputs only, and each is what its name says."""

import numpy as np
import pytest

from compare.arrays.batch import Batch
from compare.arrays.probes import at_bounds, full_batches, other_sizes, perturbed
from compare.verdict.precision import FLOAT32

X = np.random.default_rng(0).standard_normal((6, 3), dtype=np.float32)
BATCH = Batch(
    {"x": X, "ids": np.arange(6)}, {"y": np.arange(6) % 2, "free": np.arange(6)}, {"ids": (0, 6), "y": (0, 2)}
)


def probe(name: str, seed: int = 0) -> Batch:
    return full_batches(BATCH, FLOAT32, seed)[name]


def test_the_full_probes_share_the_batchs_shapes_and_dtypes():
    """One compiled program serves them all."""
    for batch in full_batches(BATCH, FLOAT32, 0).values():
        for own, given in ((batch.inputs, BATCH.inputs), (batch.targets, BATCH.targets)):
            assert {n: (a.shape, a.dtype) for n, a in own.items()} == {n: (a.shape, a.dtype) for n, a in given.items()}


def test_integers_are_redrawn_within_their_bounds_and_nowhere_else():
    """A label stays a label; an integer without declared bounds is left as it is."""
    seen = np.concatenate([batch.targets["y"] for batch in full_batches(BATCH, FLOAT32, 0).values()])
    assert set(seen) == {0, 1}
    for batch in full_batches(BATCH, FLOAT32, 0).values():
        assert batch.inputs["ids"].min() >= 0
        assert batch.inputs["ids"].max() < 6
        np.testing.assert_array_equal(batch.targets["free"], np.arange(6))


@pytest.mark.parametrize(
    ("name", "holds"),
    [
        ("zeros", lambda x: (x == 0).all()),
        ("ties", lambda x: set(np.unique(x)) <= {-1, 0, 1}),
        ("offset", lambda x: np.allclose(x - 1000, X, atol=1e-4)),
        ("saturated", lambda x: np.abs(x).max() > 500),
        ("tiny_variance", lambda x: 0 < x.std() < 2e-3 and abs(x.mean() - 1) < 1e-2),
        ("equal_rows", lambda x: (x == X[0]).all()),
        ("subnormal", lambda x: (np.abs(x) < 2.0**-126).all() and (x != 0).any()),
        ("normal", lambda x: not np.array_equal(x, X) and 0.3 < x.std() < 3),
    ],
)
def test_each_probe_is_what_its_name_says(name, holds):
    """Zeros are zeros, ties are ties, an offset is one."""
    assert holds(probe(name).inputs["x"])


def test_probes_are_seeded():
    """The same seed, the same probes; another seed, others."""
    np.testing.assert_array_equal(probe("normal").inputs["x"], probe("normal").inputs["x"])
    assert not np.array_equal(probe("normal").inputs["x"], probe("normal", seed=1).inputs["x"])


def test_other_sizes_cut_every_array_alike():
    """One row and none."""
    cut = other_sizes(BATCH)
    assert [batch.inputs["x"].shape[0] for batch in cut.values()] == [1, 0]
    assert [batch.targets["y"].shape[0] for batch in cut.values()] == [1, 0]


@pytest.mark.parametrize("sign", [1, -1])
def test_a_perturbation_keeps_to_the_one_sign_that_there_is(sign):
    """A batch of pixels stays one; where both signs are, or none, a zero is moved either way."""
    x, rng = sign * np.where(np.abs(X) > 0.5, np.abs(X), 0).astype(np.float32), np.random.default_rng(0)
    for _ in range(4):
        assert (sign * perturbed(Batch({"x": x}), rng).inputs["x"] > 0).all()
    both = Batch({"x": np.where(np.abs(X) > 0.5, X, 0).astype(np.float32)})
    moved = np.stack([perturbed(both, rng).inputs["x"][both.inputs["x"] == 0] for _ in range(4)])
    assert moved.min() < 0 < moved.max()


def test_a_perturbation_is_small_against_the_batch_and_moves_zeros_too():
    """A thousandth of its size, or of 1 where it is zero."""
    rng = np.random.default_rng(0)
    assert 0 < np.abs(perturbed(BATCH, rng).inputs["x"] - X).max() < 0.01
    assert (perturbed(probe("zeros"), rng).inputs["x"] != 0).all()


def test_what_is_subnormal_is_a_zero_to_a_perturbation():
    """A model sits on the kink at zero there too, and a thousandth of 1e-40 would leave it on it."""
    moved = perturbed(probe("subnormal"), np.random.default_rng(0)).inputs["x"]
    assert np.median(np.abs(moved)) > 1e-4
    mixed = Batch({"x": np.float32([[1e-40, 2.0, -3.0]])})
    far = np.abs(perturbed(mixed, np.random.default_rng(0)).inputs["x"] - mixed.inputs["x"])
    assert 1e-6 < far[0, 0] < 0.01


def test_integers_at_their_bounds_are_at_both_ends():
    """In turn; of a single entry, which cannot be, in two batches. What has no such name stays."""
    (ends,) = at_bounds(BATCH, ["ids"])
    assert ends.inputs["ids"].tolist() == [5, 0, 5, 0, 5, 0]
    np.testing.assert_array_equal(ends.targets["y"], BATCH.targets["y"])
    alone = Batch({"step": np.array([3]), "ids": np.arange(3)}, {}, {"step": (-2, 9), "ids": (0, 4)})
    both = [[batch.inputs[name].tolist() for name in ("step", "ids")] for batch in at_bounds(alone, ["step", "ids"])]
    assert both == [[[8], [3, 0, 3]], [[-2], [0, 3, 0]]]


def test_of_complex_inputs_both_parts_are_probed():
    """Each is what its name says, in the real part and in the imaginary one, and neither is the other."""
    z = (X + 1j * X[::-1]).astype(np.complex64)
    batch = Batch({"z": z})
    assert batch.floating == ["z"]
    for name, probed in full_batches(batch, FLOAT32, 0).items():
        own = probed.inputs["z"]
        assert (own.dtype, own.shape) == (z.dtype, z.shape)
        if name == "equal_rows":
            assert (own == z[0]).all()
        elif name == "offset":
            np.testing.assert_allclose(own - (1000 + 1000j), z, atol=1e-3)
        elif name != "zeros":
            assert np.ptp(own.real) > 0
            assert np.ptp(own.imag) > 0
            assert not np.array_equal(own.real, own.imag)
    moved = perturbed(batch, np.random.default_rng(0)).inputs["z"]
    assert 0 < np.abs(moved.real - z.real).max() < 0.01
    assert 0 < np.abs(moved.imag - z.imag).max() < 0.01
