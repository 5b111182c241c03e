"""Values between pieces: in memory while there is room, on disk after that, summed in either place."""

import jax
import jax.numpy as jnp
import numpy as np

from compare.arrays.aside import Aside, is_aside
from compare.sides.kept_values import KeptValues, is_key

ONE = jnp.arange(4, dtype=jnp.float32)  # 16 bytes


def test_what_has_no_room_goes_to_the_disk(cpu):
    """And comes back the same; what is dropped makes room."""
    values = KeptValues(Aside(small=0), [], room=20)
    values.keep(1, ONE)
    values.keep(2, ONE + 1)
    held = values.take(2)
    assert is_aside(held)
    values.keep(2, held)
    np.testing.assert_array_equal(values.get(2, cpu.jax), ONE + 1)
    values.drop(1)
    values.keep(3, ONE)
    assert isinstance(values.take(3), jax.Array)
    assert 1 not in values
    assert 2 in values


def test_sums_are_the_same_in_both_places():
    """Of two uses of one parameter."""
    for room in (0, 100):
        values = KeptValues(Aside(small=0), [], room)
        for _ in range(3):
            values.add(7, ONE)
        array = values.array(7)
        assert is_aside(array)
        np.testing.assert_array_equal(array, 3 * ONE)


def test_keys_stay_where_they_are():
    """NumPy has no dtype for them."""
    values, key = KeptValues(Aside(small=0), [], room=0), jax.random.key(0)
    values.keep(1, key)
    assert is_key(key)
    assert values.take(1) is key


def test_bfloat16_comes_out_as_everywhere():
    """As float32, from memory and from the disk."""
    for values in (KeptValues(Aside()), KeptValues(Aside(small=0), room=0)):
        values.keep(1, ONE.astype(jnp.bfloat16))
        assert values.array(1).dtype == np.float32
