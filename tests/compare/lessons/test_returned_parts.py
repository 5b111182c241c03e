"""What a function returns, taken apart."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

from compare.arrays.arrays import from_jax, from_torch
from compare.lessons.returned_parts import numbers, unlike

USERS_MODELS = True


@pytest.mark.parametrize(
    ("answer", "written", "said"),
    [
        ((1, {"a": 2}), [1, {"a": 3}], ""),
        ((1, {"a": 2}), (1, {"a": 2, "b": 3}), "be {a} at [1], got {a, b}"),
        ({"a": (1, 2)}, {"a": (1,)}, "be (int, int) at ['a'], got (int)"),
        ({"a": 1}, (1,), "be {a}, got (int)"),
        ((1, 2), (1, (2, 3)), "be int at [1], got (int, int)"),
        ((1, None), (1, 2.0), ""),
    ],
)
def test_parts_are_compared_down_to_what_has_none(answer, written, said):
    told = unlike(answer, written)
    assert told.endswith(said)
    assert bool(told) == bool(said)


def test_numbers_are_copied_by_their_place():
    """Python's own and NumPy's too; what has no numbers has no place."""
    changed = torch.ones(2)
    found = numbers((changed, {"loss": 2.5, "none": None}, torch.empty(2, device="meta"), np.zeros(1)), from_torch)
    changed[0] = 7
    told = {place: array.tolist() for place, array in found.items()}
    assert told == {"[0]": [1.0, 1.0], "[1]['loss']": 2.5, "[3]": [0.0]}


def test_what_is_traced_has_no_numbers():
    seen = []
    jax.eval_shape(lambda x: seen.append(numbers([x, 1], from_jax)) or x, jnp.ones(2))
    assert {place: np.asarray(array).item() for place, array in seen[0].items()} == {"[1]": 1}
