"""Tensors: creation, dtype and device, broadcasting, views and strides, the NumPy bridge, in-place changes, shapes."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor


def anatomy(table: Float[Tensor, "rows columns"]) -> dict[str, object]:
    """A shape, a dtype and a device, and which of them a tensor gets by default."""
    zeros = torch.zeros(4, 3, device=table.device)  # on the CPU unless told
    listed = torch.tensor([1.0, 2.0, 3.0])
    steps = torch.arange(6)
    wide = torch.tensor(np.ones(3))  # NumPy's own default is float64
    large = torch.tensor(np.array([2**31 + 1]))
    asked = torch.zeros(3, dtype=torch.float64)
    moved = table.to("cpu")
    return {
        "shape": tuple(table.shape),
        "axes": table.ndim,
        "numbers": table.numel(),
        "zeros": zeros,
        "floats": [str(made.dtype).removeprefix("torch.") for made in (zeros, listed, steps / 2)],
        "whole numbers": str(steps.dtype).removeprefix("torch."),
        "from NumPy's float64": str(wide.dtype).removeprefix("torch."),
        "from NumPy's 2**31 + 1": large.item(),
        "float64 asked for": str(asked.dtype).removeprefix("torch."),
        "device": repr(table.device),
        "moved to": moved.device.type,
    }


def broadcasting(table: Float[Tensor, "rows columns"], bias: Float[Tensor, "columns"]) -> dict[str, object]:
    """A bias added to every row of a table, and one that does not fit."""
    added = table + bias  # axes are lined up from the last: (columns,) is read as (1, columns)
    try:
        table + bias[:-1]
    except RuntimeError as error:
        refused = str(error)
    square = table[: len(bias)]
    down = square + bias[:, None]  # (columns, 1): on a square table this fits too, and is another sum
    return {"added": added, "shape": tuple(added.shape), "refused": refused, "down the rows": down}


def views(image: Float[Tensor, "channels height width"]) -> dict[str, object]:
    """Which changes of shape share memory, which copy, and which are refused."""
    image = image.clone()  # written to below
    flat = image.view(-1)
    last = image.permute(1, 2, 0)  # no number moves, only the strides change places
    try:
        last.view(-1)  # no single stride walks through these numbers in this order
    except RuntimeError as error:
        refused = str(error)
    pixels = last.view(-1, len(image))  # fits, contiguous or not: height and width still follow one stride
    reshaped = last.reshape(-1)  # a view where one fits, else a copy, and it does not say which
    mended = last.contiguous().view(-1)
    made = {"flat": flat, "by reshape": image.reshape(-1), "permuted": last, "pixels": pixels, "reshaped": reshaped}
    flat[0] = 100.0  # the image has changed too, the copies have not
    return {
        "shapes": {name: tuple(tensor.shape) for name, tensor in made.items()},
        "refused": refused,
        "reshaped": reshaped,
        "mended": mended,
        "strides": {name: tensor.stride() for name, tensor in made.items()},
        "contiguous": {name: tensor.is_contiguous() for name, tensor in made.items()},
        "shares memory": {name: tensor.data_ptr() == image.data_ptr() for name, tensor in made.items()},
        "image after a write to flat": image,
    }


def bridge(table: Float[Tensor, "rows columns"]) -> dict[str, object]:
    """Which ways from and to NumPy share memory, and which copy."""
    array = table.cpu().numpy().copy()  # NumPy is on the CPU, and so is whatever shares memory with it
    copied = torch.tensor(array)
    shared = {"from_numpy": torch.from_numpy(array), "as_tensor": torch.as_tensor(array)}
    shared |= {"from_dlpack": torch.from_dlpack(array)}
    sharing = {name: tensor.data_ptr() == array.ctypes.data for name, tensor in shared.items()}
    array[0, 0] = 100.0
    back = copied.numpy()
    back[1, 1] = 50.0  # lands in `copied`
    try:
        torch.from_numpy(array[::-1])
    except ValueError as error:
        backwards = str(error)
    try:
        copied.clone().requires_grad_().numpy()
    except RuntimeError as error:
        recorded = str(error)
    return {
        "a copy shares memory": copied.data_ptr() == array.ctypes.data,
        "a copy after NumPy's write": copied[0],
        "to NumPy, sharing": back.ctypes.data == copied.data_ptr(),
        "from NumPy, sharing": sharing,
        "from NumPy by dlpack, aligned, sharing": sharing["from_dlpack"],  # aligned or not
        "sharing, after NumPy's write": {name: tensor[0, 0].item() for name, tensor in shared.items()},
        "written by NumPy": copied[1, 1].item(),
        "rows backwards": backwards,
        "while differentiating": recorded,
    }


def in_place(x: Float[Tensor, "batch inputs"], w: Float[Tensor, "inputs hidden"]) -> dict[str, object]:
    """What changes where it stands, and what the backward pass still needs."""
    kept, changed = x.clone(), x.clone()
    more, same = kept.add(1), changed.add_(1)
    changed[0] = 0.0
    w = w.clone().requires_grad_()
    try:
        w.add_(1)  # recorded, this would make w the result of an addition, and no leaf
    except RuntimeError as error:
        leaf = str(error)
    a1 = torch.relu(x @ w)
    a1.relu_()  # changes no number, yet counts: relu keeps its output for its backward pass
    try:
        a1.sum().backward()
    except RuntimeError as error:
        needed = str(error)
    z1 = x @ w
    z1.relu_()  # a product keeps its inputs, not its output
    (gradient,) = torch.autograd.grad(z1.sum(), w)
    before = w.data_ptr()
    with torch.no_grad():
        w -= 0.1 * gradient
    return {
        "more": more,
        "changed": changed,
        "kept": kept,
        "add_ returns its own tensor": same is changed,
        "a leaf refuses": leaf,
        "versions of a1": a1._version,
        "backward refuses": needed,
        "gradient": gradient,
        "stepped": w.detach(),
        "stepped where it stood": w.data_ptr() == before,
    }


def three_ways(images: Float[Tensor, "batch channels height width"]) -> dict[str, Tensor]:
    """Images as rows for a linear layer, as sequences of pixels, and as channel means, step by step."""
    rows = images.flatten(1)
    planes = images.flatten(2)
    pixels = planes.transpose(1, 2)
    means = images.mean((2, 3))
    return {"rows": rows, "planes": planes, "pixels": pixels, "means": means}


def shapes(images: Float[Tensor, "batch channels height width"]) -> dict[str, object]:
    """What flatten, permute, unsqueeze, squeeze and a mean do to a batch of images."""
    made = three_ways(images)
    large = three_ways(torch.zeros(1).expand(32, 3, 224, 224))  # one number under the whole shape
    pixels, means = made["pixels"], made["means"]
    mixed = images.reshape(pixels.shape)  # the right shape, but a row is now neighbours in one plane
    flat = images.flatten()
    centred = images - means.unsqueeze(-1).unsqueeze(-1)
    pooled = images[:1].mean((2, 3), keepdim=True)
    return {
        "rows": made["rows"],
        "planes": made["planes"],
        "pixels": pixels,
        "means": means,
        "shapes": {name: tuple(made[name].shape) for name in made},
        "shapes of (32, 3, 224, 224)": {name: tuple(large[name].shape) for name in made},
        "order kept by": [name for name in ("rows", "planes", "pixels") if torch.equal(made[name].flatten(), flat)],
        "one pixel": pixels[0, 1],
        "one pixel by reshape": mixed[0, 1],
        "centred": centred,
        "pooled, one image": tuple(pooled.shape),
        "squeezed": tuple(pooled.squeeze((2, 3)).shape),
        "squeezed without axes": tuple(pooled.squeeze().shape),  # the batch of one is gone too
    }


def image_layouts(
    images: Float[Tensor, "batch channels height width"], head: Float[Tensor, "features classes"]
) -> dict[str, object]:
    """The same images channels first and channels last, flattened before a linear layer."""
    first, last = images, images.permute(0, 2, 3, 1)  # NCHW is torch's own order
    counted = torch.arange(12).view(1, 3, 2, 2)
    logits = first.flatten(1) @ head
    wrong = last.flatten(1) @ head  # fits: as many numbers, in another order
    moved = head.view(*images.shape[1:], -1).permute(1, 2, 0, 3).flatten(0, 2)
    mended = last.flatten(1) @ moved
    stored = images.contiguous(memory_format=torch.channels_last)  # other strides under the same shape
    return {
        "NCHW flattened": counted.flatten().tolist(),
        "NHWC flattened": counted.permute(0, 2, 3, 1).flatten().tolist(),
        "logits": logits,
        "NHWC into the NCHW head": wrong,
        "NHWC into the moved head": mended,
        "shapes": [tuple(first.shape), tuple(last.shape)],
        "channels_last": {"shape": tuple(stored.shape), "strides": stored.stride()},
        "channels_last logits": stored.flatten(1) @ head,
    }


def shape_errors(
    images: Float[Tensor, "batch channels height width"], head: Float[Tensor, "features classes"]
) -> dict[str, object]:
    """Products whose shapes do not fit, read from the message, and one that fits by accident."""
    rows = images.flatten(1)
    attempts = {
        "not flattened": lambda: images @ head,
        "transposed": lambda: rows @ head.T,
        "a size lost": lambda: rows[:, :-1].reshape(len(images), -1, 3),
    }
    refused = {}
    for name, attempt in attempts.items():
        try:
            attempt()
        except RuntimeError as error:
            refused[name] = str(error)
    column, targets = rows @ head[:, :1], images.mean((1, 2, 3))
    return {
        "not flattened": refused["not flattened"],
        "transposed": refused["transposed"],
        "a size lost": refused["a size lost"],
        "mended": rows @ head,
        "a stray axis": tuple((rows[None] @ head).shape),
        "(N, 1) minus (N,)": tuple((column - targets).shape),
        "(N,) minus (N,)": column.squeeze(1) - targets,
    }
