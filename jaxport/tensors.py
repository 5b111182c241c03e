"""Arrays: creation, dtype and device, broadcasting, reshape and layout, the NumPy bridge, updates, shapes."""

import warnings

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float


def anatomy(table: Float[Array, "rows columns"]) -> dict[str, object]:
    """A shape, a dtype and a device, and which of them an array gets by default."""
    zeros = jnp.zeros((4, 3))  # on the default device: the GPU where there is one
    listed = jnp.array([1.0, 2.0, 3.0])
    steps = jnp.arange(6)
    wide = jnp.array(np.ones(3))  # NumPy's own default is float64: halved in silence
    large = jnp.array(np.array([2**31 + 1]))
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        asked = jnp.zeros(3, dtype=jnp.float64)
    moved = jax.device_put(table, jax.devices("cpu")[0])
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
        "warned": [str(warning.message) for warning in told],
        "device": repr(table.device),
        "moved to": moved.device.platform,
    }


def broadcasting(table: Float[Array, "rows columns"], bias: Float[Array, "columns"]) -> dict[str, object]:
    """A bias added to every row of a table, and one that does not fit."""
    added = table + bias  # axes are lined up from the last: (columns,) is read as (1, columns)
    try:
        table + bias[:-1]
    except ValueError as error:
        refused = str(error)
    square = table[: len(bias)]
    down = square + bias[:, None]  # (columns, 1): on a square table this fits too, and is another sum
    return {"added": added, "shape": tuple(added.shape), "refused": refused, "down the rows": down}


def views(image: Float[Array, "channels height width"]) -> dict[str, object]:
    """Which changes of shape share memory, which copy, and which are refused."""
    flat = image.ravel()
    last = image.transpose(1, 2, 0)
    try:
        last.view(-1)  # type: ignore[arg-type]  # as in NumPy it takes a dtype: the same bits as other numbers
    except TypeError as error:
        refused = str(error)
    pixels = last.reshape(-1, len(image))
    reshaped = last.reshape(-1)  # always fits: an array has no strides to obey, XLA chooses the layout
    mended = last.ravel()
    made = {"flat": flat, "by reshape": image.reshape(-1), "permuted": last, "pixels": pixels, "reshaped": reshaped}
    flat = flat.at[0].set(100.0)  # a new array; the image stays
    address = image.unsafe_buffer_pointer()
    return {
        "shapes": {name: array.shape for name, array in made.items()},
        "refused": refused,
        "reshaped": reshaped,
        "mended": mended,
        "shares memory": {name: array.unsafe_buffer_pointer() == address for name, array in made.items()},
        "image after a write to flat": image,
    }


def bridge(table: Float[Array, "rows columns"]) -> dict[str, object]:
    """Which ways from and to NumPy share memory, and which copy."""
    cpu = jax.devices("cpu")[0]  # NumPy is on the CPU, and so is whatever shares memory with it
    array = np.array(table)
    copied = jnp.array(array, device=cpu).block_until_ready()  # JAX may still read `array` when the call has returned
    array[0, 0] = 100.0
    room = np.zeros(array.nbytes + 128, np.uint8)
    start = -room.ctypes.data % 64  # where an address divides by 64 JAX takes the buffer itself, elsewhere a copy
    places = {"aligned": start, "not aligned": start + 16}
    cut = {name: room[at : at + array.nbytes].view(array.dtype) for name, at in places.items()}
    sharing = {
        f"{make.__name__}, {name}": make(part, device=cpu).unsafe_buffer_pointer() == part.ctypes.data
        for make in (jax.device_put, jnp.asarray, jnp.from_dlpack)
        for name, part in cut.items()
    }
    back = np.asarray(copied)
    try:
        back[1, 1] = 50.0
    except ValueError as error:
        written = str(error)
    try:
        jax.grad(lambda rows: np.asarray(rows).sum())(copied)
    except jax.errors.TracerArrayConversionError as error:
        recorded = str(error)
    return {
        "a copy shares memory": copied.unsafe_buffer_pointer() == array.ctypes.data,
        "a copy after NumPy's write": copied[0],
        "to NumPy, sharing": back.ctypes.data == copied.unsafe_buffer_pointer(),
        "from NumPy, sharing": sharing,
        "from NumPy by dlpack, aligned, sharing": sharing["from_dlpack, aligned"],
        "written by NumPy": written,
        "rows backwards": jnp.array(array[::-1], device=cpu),
        "while differentiating": recorded,
    }


