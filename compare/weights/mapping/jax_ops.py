"""JAX's primitives in the common form: one function for each, by name."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from jax.lax import GatherDimensionNumbers as GatherNumbers

from compare.weights.mapping.units import PART_HINTS, Value
from compare.weights.mapping.walk import Walk

Param = Any  # of a primitive: numbers, tuples, inner programs
JaxRule = Callable[[Walk, list[Value], dict[str, Param], list[tuple[int, ...]]], list[Value]]


def _transpose(walk: Walk, values: list[Value], params: dict, shapes: list[tuple[int, ...]]) -> list[Value]:
    return [walk.permute(values[0], params["permutation"])]


def _reshape(walk: Walk, values: list[Value], params: dict, shapes: list[tuple[int, ...]]) -> list[Value]:
    """With its axes in another order first, where ``vmap`` has two of them made one."""
    order = params["dimensions"]
    return [walk.reshape(values[0] if order is None else walk.permute(values[0], order), shapes[0])]


def _ones(walk: Walk, values: list[Value], params: dict, shapes: list[tuple[int, ...]]) -> list[Value]:
    """Axes of one entry come or go."""
    return [walk.reshape(values[0], shapes[0])]


def _broadcast(walk: Walk, values: list[Value], params: dict, shapes: list[tuple[int, ...]]) -> list[Value]:
    return [walk.broadcast(values[0], shapes[0], params["broadcast_dimensions"])]


def _slice(walk: Walk, values: list[Value], params: dict, shapes: list[tuple[int, ...]]) -> list[Value]:
    value, steps = values[0], params["strides"] or [1] * len(shapes[0])
    for axis, (start, stop, step) in enumerate(
        zip(params["start_indices"], params["limit_indices"], steps, strict=True)
    ):
        value = walk.cut(value, axis, start, stop, step)
    return [value]


def _dynamic_slice(walk: Walk, values: list[Value], params: dict, shapes: list[tuple[int, ...]]) -> list[Value]:
    value, at = values[0], params["_literals"][1:]
    for axis, size in enumerate(params["slice_sizes"]):
        start = 0 if at[axis] is None else int(at[axis])
        value = walk.cut(value, axis, start, start + size)
    return [value]


def _split(walk: Walk, values: list[Value], params: dict, shapes: list[tuple[int, ...]]) -> list[Value]:
    parts, start, axis = [], 0, params["axis"]
    for size in params["sizes"]:
        parts.append(walk.cut(values[0], axis, start, start + int(size)))
        start += int(size)
    return parts


def _unstack(walk: Walk, values: list[Value], params: dict, shapes: list[tuple[int, ...]]) -> list[Value]:
    axis = params["axis"]
    return [walk.reshape(walk.cut(values[0], axis, at, at + 1), shape) for at, shape in enumerate(shapes)]


def _concatenate(walk: Walk, values: list[Value], params: dict, shapes: list[tuple[int, ...]]) -> list[Value]:
    return [walk.concatenate(values, params["dimension"], shapes[0])]


def _stack(walk: Walk, values: list[Value], params: dict, shapes: list[tuple[int, ...]]) -> list[Value]:
    axis, (shape,) = params["axis"], shapes
    single = [*shape[:axis], 1, *shape[axis + 1 :]]
    return [walk.concatenate([walk.reshape(value, single) for value in values], axis, shape)]


def _tile(walk: Walk, values: list[Value], params: dict, shapes: list[tuple[int, ...]]) -> list[Value]:
    return [walk.broadcast(values[0], shapes[0], range(len(shapes[0])))]


def _dot(walk: Walk, values: list[Value], params: dict, shapes: list[tuple[int, ...]]) -> list[Value]:
    contract, batch = params["dimension_numbers"]
    return [walk.dot(values[0], values[1], list(zip(*contract, strict=True)), list(zip(*batch, strict=True)))]


def _conv(walk: Walk, values: list[Value], params: dict, shapes: list[tuple[int, ...]]) -> list[Value]:
    numbers = params["dimension_numbers"]
    specs = (numbers.lhs_spec, numbers.rhs_spec, numbers.out_spec)
    return [walk.conv(values[0], values[1], specs, shapes[0], params["feature_group_count"], False)]


def _gather(walk: Walk, values: list[Value], params: dict, shapes: list[tuple[int, ...]]) -> list[Value]:
    table, picks = values
    numbers, sizes = params["dimension_numbers"], params["slice_sizes"]
    picked = [axis for axis in numbers.start_index_map if sizes[axis] == 1]
    whole = [axis for axis in range(len(sizes)) if axis not in picked]
    if table.moving:
        return [walk.picked(table, picks, _kept(numbers, sizes, table, shapes[0]), picked, shapes[0])]
    if numbers.operand_batching_dims or any(sizes[axis] != table.shape[axis] for axis in whole):
        return [walk.opaque(values, shapes[0])]
    if tuple(numbers.offset_dims) != tuple(range(len(shapes[0]) - len(whole), len(shapes[0]))):
        return [walk.opaque(values, shapes[0])]
    rows = walk.reshape(picks, picks.shape[:-1])
    return [walk.take(table, rows, picked, shapes[0])]


def _kept(numbers: GatherNumbers, sizes: Sequence[int], table: Value, shape: tuple[int, ...]) -> dict[int, int]:
    """By axis of a gather's result, the table's axis that it still is."""
    batch = numbers.operand_batching_dims
    windows = [axis for axis in range(len(sizes)) if axis not in (*numbers.collapsed_slice_dims, *batch)]
    kept = {at: axis for at, axis in zip(numbers.offset_dims, windows, strict=True) if sizes[axis] == table.shape[axis]}
    rest = [at for at in range(len(shape)) if at not in numbers.offset_dims]
    return kept | {rest[at]: axis for at, axis in zip(numbers.start_indices_batching_dims, batch, strict=True)}


def _rev(walk: Walk, values: list[Value], params: dict, shapes: list[tuple[int, ...]]) -> list[Value]:
    return [walk.flip(values[0], params["dimensions"])]


def _real(walk: Walk, values: list[Value], params: dict, shapes: list[tuple[int, ...]]) -> list[Value]:
    return [walk.part(values[0], 0) if values[0].units else walk.elementwise("real", values, shapes[0])]


def _imag(walk: Walk, values: list[Value], params: dict, shapes: list[tuple[int, ...]]) -> list[Value]:
    return [walk.part(values[0], 1) if values[0].units else walk.elementwise("imag", values, shapes[0])]


def _complex(walk: Walk, values: list[Value], params: dict, shapes: list[tuple[int, ...]]) -> list[Value]:
    return [walk.joined(values[0], values[1], shapes[0])]


def _mul(walk: Walk, values: list[Value], params: dict, shapes: list[tuple[int, ...]]) -> list[Value]:
    """By 1j it is on its way to be an imaginary part."""
    if any(_is_imaginary(literal) for literal in params["_literals"]):
        values = [walk.hinted(value, PART_HINTS[1]) for value in values]
    return [walk.elementwise("mul", values, shapes[0])]


def _is_imaginary(literal: object) -> bool:
    number = np.asarray(literal)
    return number.dtype.kind == "c" and number.ndim == 0 and bool(number.real == 0 != number.imag)


RULES: dict[str, JaxRule] = {
    "transpose": _transpose, "reshape": _reshape,
    "squeeze": _ones, "expand_dims": _ones, "broadcast_in_dim": _broadcast, "slice": _slice,
    "dynamic_slice": _dynamic_slice, "split": _split, "unstack": _unstack, "concatenate": _concatenate,
    "stack": _stack, "tile": _tile,
    "real": _real, "imag": _imag, "complex": _complex, "mul": _mul,
    "dot_general": _dot, "conv_general_dilated": _conv, "gather": _gather, "rev": _rev,
}  # fmt: skip
