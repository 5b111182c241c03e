"""Arrays: creation, dtype and device, broadcasting, reshape and layout, the NumPy bridge, updates, shapes."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float


def anatomy(table: Float[Array, "rows columns"]) -> tuple[Array, ...]:
    """A shape, a dtype and a device, and which of them an array gets by default.

    Returns:
        Zeros; a list; whole numbers; NumPy's ones; a large whole number of NumPy's; zeros in float64; ``table`` on the
        CPU.
    """
    zeros = jnp.zeros((4, 3))  # on the default device: the GPU where there is one
    listed = jnp.array([1.0, 2.0, 3.0])
    steps = jnp.arange(6)  # int32
    wide = jnp.array(np.ones(3))  # NumPy's own default is float64: halved in silence
    large = jnp.array(np.array([2**31 + 1]))  # too large for int32: the lower bits are kept, in silence
    asked = jnp.zeros(3, dtype=jnp.float64)  # float32 all the same, with a warning
    moved = jax.device_put(table, jax.devices("cpu")[0])
    return zeros, listed, steps, wide, large, asked, moved


def broadcasting(
    table: Float[Array, "rows columns"], bias: Float[Array, "columns"]
) -> tuple[Float[Array, "rows columns"], Float[Array, "columns columns"]]:
    """A bias added to every row of a table, and the same bias sent down the rows of a square one.

    Returns:
        The table with its bias, and the first rows, as many as there are columns, with the bias on the wrong axis.
    """
    added = table + bias  # axes are lined up from the last: (columns,) is read as (1, columns)
    # table + bias[:-1] raises a ValueError: no axis is 1, and they differ
    square = table[: len(bias)]
    down = square + bias[:, None]  # (columns, 1): on a square table this fits too, and is another sum
    return added, down


def views(image: Float[Array, "channels height width"]) -> tuple[Array, ...]:
    """Which changes of shape share memory, which copy, and which are refused: here none shares and none is refused.

    Args:
        image: it stays as it is.

    Returns:
        The image flat, with another first number; channels last; as rows of pixels; flat with channels last, twice.
    """
    flat = image.ravel()  # a new array
    last = image.transpose(1, 2, 0)  # XLA chooses how it lies in memory: there are no strides to ask for
    # last.view(-1) raises a TypeError: view takes a dtype, as in NumPy, and no shape
    pixels = last.reshape(-1, len(image))
    reshaped = last.reshape(-1)  # always fits
    mended = last.ravel()
    flat = flat.at[0].set(100.0)  # a new array again; the image has not changed
    return flat, last, pixels, reshaped, mended


def bridge(array: Float[np.ndarray, "rows columns"]) -> tuple[Array, Array, np.ndarray]:
    """Which ways from and to NumPy share memory, and which copy.

    Args:
        array: its first number is changed.

    Returns:
        A copy; an array that may be on NumPy's memory; an array of NumPy's on the copy's memory, not to be written.
    """
    cpu = jax.devices("cpu")[0]  # NumPy is on the CPU, and so is whatever shares memory with it
    copied = jnp.array(array, device=cpu).block_until_ready()  # JAX may still read `array` when the call has returned
    shared = jax.device_put(array, cpu)  # NumPy's memory where its address divides by 64, else a copy
    array[0, 0] = 100.0  # not seen by `copied`; seen by `shared` or not: nothing is promised
    back = np.asarray(copied)  # no copy: read-only
    # back[1, 1] = 50.0 raises a ValueError
    return copied, shared, back


def in_place(
    x: Float[Array, "batch inputs"], w: Float[Array, "inputs hidden"]
) -> tuple[Float[Array, "batch inputs"], Float[Array, "batch inputs"], Array | None, Float[Array, "inputs hidden"]]:
    """What changes where it stands: nothing, unless it is given away.

    Args:
        w: it is donated, and gone.

    Returns:
        One more than ``x``; the same with the first row zero; the gradient of ``w``; ``w`` after a step against it.
    """
    more = x + 1  # a new array
    changed = more.at[0].set(0.0)  # another; inside jit XLA writes into the old one if nobody needs it
    # x[0] = 0.0 raises a TypeError
    gradient = jax.grad(lambda w: jax.nn.relu(x @ w).sum())(w)
    step = jax.jit(lambda w, gradient: w - 0.1 * gradient, donate_argnums=0)
    stepped = step(w, gradient)  # the caller gives w away, and XLA writes the result over it
    return more, changed, gradient, stepped


def relu_twice(x: Float[Array, "batch inputs"], w: Float[Array, "inputs hidden"]) -> Float[Array, "batch hidden"]:
    """A second ReLU: another array. What a backward pass keeps can be overwritten by nobody."""
    a1 = jax.nn.relu(x @ w)
    return jax.nn.relu(a1)


def shapes(images: Float[Array, "batch channels height width"]) -> tuple[Array, ...]:
    """Images as rows for a linear layer, as sequences of pixels, and as channel means.

    Returns:
        One row for each image; one row for each channel; one row for each pixel; the means of the channels; the images
        with their means taken away.
    """
    rows = images.reshape(len(images), -1)  # (batch, channels * height * width)
    planes = images.reshape(*images.shape[:2], -1)  # (batch, channels, height * width)
    pixels = planes.transpose(0, 2, 1)  # (batch, height * width, channels): images.reshape would mix the channels
    means = images.mean((2, 3))  # (batch, channels)
    centred = images - jnp.expand_dims(means, (2, 3))  # (batch, channels, 1, 1) is stretched over the pixels
    return rows, planes, pixels, means, centred


def squeezed(images: Float[Array, "batch channels height width"]) -> tuple[Array, Array]:
    """Channel means without their two axes of size 1, and without any axis of size 1: a batch of one is gone too."""
    pooled = images.mean((2, 3), keepdims=True)  # (batch, channels, 1, 1)
    return pooled.squeeze((2, 3)), pooled.squeeze()


def image_layouts(
    images: Float[Array, "batch channels height width"], head: Float[Array, "features classes"]
) -> tuple[Float[Array, "batch classes"], ...]:
    """The same images channels first and channels last, flattened before a linear layer.

    Returns:
        The logits; those of the other layout, which are wrong; those of the other layout into the moved weight.
    """
    first, last = images, images.transpose(0, 2, 3, 1)  # NHWC is Flax's own order
    logits = first.reshape(len(first), -1) @ head
    wrong = last.reshape(len(last), -1) @ head  # fits: as many numbers, in another order
    moved = head.reshape(*images.shape[1:], -1).transpose(1, 2, 0, 3).reshape(head.shape)
    mended = last.reshape(len(last), -1) @ moved
    return logits, wrong, mended


def shape_errors(
    images: Float[Array, "batch channels height width"], head: Float[Array, "features classes"]
) -> tuple[Float[Array, "batch classes"], Float[Array, "batch batch"], Float[Array, "batch"]]:
    """Products whose shapes do not fit, and a difference that fits by accident.

    Returns:
        The logits; every prediction minus every target, which nobody wanted; every prediction minus its own target.
    """
    # images @ head raises a TypeError: images are not flattened
    rows = images.reshape(len(images), -1)
    # rows @ head.T raises one: the weight the wrong way round
    logits = rows @ head
    column, targets = logits[:, :1], images.mean((1, 2, 3))
    crossed = column - targets  # (batch, 1) minus (batch,): no error, and every row against every target
    errors = column.squeeze(1) - targets
    return logits, crossed, errors
