"""What one process of several takes of a batch, and that one process of its own trains as ``jaxport.train`` does."""

import jax
import numpy as np
import pytest

from jaxport.distributed import fit, own_rows, spread
from jaxport.mlp import MLP
from jaxport.optimizers import sgd
from jaxport.train import fit as fit_alone


@pytest.mark.parametrize(("rows", "parts"), [(8, [4, 4]), (6, [2, 2, 2])])
def test_every_row_is_one_processs(rows: int, parts: list[int], monkeypatch: pytest.MonkeyPatch):
    """In order, and of none two."""
    monkeypatch.setattr(jax, "process_count", lambda: len(parts))
    taken = []
    for process, count in enumerate(parts):
        monkeypatch.setattr(jax, "process_index", lambda process=process: process)
        own = range(rows)[own_rows(rows)]
        assert len(own) == count
        taken += own
    assert taken == [*range(rows)]


@pytest.mark.parametrize(("rows", "processes"), [(7, 2), (4, 3), (1, 2)])
def test_what_does_not_divide_is_refused(rows: int, processes: int, monkeypatch: pytest.MonkeyPatch):
    """JAX spreads an array in equal parts alone."""
    monkeypatch.setattr(jax, "process_count", lambda: processes)
    with pytest.raises(ValueError, match=f"{rows} rows for {processes} processes: expected as many for each"):
        own_rows(rows)


def test_one_process_trains_as_a_program_without_any():
    """Its arrays are global ones, of one device."""
    images = np.sin(np.linspace(-1, 1, 6 * 12, dtype="f4")).reshape(6, 1, 3, 4)
    labels = np.array([0, 2, 1, 1, 0, 2], np.int32)
    np.testing.assert_array_equal(spread(images), images)
    model, key = MLP(hidden=6, n_classes=3), jax.random.key(0)
    params = model.init(key, images[:1])["params"]
    there = [float(loss) for _, loss in fit(model, params, images, labels, key, 2, 3)]
    alone = fit_alone(model, sgd(), params, jax.numpy.asarray(images), jax.numpy.asarray(labels), key, 2, 3)
    np.testing.assert_allclose(there, [float(loss) for _, loss in alone], rtol=1e-6)