def in_place(x: Float[Array, "batch inputs"], w: Float[Array, "inputs hidden"]) -> dict[str, object]:
    """What changes where it stands, and what the backward pass still needs."""
    more = x + 1
    changed = more.at[0].set(0.0)  # a new array; inside jit XLA writes into the old one if nobody needs it
    try:
        x[0] = 0.0
    except TypeError as error:
        refused = str(error)

    def summed(w: Float[Array, "inputs hidden"]) -> Float[Array, ""]:
        a1 = jax.nn.relu(x @ w)
        return jax.nn.relu(a1).sum()  # what the backward pass keeps can be overwritten by nobody

    gradient = jax.grad(summed)(w)
    step = jax.jit(lambda w, gradient: w - 0.1 * gradient, donate_argnums=0)
    given = jnp.copy(w)
    before = given.unsafe_buffer_pointer()
    stepped = step(given, gradient)  # the caller gives the buffer away, and XLA may reuse it for the result
    try:
        np.asarray(given)
    except RuntimeError as error:
        donated = str(error)
    return {
        "more": more,
        "changed": changed,
        "kept": x,
        "an array refuses": refused,
        "gradient": gradient,
        "stepped": stepped,
        "stepped where it stood": stepped.unsafe_buffer_pointer() == before,
        "donated": donated,
    }


def three_ways(images: Float[Array, "batch channels height width"]) -> dict[str, Array]:
    """Images as rows for a linear layer, as sequences of pixels, and as channel means, step by step."""
    rows = images.reshape(len(images), -1)
    planes = images.reshape(*images.shape[:2], -1)
    pixels = planes.transpose(0, 2, 1)
    means = images.mean((2, 3))
    return {"rows": rows, "planes": planes, "pixels": pixels, "means": means}


def shapes(images: Float[Array, "batch channels height width"]) -> dict[str, object]:
    """What flatten, permute, unsqueeze, squeeze and a mean do to a batch of images."""
    made = three_ways(images)
    large = jax.eval_shape(three_ways, jax.ShapeDtypeStruct((32, 3, 224, 224), images.dtype))  # shapes without numbers
    pixels, means = made["pixels"], made["means"]
    mixed = images.reshape(pixels.shape)  # the right shape, but a row is now neighbours in one plane
    flat = images.ravel()
    centred = images - jnp.expand_dims(means, (2, 3))
    pooled = images[:1].mean((2, 3), keepdims=True)
    return {
        "rows": made["rows"],
        "planes": made["planes"],
        "pixels": pixels,
        "means": means,
        "shapes": {name: made[name].shape for name in made},
        "shapes of (32, 3, 224, 224)": {name: large[name].shape for name in made},
        "order kept by": [name for name in ("rows", "planes", "pixels") if (made[name].ravel() == flat).all()],
        "one pixel": pixels[0, 1],
        "one pixel by reshape": mixed[0, 1],
        "centred": centred,
        "pooled, one image": pooled.shape,
        "squeezed": pooled.squeeze((2, 3)).shape,
        "squeezed without axes": pooled.squeeze().shape,  # the batch of one is gone too
    }


def image_layouts(
    images: Float[Array, "batch channels height width"], head: Float[Array, "features classes"]
) -> dict[str, object]:
    """The same images channels first and channels last, flattened before a linear layer."""
    first, last = images, images.transpose(0, 2, 3, 1)  # NHWC is Flax's own order
    counted = jnp.arange(12).reshape(1, 3, 2, 2)
    logits = first.reshape(len(first), -1) @ head
    wrong = last.reshape(len(last), -1) @ head  # fits: as many numbers, in another order
    moved = head.reshape(*images.shape[1:], -1).transpose(1, 2, 0, 3).reshape(head.shape)
    mended = last.reshape(len(last), -1) @ moved
    return {
        "NCHW flattened": counted.ravel().tolist(),
        "NHWC flattened": counted.transpose(0, 2, 3, 1).ravel().tolist(),
        "logits": logits,
        "NHWC into the NCHW head": wrong,
        "NHWC into the moved head": mended,
        "shapes": [first.shape, last.shape],
        "channels_last logits": logits,  # JAX has no memory format: there is one array to flatten
    }


def shape_errors(
    images: Float[Array, "batch channels height width"], head: Float[Array, "features classes"]
) -> dict[str, object]:
    """Products whose shapes do not fit, read from the message, and one that fits by accident."""
    rows = images.reshape(len(images), -1)
    attempts = {
        "not flattened": lambda: images @ head,
        "transposed": lambda: rows @ head.T,
        "a size lost": lambda: rows[:, :-1].reshape(len(images), -1, 3),
    }
    refused = {}
    for name, attempt in attempts.items():
        try:
            attempt()
        except TypeError as error:
            refused[name] = str(error)
    column, targets = rows @ head[:, :1], images.mean((1, 2, 3))
    return {
        "not flattened": refused["not flattened"],
        "transposed": refused["transposed"],
        "a size lost": refused["a size lost"],
        "mended": rows @ head,
        "a stray axis": (rows[None] @ head).shape,
        "(N, 1) minus (N,)": (column - targets).shape,
        "(N,) minus (N,)": column.squeeze(1) - targets,
    }
