"""What is judged of jaxport/tensors.py."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from compare.lessons.judged.said import refused, warned
from compare.lessons.row import Quantities
from jaxport.tensors import relu_twice, squeezed

THREE_WAYS = ("rows", "planes", "pixels", "means")
LARGE = (32, 3, 224, 224)


def anatomy(function: Callable[..., tuple[Array, ...]], table: Array) -> Quantities:
    """What each array is by default."""
    (zeros, listed, steps, wide, large, asked, moved), told = warned(lambda: function(table))
    return {
        "shape": table.shape,
        "axes": table.ndim,
        "numbers": table.size,
        "zeros": zeros,
        "floats": [str(made.dtype) for made in (zeros, listed, steps / 2)],
        "whole numbers": str(steps.dtype),
        "from NumPy's float64": str(wide.dtype),
        "from NumPy's 2**31 + 1": large.item(),
        "float64 asked for": str(asked.dtype),
        "warned": told,
        "device": repr(table.device),
        "moved to": next(iter(moved.devices())).platform,
    }


def broadcasting(function: Callable[..., tuple[Array, Array]], table: Array, bias: Array) -> Quantities:
    """Both sums, and what does not fit."""
    added, down = function(table, bias)
    return {
        "added": added,
        "shape": tuple(added.shape),
        "refused": refused(lambda: table + bias[:-1], ValueError),
        "down the rows": down,
    }


def views(function: Callable[..., tuple[Array, ...]], image: Array) -> Quantities:
    """Shapes, and whose memory is shared."""
    flat, last, pixels, reshaped, mended = function(image)
    made = {"flat": flat, "by reshape": image.reshape(-1), "permuted": last, "pixels": pixels, "reshaped": reshaped}
    address = image.unsafe_buffer_pointer()
    return {
        "shapes": {name: array.shape for name, array in made.items()},
        "refused": refused(lambda: last.view(-1), TypeError),  # type: ignore[arg-type]
        "reshaped": reshaped,
        "mended": mended,
        "shares memory": {name: array.unsafe_buffer_pointer() == address for name, array in made.items()},
        "image after a write to flat": image,
    }


def bridge(function: Callable[..., tuple[Array, Array, np.ndarray]], table: Array) -> Quantities:
    """What sees whose writes, and which ways share, by the address of NumPy's memory."""
    array, cpu = np.array(table), jax.devices("cpu")[0]
    copied, _, back = function(array)
    room = np.zeros(array.nbytes + 128, np.uint8)
    start = -room.ctypes.data % 64  # where an address divides by 64 JAX takes the buffer itself, elsewhere a copy
    places = {"aligned": start, "not aligned": start + 16}
    cut = {name: room[at : at + array.nbytes].view(array.dtype) for name, at in places.items()}
    sharing = {
        f"{make.__name__}, {name}": make(part, device=cpu).unsafe_buffer_pointer() == part.ctypes.data
        for make in (jax.device_put, jnp.asarray, jnp.from_dlpack)
        for name, part in cut.items()
    }

    def write() -> None:
        back[1, 1] = 50.0

    def differentiate() -> None:
        jax.grad(lambda rows: np.asarray(rows).sum())(copied)

    return {
        "a copy shares memory": copied.unsafe_buffer_pointer() == array.ctypes.data,
        "a copy after NumPy's write": copied[0],
        "to NumPy, sharing": back.ctypes.data == copied.unsafe_buffer_pointer(),
        "from NumPy, sharing": sharing,
        "from NumPy by dlpack, aligned, sharing": sharing["from_dlpack, aligned"],
        "written by NumPy": refused(write, ValueError),
        "rows backwards": jnp.array(array[::-1], device=cpu),
        "while differentiating": refused(differentiate, jax.errors.TracerArrayConversionError),
    }


def in_place(function: Callable[..., tuple[Array, Array, Array, Array]], x: Array, w: Array) -> Quantities:
    """What refuses to change, and where the result of a donation stands."""
    given = jnp.copy(w)
    before = given.unsafe_buffer_pointer()
    more, changed, _, stepped = function(x, given)

    def write() -> None:
        x[0] = 0.0

    return {
        "more": more,
        "changed": changed,
        "kept": x,
        "an array refuses": refused(write, TypeError),
        "gradient": jax.grad(lambda w: relu_twice(x, w).sum())(w),
        "stepped": stepped,
        "stepped where it stood": stepped.unsafe_buffer_pointer() == before,
        "donated": refused(lambda: np.asarray(given), RuntimeError),
    }


def shapes(function: Callable[..., tuple[Array, ...]], images: Array) -> Quantities:
    """The three ways on a batch and on shapes alone, whose order they keep, and what squeeze takes away."""
    *ways, centred = function(images)
    made = dict(zip(THREE_WAYS, ways, strict=True))
    shape = jax.ShapeDtypeStruct(LARGE, images.dtype)
    large = dict(zip(THREE_WAYS, jax.eval_shape(function, shape), strict=False))  # shapes without numbers
    mixed = images.reshape(made["pixels"].shape)  # the right shape, but a row is now neighbours in one plane
    by_axes, by_all = squeezed(images[:1])
    return {
        **made,
        "shapes": {name: made[name].shape for name in made},
        "shapes of (32, 3, 224, 224)": {name: large[name].shape for name in made},
        "order kept by": [name for name in THREE_WAYS[:3] if (made[name].ravel() == images.ravel()).all()],
        "one pixel": made["pixels"][0, 1],
        "one pixel by reshape": mixed[0, 1],
        "centred": centred,
        "pooled, one image": images[:1].mean((2, 3), keepdims=True).shape,
        "squeezed": by_axes.shape,
        "squeezed without axes": by_all.shape,
    }


def image_layouts(function: Callable[..., tuple[Array, ...]], images: Array, head: Array) -> Quantities:
    """The logits of either layout."""
    logits, wrong, mended = function(images, head)
    counted = jnp.arange(12).reshape(1, 3, 2, 2)
    return {
        "NCHW flattened": counted.ravel().tolist(),
        "NHWC flattened": counted.transpose(0, 2, 3, 1).ravel().tolist(),
        "logits": logits,
        "NHWC into the NCHW head": wrong,
        "NHWC into the moved head": mended,
        "shapes": [images.shape, images.transpose(0, 2, 3, 1).shape],
        "channels_last logits": logits,  # JAX has no memory format: there is one array to flatten
    }


def shape_errors(function: Callable[..., tuple[Array, Array, Array]], images: Array, head: Array) -> Quantities:
    """Each message, and what fits."""
    logits, crossed, errors = function(images, head)
    rows = images.reshape(len(images), -1)
    return {
        "not flattened": refused(lambda: images @ head, TypeError),
        "transposed": refused(lambda: rows @ head.T, TypeError),
        "a size lost": refused(lambda: rows[:, :-1].reshape(len(images), -1, 3), TypeError),
        "mended": logits,
        "a stray axis": (rows[None] @ head).shape,
        "(N, 1) minus (N,)": crossed.shape,
        "(N,) minus (N,)": errors,
    }
