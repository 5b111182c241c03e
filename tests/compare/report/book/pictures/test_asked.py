"""What pictures ask of a run."""

import jax.numpy as jnp
import numpy as np
import torch

from compare.report.book.pictures.asked import (
    counted,
    nested,
    numbers,
    on_the_cpu,
    points_over,
    roughly,
    single,
    told,
    written,
)

MINUS = "\N{MINUS SIGN}"


def test_numbers_of_any_kind():
    """Arrays of NumPy's, plain numbers and lists."""
    assert single(np.float32(2)) == single(2) == 2.0
    assert numbers([1, 2]).dtype == np.float64
    assert counted([5, 7]) == [(1.0, 5.0), (2.0, 7.0)]
    assert points_over([3, 4], np.float32([5, 7])) == [(3.0, 5.0), (4.0, 7.0)]
    assert nested(np.array([[1.0, -np.inf]])) == [[1.0, None]]


def test_numbers_as_texts():
    """A true minus, and none for what rounds to zero."""
    assert [told(-0.001), told(-1.5, 1), told(2, 0)] == ["0.00", f"{MINUS}1.5", "2"]
    assert written([[1, -2]], 0) == [["1", f"{MINUS}2"]]
    assert [roughly(3.2e-8), roughly(0.0)] == ["3·10⁻⁸", "0"]


def test_what_is_run_for_a_picture_leaves_no_trace():
    """torch's generator goes on from where it was; inside, JAX promotes as a reader's does."""
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    with on_the_cpu():
        torch.manual_seed(7)
        assert (jnp.arange(2) + jnp.ones(2)).dtype == jnp.float32
    assert torch.equal(torch.rand(1), expected)
