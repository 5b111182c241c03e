"""The multiply-adds of torch's operations, read off the shapes that they are called with."""

from collections.abc import Sequence
from math import prod

import torch

from compare.frameworks.steps.step_operation import Dimension, meetings, product
from compare.frameworks.torch_insides import Kernel

Products = dict[int, int]  # multiply-adds by the number of the output that they are needed for

# Their products are inside a kernel, and no formula here knows how many.
UNCOUNTABLE = {
    "_cdist_forward", "_euclidean_dist", "_trilinear", "_grouped_mm", "_scaled_grouped_mm", "_flash_attention_forward",
    "_efficient_attention_forward", "_cudnn_rnn", "miopen_rnn", "_fft_r2c", "_fft_c2c", "_fft_c2r",
}  # fmt: skip
CONVOLUTIONS = {"convolution", "_convolution", "cudnn_convolution", "mkldnn_convolution", "convolution_overrideable"}


def products_of(function: Kernel, args: Sequence[object], kwargs: dict[str, object]) -> Products:
    """The multiply-adds of one call, by the output that needs them; empty where it makes none."""
    name = function.overloadpacket.__name__
    plain = name.removesuffix("_")  # in place it makes the same products
    names = [argument.name for argument in function._schema.arguments]
    given = dict(zip(names, args, strict=False)) | kwargs
    tensors = [value for value in given.values() if isinstance(value, torch.Tensor)]
    if name in ("mm", "bmm", "mv", "dot", "vdot", "_int_mm", "_scaled_mm"):
        return {0: _matrices(tensors[0], tensors[1])}
    if name == "linear":
        return {0: _linear(tensors)}
    if plain in ("addmm", "baddbmm", "addbmm", "addmv", "_addmm_activation"):
        return {0: _matrices(tensors[1], tensors[2])}
    if plain == "addr":
        return {0: product(1, len(tensors[1]), len(tensors[2]), 1)}
    if name in CONVOLUTIONS:
        return {0: _convolution(given["input"], given["weight"], given)}
    if name == "convolution_backward":
        count = _convolution(given["input"], given["weight"], given)
        mask = given["output_mask"]
        assert isinstance(mask, list | tuple)
        return {place: count for place in (0, 1) if mask[place]}
    if name.startswith("_scaled_dot_product_"):
        return _attention(tensors, backward=name.endswith("_backward"))
    if name.startswith("mkldnn_rnn_layer"):
        return _recurrent(tensors, backward=name.endswith("_backward"))
    return {}


def _matrices(left: torch.Tensor, right: torch.Tensor) -> int:
    """(..., n, k) times (..., k, m), or a vector on either side."""
    rows = left.shape[-2] if left.dim() > 1 else 1
    return product(prod(left.shape[:-2]), rows, right.shape[-1] if right.dim() > 1 else 1, left.shape[-1])


def _linear(tensors: Sequence[torch.Tensor]) -> int:
    inputs, weight = tensors[:2]
    return product(1, prod(inputs.shape[:-1]), weight.shape[0], weight.shape[1])


def _convolution(inputs: object, weight: object, given: dict[str, object]) -> int:
    """One formula for a convolution and for each of its gradients; a transposed one is the mirror image of another."""
    assert isinstance(inputs, torch.Tensor)
    assert isinstance(weight, torch.Tensor)
    window, spatial = weight.shape[2:], inputs.shape[2:]
    stride, padding, dilation, extra = (
        _each(given.get(key, default), len(window))
        for key, default in (("stride", 1), ("padding", 0), ("dilation", 1), ("output_padding", 0))
    )
    dimensions = []
    for i, size in enumerate(spatial):
        reach = dilation[i] * (window[i] - 1)
        if given.get("transposed"):
            # Of the convolution whose gradient it is: its outputs are this one's inputs.
            whole = (size - 1) * stride[i] - 2 * padding[i] + reach + extra[i] + 1
            dimensions.append(Dimension(whole, size, window[i], stride[i], padding[i], 1, dilation[i]))
        else:
            outputs = (size + 2 * padding[i] - reach - 1) // stride[i] + 1
            dimensions.append(Dimension(size, outputs, window[i], stride[i], padding[i], 1, dilation[i]))
    return inputs.shape[0] * weight.shape[0] * weight.shape[1] * meetings(dimensions)


def _each(value: object, count: int) -> list[int]:
    assert isinstance(value, int | list | tuple)
    values = [value] if isinstance(value, int) else list(value)
    return values * count if len(values) == 1 else values


def _attention(tensors: Sequence[torch.Tensor], backward: bool) -> Products:
    """Queries by keys, and weights by values; backwards the two gradients of each. Recomputed weights are no work."""
    query, key, value = tensors[1:4] if backward else tensors[:3]
    pairs = prod(query.shape[:-1]) * key.shape[-2]
    if not backward:
        return {0: pairs * (query.shape[-1] + value.shape[-1])}
    return {0: pairs * (query.shape[-1] + value.shape[-1]), 1: pairs * query.shape[-1], 2: pairs * value.shape[-1]}


def _recurrent(tensors: Sequence[torch.Tensor], backward: bool) -> Products:
    """One layer over (steps, rows, features). Backwards the first step's hidden state is apart: mostly a constant."""
    inputs, by_input, by_hidden = tensors[:3]
    rows, steps = inputs.shape[0] * inputs.shape[1], inputs.shape[0]
    of_input, of_hidden = rows * by_input.numel(), rows * by_hidden.numel()
    if not backward:
        return {0: of_input + of_hidden}
    return {0: of_input, 1: of_input, 2: of_hidden + of_hidden // steps * (steps - 1), 5: of_hidden // steps}
