"""What a padding means: Flax's "SAME", an integer, or pairs, as zeros before and after each axis."""

from collections.abc import Sequence
from typing import Any

from torch import nn

SAME = "SAME"
Pairs = tuple[tuple[int, int], ...]


def uniform(value: Any, axes: int) -> tuple[int, ...]:
    """A number for every one of ``axes``."""
    return tuple(value) if isinstance(value, Sequence) and len(value) == axes else (_first(value),) * axes


def _first(value: Any) -> int:
    return value[0] if isinstance(value, Sequence) else value


def torch_padding(layer: nn.modules.conv._ConvNd) -> Pairs | str:
    """The padding of a torch convolution as pairs; of a transposed one, what it cuts off its full result."""
    if layer.padding == "same":
        return _same_at_stride_one(layer.kernel_size, layer.dilation)
    pairs = tuple((0, 0) for _ in layer.kernel_size) if layer.padding == "valid" else None
    pairs = pairs or tuple((int(one), int(one)) for one in layer.padding)
    if layer.transposed:
        return tuple((low, high - int(out)) for (low, high), out in zip(pairs, layer.output_padding, strict=True))
    return pairs


def translated(padding: Any, size: Sequence[int], stride: Sequence[int], dilation: Sequence[int],
               transposed: bool = False) -> Pairs | str:  # fmt: skip
    """Flax's ``padding`` as pairs in torch's sense; "SAME" where it depends on the size of the input.

    ``size``, ``stride`` and ``dilation`` are the kernel's, one for each axis. Of a transposed convolution the pairs are
    what is cut off the full result, of size (n - 1) * stride + dilation * (size - 1) + 1 (negative: what is added).
    """
    reach = [d * (k - 1) for k, d in zip(size, dilation, strict=True)]
    if isinstance(padding, str):
        name = padding.upper()
        if transposed and name in (SAME, "VALID"):
            return tuple(_transposed(name, r, s) for r, s in zip(reach, stride, strict=True))
        if name == "VALID":
            return tuple((0, 0) for _ in size)
        if name == "CAUSAL":
            return tuple((r, 0) for r in reach)
        return _same_at_stride_one(size, dilation) if all(s == 1 for s in stride) else SAME
    pairs = tuple((width, width) if isinstance(width, int) else tuple(width) for width in _each(padding, len(size)))
    if transposed:
        return tuple((r - low, r - high) for r, (low, high) in zip(reach, pairs, strict=True))
    return pairs


def same(length: int, reach: int, stride: int) -> tuple[int, int]:
    """The zeros before and after an axis of ``length`` under XLA's "SAME"; ``reach`` is dilation * (size - 1)."""
    outputs = -(-length // stride)
    total = max((outputs - 1) * stride + reach + 1 - length, 0)
    return total // 2, total - total // 2


def shown(value: Any) -> str:
    """A setting as a porter writes it: 1e-05; (1, 1) of ((1, 1), (1, 1)) and 1 of (1, 1); SAME."""
    if isinstance(value, tuple) and len(value) > 0 and len(set(value)) == 1:
        return shown(value[0])
    if isinstance(value, float):
        return f"{value:.10g}"
    return str(value)


def _each(padding: Any, axes: int) -> Sequence[Any]:
    return [padding] * axes if isinstance(padding, int) else list(padding) * (axes if len(padding) == 1 else 1)


def _same_at_stride_one(size: Sequence[int], dilation: Sequence[int]) -> Pairs:
    return tuple((d * (k - 1) // 2, d * (k - 1) - d * (k - 1) // 2) for k, d in zip(size, dilation, strict=True))


def _transposed(name: str, reach: int, stride: int) -> tuple[int, int]:
    """``jax.lax.conv_transpose``'s own rule, as what it cuts off."""
    size = reach + 1
    total = size + stride - 2 + (max(size - stride, 0) if name == "VALID" else 0)
    wide = name == "VALID" or stride > size - 1
    low = size - 1 if wide else -(-total // 2)
    return reach - low, reach - (total - low)
