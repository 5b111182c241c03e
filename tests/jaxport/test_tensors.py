"""The port's lessons on arrays: what the judge cannot see."""

import warnings
from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxport.tensors import anatomy, bridge, image_layouts, in_place, shapes, squeezed, views


@pytest.fixture
def rng() -> Iterator[np.random.Generator]:
    """Seeded; on the CPU, where memory can be shared, and with a reader's own promotion."""
    with jax.default_device(jax.devices("cpu")[0]), jax.numpy_dtype_promotion("standard"):
        yield np.random.default_rng(0)


def array(rng: np.random.Generator, *shape: int) -> jax.Array:
    return jnp.array(rng.standard_normal(shape))


@pytest.mark.parametrize(("wide", "bits"), [(False, 32), (True, 64)])
def test_width_is_decided_by_x64_and_only_a_request_by_name_warns(rng, wide, bits):
    """What comes from NumPy is halved in silence, a number that does not fit included."""
    with jax.enable_x64(wide), warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        *_, steps, wide_one, large, asked, _ = anatomy(array(rng, 4, 3))
    assert steps.dtype == f"int{bits}"
    assert wide_one.dtype == asked.dtype == f"float{bits}"
    assert large.item() == 2**31 + 1 - (0 if wide else 2**32)
    assert len(told) == (0 if wide else 1)


def test_no_result_shares_memory_and_no_write_is_seen(rng):
    """Outside jit each array has its own buffer; the one that was updated is another."""
    image = array(rng, 2, 2, 3)
    before = np.array(image)
    made = views(image)
    assert image.unsafe_buffer_pointer() not in {one.unsafe_buffer_pointer() for one in made}
    np.testing.assert_array_equal(image, before)
    assert not hasattr(image, "strides")
    with pytest.raises(TypeError, match="Cannot interpret '-1' as a data type"):
        made[1].view(-1)


def test_a_copy_sees_no_write_and_its_memory_takes_none(rng):
    """Whatever becomes of the array that may share NumPy's memory: of that nothing is promised."""
    numbers = np.array(array(rng, 4, 3))
    row = numbers[0].copy()
    copied, _, back = bridge(numbers)
    np.testing.assert_array_equal(copied[0], row)
    with pytest.raises(ValueError, match="assignment destination is read-only"):
        back[1, 1] = 50.0


@pytest.mark.parametrize("offset", [0, 16])
def test_a_copy_that_was_waited_for_is_never_read_again(rng, offset):
    """At an aligned address and at another, many times over."""
    size = 1 << 16
    room = np.zeros(size * 4 + 128, np.uint8)
    start = -room.ctypes.data % 64 + offset
    buffer = room[start : start + size * 4].view(np.float32)
    for turn in range(50):
        buffer[:] = turn
        copied = jnp.array(buffer).block_until_ready()
        buffer[:] = -1
        assert float(copied.min()) == float(copied.max()) == turn


def test_torch_can_write_into_an_array_of_jax(rng):
    """The trap that the row names: dlpack hands torch the memory itself, and torch asks nobody."""
    torch = pytest.importorskip("torch")
    held = jnp.zeros(3)
    torch.from_dlpack(held)[0] = 7.0
    assert float(held[0]) == 7.0


def test_a_donated_array_is_gone_and_its_memory_used_again(rng):
    """And every other one stays as it is."""
    x, w = array(rng, 4, 3), array(rng, 3, 2)
    before, numbers = w.unsafe_buffer_pointer(), np.array(w)
    more, changed, gradient, stepped = in_place(x, w)
    with pytest.raises(RuntimeError, match=r"Array has been deleted with shape=float32\[3,2\]"):
        np.asarray(w)
    assert stepped.unsafe_buffer_pointer() == before
    np.testing.assert_allclose(stepped, numbers - 0.1 * gradient, rtol=1e-6)
    np.testing.assert_array_equal(more, x + 1)
    assert not changed[0].any()
    with pytest.raises(TypeError, match=r"\.at\[idx\]\.set\(y\)"):
        x[0] = 0.0


def test_the_three_ways_have_the_shapes_of_the_exercise(rng):
    """32 images of 224 by 224 in three colours, without their 19 MB."""
    made = jax.eval_shape(shapes, jax.ShapeDtypeStruct((32, 3, 224, 224), jnp.float32))[:4]
    assert [one.shape for one in made] == [(32, 150528), (32, 3, 50176), (32, 50176, 3), (32, 3)]
    images = array(rng, 2, 3, 8, 8)
    _, _, pixels, _, centred = shapes(images)
    np.testing.assert_array_equal(pixels[0, 1], images[0, :, 0, 1])
    assert not jnp.array_equal(pixels, images.reshape(pixels.shape))
    assert jnp.abs(centred.mean((2, 3))).max() < 1e-6


def test_squeeze_without_axes_takes_the_batch_of_one(rng):
    """And of a larger batch the same as with axes."""
    assert [one.shape for one in squeezed(array(rng, 1, 3, 2, 2))] == [(1, 3), (3,)]
    assert [one.shape for one in squeezed(array(rng, 2, 3, 2, 2))] == [(2, 3), (2, 3)]


def test_the_head_must_move_with_the_layout(rng):
    """Unmoved it fits and is wrong."""
    logits, wrong, mended = image_layouts(array(rng, 2, 3, 4, 5), array(rng, 60, 5))
    np.testing.assert_allclose(mended, logits, rtol=1e-5, atol=1e-5)
    assert jnp.abs(wrong - logits).max() > 1


def test_the_message_shows_the_two_sizes_that_should_be_equal(rng):
    """And neither shape."""
    images, head = array(rng, 2, 3, 8, 8), array(rng, 192, 5)
    with pytest.raises(TypeError, match=r"got \(8,\) and \(192,\)"):
        images @ head
    with pytest.raises(TypeError, match=r"got \(192,\) and \(5,\)"):
        images.reshape(2, -1) @ head.T
