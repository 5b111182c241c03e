"""What a batch may hold, checked where it enters: arrays by name, their bounds, their batch axes."""

from collections.abc import Mapping

import numpy as np

from compare.errors import UsageError, shown

INT32 = np.iinfo(np.int32)
INTEGER, NUMERIC = "iub", "fciub"  # kinds of dtype: what has bounds, what both frameworks take

Axes = int | None | Mapping[str, int | None]
Bounds = Mapping[str, tuple[int, int]]
Named = Mapping[str, np.ndarray]


def check_int32(array: np.ndarray, whose: str) -> None:
    """Refuse integers that JAX would wrap without a word: it holds them in int32, the widest without x64.

    Raises:
        UsageError: an integer of ``array`` is out of int32's range; ``whose`` it is begins the message.
    """
    if array.dtype.kind not in "iu" or not array.size:
        return
    low, high = int(array.min()), int(array.max())
    if low < INT32.min or high > INT32.max:
        raise UsageError(
            f"{whose}: expected integers that int32 holds, which is what JAX takes them as, got "
            f"{low if low < INT32.min else high}: renumber them, or give them as floats"
        )


def check_array(name: str, array: object) -> None:
    """Refuse what is no NumPy array of numbers.

    Raises:
        UsageError: it is another object, has another dtype, is masked, or holds an integer that int32 does not.
    """
    if not isinstance(array, np.ndarray | np.generic):
        raise UsageError(f"batch: {name}: expected a NumPy array, got {shown(array)}")
    if array.dtype.kind not in NUMERIC:
        raise UsageError(
            f"batch: {name} has dtype {array.dtype}: expected floats, complex numbers, integers or booleans"
        )
    if isinstance(array, np.ma.MaskedArray):
        raise UsageError(
            f"batch: {name} is a masked array, whose mask no model sees: give it filled, as {name}.filled(0)"
        )
    check_int32(np.asarray(array), f"batch: {name}")


def check_named(inputs: Named, targets: Named) -> None:
    """Refuse what are no arrays by name.

    Raises:
        UsageError: they are no dictionaries, there is no input, a name is no text or given twice, or an array is none.
    """
    for what, arrays in (("inputs", inputs), ("targets", targets)):
        if not isinstance(arrays, Mapping):
            raise UsageError(f"batch: {what}: expected a dictionary of NumPy arrays by name, got {shown(arrays)}")
        for name, array in arrays.items():
            if not isinstance(name, str):
                raise UsageError(f"batch: {what}: expected names, got {shown(name)}")
            check_array(name, array)
    if not inputs:
        raise UsageError("batch: inputs: expected at least one array to feed both models, got none")
    if twice := sorted({*inputs} & {*targets}):
        raise UsageError(f"batch: {twice[0]} is an input and a target: give each a name of its own")


def check_bounds(bounds: Bounds, arrays: Named) -> None:
    """Refuse bounds that are no half-open ranges of integers.

    Raises:
        UsageError: they are no dictionary, name no integer array, or are not two integers of which the first is lower.
    """
    if not isinstance(bounds, Mapping):
        raise UsageError(f"batch: bounds: expected (low, high) by the name of an array, got {shown(bounds)}")
    _check_names("bounds", bounds, arrays)
    for name, bound in bounds.items():
        two = isinstance(bound, tuple | list) and len(bound) == 2
        if not two or not all(_is_integer(number) for number in bound) or bound[0] >= bound[1]:
            raise UsageError(
                f"batch: the bounds of {name}: expected (low, high), two integers, low below high, which is not "
                f"included, got {bound!r}"
            )
        if arrays[name].dtype.kind not in INTEGER:
            raise UsageError(f"batch: the bounds of {name}: expected an array of integers, got {arrays[name].dtype}")
        check_int32(np.array([bound[0], bound[1] - 1]), f"batch: the bounds of {name}")


def check_within(bounds: Bounds, inputs: Named) -> None:
    """Refuse an input outside of its own bounds. A target may lie there: a label that the loss ignores, such as -100,
    is none that is drawn.

    Raises:
        UsageError: an integer of an input is not in the half-open range that is said to hold its values.
    """
    for name in [name for name in bounds if name in inputs and inputs[name].size]:
        (low, high), lowest, highest = bounds[name], int(inputs[name].min()), int(inputs[name].max())
        if lowest < low or highest >= high:
            raise UsageError(
                f"batch: the bounds of {name}: expected the half-open range of its values, which go from {lowest} to "
                f"{highest}, got {(low, high)}"
            )


def check_axes(axes: Axes, inputs: Named, targets: Named) -> None:
    """Refuse batch axes that no array has. One axis for all must be that of some input.

    Raises:
        UsageError: it is no axis, or an array is named that has no such axis.
    """
    arrays = {**inputs, **targets}
    if isinstance(axes, Mapping):
        _check_names("axes", axes, arrays)
        for name, axis in axes.items():
            _check_axis(axis, f"the axis of {name}", {name: arrays[name]})
    elif axes != 0 or isinstance(axes, bool):
        _check_axis(axes, "axes", inputs)


def _check_axis(axis: object, whose: str, arrays: Named) -> None:
    if axis is None:
        return
    if not _is_integer(axis):
        raise UsageError(f"batch: {whose}: expected an axis, or one for each name, got {shown(axis)}")
    if not any(-array.ndim <= axis < array.ndim for array in arrays.values()):  # type: ignore[operator]
        shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise UsageError(f"batch: {whose}: expected an axis of {shapes}, or None, got {axis}")


def _check_names(what: str, given: Mapping[str, object], arrays: Named) -> None:
    if unknown := [name for name in given if name not in arrays]:
        raise UsageError(f"batch: {what} for {unknown[0]!r}: expected some of {', '.join(sorted(arrays))}")


def _is_integer(number: object) -> bool:
    return isinstance(number, int | np.integer) and not isinstance(number, bool)
