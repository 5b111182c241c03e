"""What is judged of torchref/tensors.py."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from compare.lessons.judged.said import refused
from compare.lessons.row import Quantities
from torchref.tensors import relu_twice, squeezed

THREE_WAYS = ("rows", "planes", "pixels", "means")
LARGE = (32, 3, 224, 224)


def anatomy(function: Callable[..., tuple[Tensor, ...]], table: Tensor) -> Quantities:
    """What each tensor is by default."""
    zeros, listed, steps, wide, large, asked, moved = function(table)
    return {
        "shape": tuple(table.shape),
        "axes": table.ndim,
        "numbers": table.numel(),
        "zeros": zeros,
        "floats": [_dtype(made) for made in (zeros, listed, steps / 2)],
        "whole numbers": _dtype(steps),
        "from NumPy's float64": _dtype(wide),
        "from NumPy's 2**31 + 1": large.item(),
        "float64 asked for": _dtype(asked),
        "device": repr(table.device),
        "moved to": moved.device.type,
    }


def broadcasting(function: Callable[..., tuple[Tensor, Tensor]], table: Tensor, bias: Tensor) -> Quantities:
    """Both sums, and what does not fit."""
    added, down = function(table, bias)
    return {
        "added": added,
        "shape": tuple(added.shape),
        "refused": refused(lambda: table + bias[:-1], RuntimeError),
        "down the rows": down,
    }


def views(function: Callable[..., tuple[Tensor, ...]], image: Tensor) -> Quantities:
    """Shapes, strides, and whose memory is shared."""
    image = image.clone()  # written to
    flat, last, pixels, reshaped, mended = function(image)
    made = {"flat": flat, "by reshape": image.reshape(-1), "permuted": last, "pixels": pixels, "reshaped": reshaped}
    return {
        "shapes": {name: tuple(tensor.shape) for name, tensor in made.items()},
        "refused": refused(lambda: last.view(-1), RuntimeError),
        "reshaped": reshaped,
        "mended": mended,
        "strides": {name: tensor.stride() for name, tensor in made.items()},
        "contiguous": {name: tensor.is_contiguous() for name, tensor in made.items()},
        "shares memory": {name: tensor.data_ptr() == image.data_ptr() for name, tensor in made.items()},
        "image after a write to flat": image,
    }


def bridge(function: Callable[..., tuple[Tensor, Tensor, np.ndarray]], table: Tensor) -> Quantities:
    """What sees whose writes, and which ways share."""
    array = table.cpu().numpy().copy()  # NumPy is on the CPU, and so is whatever shares memory with it
    others = {"as_tensor": torch.as_tensor(array), "from_dlpack": torch.from_dlpack(array)}
    copied, shared, back = function(array)
    shares = {"from_numpy": shared, **others}
    sharing = {name: tensor.data_ptr() == array.ctypes.data for name, tensor in shares.items()}
    return {
        "a copy shares memory": copied.data_ptr() == array.ctypes.data,
        "a copy after NumPy's write": copied[0],
        "to NumPy, sharing": back.ctypes.data == copied.data_ptr(),
        "from NumPy, sharing": sharing,
        "from NumPy by dlpack, aligned, sharing": sharing["from_dlpack"],  # aligned or not
        "sharing, after NumPy's write": {name: tensor[0, 0].item() for name, tensor in shares.items()},
        "written by NumPy": copied[1, 1].item(),
        "rows backwards": refused(lambda: torch.from_numpy(array[::-1]), ValueError),
        "while differentiating": refused(lambda: copied.clone().requires_grad_().numpy(), RuntimeError),
    }


def in_place(function: Callable[..., tuple[Tensor, Tensor, Tensor]], x: Tensor, w: Tensor) -> Quantities:
    """What changed where it stood, what refuses to, and what the backward pass still needs."""
    kept, w = x.clone(), w.clone().requires_grad_()
    before, other = w.data_ptr(), x.clone()
    leaf = refused(lambda: w.add_(1), RuntimeError)
    more, changed, gradient = function(kept, w)
    a1 = relu_twice(kept, w)
    return {
        "more": more,
        "changed": changed,
        "kept": kept,
        "add_ returns its own tensor": other.add_(1) is other,
        "a leaf refuses": leaf,
        "versions of a1": a1._version,
        "backward refuses": refused(a1.sum().backward, RuntimeError),
        "gradient": gradient,
        "stepped": w.detach(),
        "stepped where it stood": w.data_ptr() == before,
    }


def shapes(function: Callable[..., tuple[Tensor, ...]], images: Tensor) -> Quantities:
    """The three ways on a batch and on shapes alone, whose order they keep, and what squeeze takes away."""
    *ways, centred = function(images)
    made = dict(zip(THREE_WAYS, ways, strict=True))
    large = dict(zip(THREE_WAYS, function(torch.empty(LARGE, device="meta")), strict=False))  # holds no numbers
    mixed = images.reshape(made["pixels"].shape)  # the right shape, but a row is now neighbours in one plane
    by_axes, by_all = squeezed(images[:1])
    return {
        **made,
        "shapes": {name: tuple(made[name].shape) for name in made},
        "shapes of (32, 3, 224, 224)": {name: tuple(large[name].shape) for name in made},
        "order kept by": [name for name in THREE_WAYS[:3] if torch.equal(made[name].flatten(), images.flatten())],
        "one pixel": made["pixels"][0, 1],
        "one pixel by reshape": mixed[0, 1],
        "centred": centred,
        "pooled, one image": tuple(images[:1].mean((2, 3), keepdim=True).shape),
        "squeezed": tuple(by_axes.shape),
        "squeezed without axes": tuple(by_all.shape),
    }


def image_layouts(function: Callable[..., tuple[Tensor, ...]], images: Tensor, head: Tensor) -> Quantities:
    """The logits of either layout, and what torch's channels_last changes."""
    logits, wrong, mended = function(images, head)
    counted = torch.arange(12).view(1, 3, 2, 2)
    stored = images.contiguous(memory_format=torch.channels_last)  # other strides under the same shape
    return {
        "NCHW flattened": counted.flatten().tolist(),
        "NHWC flattened": counted.permute(0, 2, 3, 1).flatten().tolist(),
        "logits": logits,
        "NHWC into the NCHW head": wrong,
        "NHWC into the moved head": mended,
        "shapes": [tuple(images.shape), tuple(images.permute(0, 2, 3, 1).shape)],
        "channels_last": {"shape": tuple(stored.shape), "strides": stored.stride()},
        "channels_last logits": stored.flatten(1) @ head,
    }


def shape_errors(function: Callable[..., tuple[Tensor, Tensor, Tensor]], images: Tensor, head: Tensor) -> Quantities:
    """Each message, and what fits."""
    logits, crossed, errors = function(images, head)
    rows = images.flatten(1)
    return {
        "not flattened": refused(lambda: images @ head, RuntimeError),
        "transposed": refused(lambda: rows @ head.T, RuntimeError),
        "a size lost": refused(lambda: rows[:, :-1].reshape(len(images), -1, 3), RuntimeError),
        "mended": logits,
        "a stray axis": tuple((rows[None] @ head).shape),
        "(N, 1) minus (N,)": tuple(crossed.shape),
        "(N,) minus (N,)": errors,
    }


def _dtype(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")
