"""Tensors: creation, dtype and device, broadcasting, views and strides, the NumPy bridge, in-place changes, shapes."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor


def anatomy(table: Float[Tensor, "rows columns"]) -> tuple[Tensor, ...]:
    """A shape, a dtype and a device, and which of them a tensor gets by default.

    Returns:
        Zeros; a list; whole numbers; NumPy's ones; a large whole number of NumPy's; zeros in float64; ``table`` on the
        CPU.
    """
    zeros = torch.zeros(4, 3, device=table.device)  # on the CPU unless told
    listed = torch.tensor([1.0, 2.0, 3.0])
    steps = torch.arange(6)  # int64
    wide = torch.tensor(np.ones(3))  # NumPy's own default is float64, and stays
    large = torch.tensor(np.array([2**31 + 1]))
    asked = torch.zeros(3, dtype=torch.float64)
    moved = table.to("cpu")
    return zeros, listed, steps, wide, large, asked, moved


def broadcasting(
    table: Float[Tensor, "rows columns"], bias: Float[Tensor, "columns"]
) -> tuple[Float[Tensor, "rows columns"], Float[Tensor, "columns columns"]]:
    """A bias added to every row of a table, and the same bias sent down the rows of a square one.

    Returns:
        The table with its bias, and the first rows, as many as there are columns, with the bias on the wrong axis.
    """
    added = table + bias  # axes are lined up from the last: (columns,) is read as (1, columns)
    # table + bias[:-1] raises a RuntimeError: no axis is 1, and they differ
    square = table[: len(bias)]
    down = square + bias[:, None]  # (columns, 1): on a square table this fits too, and is another sum
    return added, down


def views(image: Float[Tensor, "channels height width"]) -> tuple[Tensor, ...]:
    """Which changes of shape share memory, which copy, and which are refused.

    Args:
        image: its first number is changed.

    Returns:
        The image flat; channels last; as rows of pixels; flat with channels last, by reshape; the same by a view.
    """
    flat = image.view(-1)  # the same memory
    last = image.permute(1, 2, 0)  # no number moves, only the strides change places
    # last.view(-1) raises a RuntimeError: no single stride walks through these numbers in this order
    pixels = last.view(-1, len(image))  # fits: height and width still follow one stride
    reshaped = last.reshape(-1)  # a view where one fits, else a copy, and it does not say which
    mended = last.contiguous().view(-1)  # the copy written out
    flat[0] = 100.0  # the image has changed too, and so have last and pixels; the copies have not
    return flat, last, pixels, reshaped, mended


def bridge(array: Float[np.ndarray, "rows columns"]) -> tuple[Tensor, Tensor, np.ndarray]:
    """Which ways from and to NumPy share memory, and which copy.

    Args:
        array: its first number is changed.

    Returns:
        A copy, a tensor on NumPy's memory, and an array on the copy's memory.
    """
    copied = torch.tensor(array)
    shared = torch.from_numpy(array)  # no copy: the same memory
    array[0, 0] = 100.0  # seen by `shared`, not by `copied`
    back = copied.numpy()  # no copy either
    back[1, 1] = 50.0  # lands in `copied`
    return copied, shared, back


def in_place(
    x: Float[Tensor, "batch inputs"], w: Float[Tensor, "inputs hidden"]
) -> tuple[Float[Tensor, "batch inputs"], Float[Tensor, "batch inputs"], Tensor | None]:
    """What changes where it stands.

    Args:
        w: a leaf; it is changed.

    Returns:
        One more than ``x``; the same with the first row zero; the gradient that ``w`` took a step against.
    """
    more = x + 1  # a new tensor
    changed = x.clone()
    changed.add_(1)  # the underscore: this very tensor
    changed[0] = 0.0
    z1 = x @ w
    z1.relu_()  # allowed: a product keeps its inputs for the backward pass, not its output
    z1.sum().backward()
    with torch.no_grad():  # recorded, an update would make w the result of a subtraction, and no leaf
        w -= 0.1 * w.grad
    return more, changed, w.grad


def relu_twice(x: Float[Tensor, "batch inputs"], w: Float[Tensor, "inputs hidden"]) -> Float[Tensor, "batch hidden"]:
    """A second ReLU, in place: it changes no number, and the backward pass refuses all the same."""
    a1 = torch.relu(x @ w)
    a1.relu_()  # counted as a change, and the first relu keeps its output for its backward pass
    return a1


def shapes(images: Float[Tensor, "batch channels height width"]) -> tuple[Tensor, ...]:
    """Images as rows for a linear layer, as sequences of pixels, and as channel means.

    Returns:
        One row for each image; one row for each channel; one row for each pixel; the means of the channels; the images
        with their means taken away.
    """
    rows = images.flatten(1)  # (batch, channels * height * width)
    planes = images.flatten(2)  # (batch, channels, height * width)
    pixels = planes.transpose(1, 2)  # (batch, height * width, channels): images.reshape would mix the channels
    means = images.mean((2, 3))  # (batch, channels)
    centred = images - means.unsqueeze(-1).unsqueeze(-1)  # (batch, channels, 1, 1) is stretched over the pixels
    return rows, planes, pixels, means, centred


def squeezed(images: Float[Tensor, "batch channels height width"]) -> tuple[Tensor, Tensor]:
    """Channel means without their two axes of size 1, and without any axis of size 1: a batch of one is gone too."""
    pooled = images.mean((2, 3), keepdim=True)  # (batch, channels, 1, 1)
    return pooled.squeeze((2, 3)), pooled.squeeze()


def image_layouts(
    images: Float[Tensor, "batch channels height width"], head: Float[Tensor, "features classes"]
) -> tuple[Float[Tensor, "batch classes"], ...]:
    """The same images channels first and channels last, flattened before a linear layer.

    Returns:
        The logits; those of the other layout, which are wrong; those of the other layout into the moved weight.
    """
    first, last = images, images.permute(0, 2, 3, 1)  # NCHW is torch's own order
    logits = first.flatten(1) @ head
    wrong = last.flatten(1) @ head  # fits: as many numbers, in another order
    moved = head.view(*images.shape[1:], -1).permute(1, 2, 0, 3).flatten(0, 2)  # the rows of the weight, as they lie
    mended = last.flatten(1) @ moved
    return logits, wrong, mended


def shape_errors(
    images: Float[Tensor, "batch channels height width"], head: Float[Tensor, "features classes"]
) -> tuple[Float[Tensor, "batch classes"], Float[Tensor, "batch batch"], Float[Tensor, "batch"]]:
    """Products whose shapes do not fit, and a difference that fits by accident.

    Returns:
        The logits; every prediction minus every target, which nobody wanted; every prediction minus its own target.
    """
    # images @ head raises a RuntimeError: images are not flattened
    rows = images.flatten(1)
    # rows @ head.T raises one: the weight the wrong way round
    logits = rows @ head
    column, targets = logits[:, :1], images.mean((1, 2, 3))
    crossed = column - targets  # (batch, 1) minus (batch,): no error, and every row against every target
    errors = column.squeeze(1) - targets
    return logits, crossed, errors
