"""The port's lessons on arrays: what the judge cannot see."""

from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxport.tensors import anatomy, bridge, image_layouts, in_place, shape_errors, shapes, views


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
    with jax.enable_x64(wide):
        made = anatomy(array(rng, 4, 3))
    assert made["whole numbers"] == f"int{bits}"
    assert made["from NumPy's float64"] == made["float64 asked for"] == f"float{bits}"
    assert made["from NumPy's 2**31 + 1"] == 2**31 + 1 - (0 if wide else 2**32)
    assert len(made["warned"]) == (0 if wide else 1)


def test_no_result_shares_memory_and_no_write_is_seen(rng):
    """Outside jit each array has its own buffer; the one that was updated is another."""
    image = array(rng, 2, 2, 3)
    made = views(image)
    assert not any(made["shares memory"].values())
    assert made["image after a write to flat"] is image
    assert not hasattr(image, "strides")
    assert made["refused"] == "Cannot interpret '-1' as a data type"


def test_sharing_with_numpy_depends_on_the_call_and_the_address(rng):
    """An aligned buffer is taken by device_put and from_dlpack; one that is not is copied by all."""
    table = array(rng, 4, 3)
    made = bridge(table)
    assert made["from NumPy, sharing"]["device_put, aligned"]
    assert made["from NumPy, sharing"]["from_dlpack, aligned"]
    assert not any(shares for name, shares in made["from NumPy, sharing"].items() if "not aligned" in name)
    assert made["written by NumPy"] == "assignment destination is read-only"
    np.testing.assert_array_equal(made["a copy after NumPy's write"], table[0])


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
    """The caller's own array stays: a copy of it was given away."""
    x, w = array(rng, 4, 3), array(rng, 3, 2)
    made = in_place(x, w)
    assert made["donated"] == "Array has been deleted with shape=float32[3,2]."
    assert made["stepped where it stood"]
    assert made["kept"] is x
    assert not w.is_deleted()
    assert ".at[idx].set(y)" in made["an array refuses"]


def test_the_three_ways_have_the_shapes_of_the_exercise(rng):
    """32 images of 224 by 224 in three colours, without their 19 MB."""
    made = shapes(array(rng, 2, 3, 8, 8))
    wanted = {"rows": (32, 150528), "planes": (32, 3, 50176), "pixels": (32, 50176, 3), "means": (32, 3)}
    assert made["shapes of (32, 3, 224, 224)"] == wanted
    assert made["order kept by"] == ["rows", "planes"]
    assert not jnp.array_equal(made["one pixel"], made["one pixel by reshape"])


def test_the_head_must_move_with_the_layout(rng):
    """Unmoved it fits and is wrong."""
    made = image_layouts(array(rng, 2, 3, 4, 5), array(rng, 60, 5))
    np.testing.assert_allclose(made["NHWC into the moved head"], made["logits"], rtol=1e-5, atol=1e-5)
    assert jnp.abs(made["NHWC into the NCHW head"] - made["logits"]).max() > 1


def test_the_message_shows_the_two_sizes_that_should_be_equal(rng):
    """And neither shape."""
    made = shape_errors(array(rng, 2, 3, 8, 8), array(rng, 192, 5))
    assert made["not flattened"].endswith("got (8,) and (192,).")
    assert made["transposed"].endswith("got (192,) and (5,).")
