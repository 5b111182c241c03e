"""What each side is called with: the batch's arguments, or what an adapter makes of the side's own arrays."""

import jax
import numpy as np
import pytest
import torch

from compare.errors import UsageError
from compare.pair.adapters import adapted_port, adapted_reference, called
from tests.compare.small import loose_pair

USERS_MODELS = True


@pytest.mark.parametrize(
    ("made", "expected"),
    [(1, ((1,), {})), ((1, 2), ((1, 2), {})), ({"a": 1}, ((), {"a": 1})), ([1, 2], (([1, 2],), {}))],
)
def test_an_adapter_returns_a_call(made, expected):
    """A tuple is positional, a dictionary by keyword, anything else is one argument."""
    assert called(lambda x, *, flag: made, (0,), {"flag": True}) == expected
    assert called(None, (0,), {"flag": True}) == ((0,), {"flag": True})


def test_an_adapter_gets_its_sides_own_arrays_and_its_call_is_shown_in_numpy():
    """A tensor on one side, an array of JAX on the other; nested or not."""
    seen = []

    def adapt(x):
        seen.append(x)
        return {"pair": [x, 2 * x], "flag": True}

    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    pair = loose_pair(None, None, x, reference_inputs=adapt, port_inputs=adapt)
    batch = pair.draw(np.random.default_rng(0))
    for adapted, kind in ((adapted_reference, torch.Tensor), (adapted_port, jax.Array)):
        args, kwargs = adapted(pair, batch)
        assert isinstance(seen.pop(), kind)
        assert (args, kwargs["flag"]) == ((), True)
        np.testing.assert_array_equal(kwargs["pair"], [x, 2 * x])
        assert all(isinstance(array, np.ndarray) for array in kwargs["pair"])


def test_what_an_adapter_raises_is_named():
    """One line, and no traceback of ours."""
    with pytest.raises(UsageError, match=r"an adapter of the inputs .* raised TypeError"):
        called(lambda x: x + "1", (0,), {})
