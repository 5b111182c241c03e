"""A batch: the NumPy arrays fed to both sides, and how each side's model is called with them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, is_dataclass, replace
from typing import Any

import numpy as np

from compare.arrays.arrays import FLOATING, Arrays, freeze, rounded
from compare.arrays.checks import Axes, Bounds, check_array, check_axes, check_bounds, check_named, check_within
from compare.arrays.copied import copied
from compare.errors import UsageError, shown
from compare.verdict.precision import Precision

Form = tuple[tuple[Any, ...], dict[str, Any]]  # positional and keyword arguments


@dataclass(frozen=True)
class Slot:
    """The place of an array in the arguments of a call."""

    name: str


@dataclass(frozen=True)
class Batch:
    """The NumPy arrays fed to both sides, read-only and C-contiguous from the moment a batch exists.

    Tensors of torch and arrays of JAX are copied (``compare.arrays.copied``).

    Attributes:
        inputs: the model's arrays by name; without a ``form``, its positional arguments in order.
        targets: the loss's further arguments, in order.
        bounds: for each integer array, the half-open range its values may take.
        axes: the batch axis of each array; 0 unless said, None for an array that has none.
        form: positional and keyword arguments with a ``Slot`` in the place of each array.

    Raises:
        UsageError: bounds or axes of what is no array, or in another form than theirs; an input outside of its bounds;
            integers beyond int32.
    """

    inputs: Arrays
    targets: Arrays = field(default_factory=dict)
    bounds: Bounds = field(default_factory=dict)
    axes: Axes = 0
    form: Form | None = None

    def __post_init__(self) -> None:
        for what in ("inputs", "targets"):
            if isinstance(given := getattr(self, what), Mapping):
                object.__setattr__(self, what, {name: copied(array, name) for name, array in given.items()})
        check_named(self.inputs, self.targets)
        check_bounds(self.bounds, {**self.inputs, **self.targets})
        check_within(self.bounds, self.inputs)
        check_axes(self.axes, self.inputs, self.targets)
        object.__setattr__(self, "inputs", {name: freeze(array) for name, array in self.inputs.items()})
        object.__setattr__(self, "targets", {name: freeze(array) for name, array in self.targets.items()})

    @classmethod
    def of(cls, inputs: object, targets: object = (), names: tuple[str, ...] = (), **options: Any) -> "Batch":
        """A batch as a user writes it.

        Args:
            inputs: an array, a tuple of positional inputs, or a dictionary of keyword inputs; each an array, of
                NumPy, torch or JAX, a nest of dictionaries, tuples and lists of arrays, or a constant that is passed on
                as it is (None, a flag).
            targets: an array, or a tuple or dictionary of arrays: the loss's arguments after the outputs, in order.
            names: what positional inputs are called in reports.
            options: ``bounds`` and ``axes``.

        Raises:
            UsageError: there is no array in ``inputs``, or one that has no values to copy.
        """
        if isinstance(inputs, Batch):
            return inputs
        args: tuple = ()
        kwargs: dict[str, object] = {}
        arrays: Arrays = {}
        if isinstance(inputs, Mapping):
            kwargs = {str(key): _slots(item, str(key), arrays) for key, item in inputs.items()}
        else:
            given = inputs if isinstance(inputs, tuple) else (inputs,)
            if not isinstance(names, tuple | list) or not all(isinstance(name, str) for name in names):
                raise UsageError(f"batch: names: expected a tuple of names, got {shown(names)}")
            called = [*names[: len(given)], *(f"input{i}" for i in range(len(names), len(given)))]
            args = tuple(_slots(item, name, arrays) for item, name in zip(given, called, strict=True))
        if not arrays:
            raise UsageError(f"batch: expected NumPy arrays to feed both models, got {_without_arrays(inputs)}")
        wanted: Arrays = {}
        if isinstance(targets, Mapping):
            listed = {str(key): item for key, item in targets.items()}
        else:
            several = targets if isinstance(targets, tuple) else (targets,)
            listed = {"targets" if len(several) == 1 else f"target{i}": item for i, item in enumerate(several)}
        for name, given in listed.items():
            item = copied(given, name)
            if not isinstance(item, np.ndarray | np.generic) and not (item is targets and item == ()):
                raise UsageError(f"batch: target {name} is a {_kind(item)}: expected a NumPy array")
            _slots(item, name, wanted)
        return cls(arrays, wanted, form=(args, kwargs), **options)

    def call(self, arrays: Mapping[str, object]) -> Form:
        """Positional and keyword arguments with ``arrays`` (a side's own, by name) in their places."""
        if self.form is None:
            return tuple(arrays[name] for name in self.inputs), {}
        args, kwargs = self.form
        return tuple(_filled(item, arrays) for item in args), {
            key: _filled(item, arrays) for key, item in kwargs.items()
        }

    def axis(self, name: str) -> int | None:
        """The batch axis of the array called ``name``, from 0; None where it has none."""
        array = self.inputs.get(name, self.targets.get(name))
        axis = self.axes.get(name, 0) if isinstance(self.axes, Mapping) else self.axes
        if axis is None or array is None:
            return None
        axis += array.ndim if axis < 0 else 0
        return axis if 0 <= axis < array.ndim else None

    @property
    def rows(self) -> int:
        """How many rows the first array with a batch axis has; 0 where none has one."""
        for name, array in self.inputs.items():
            axis = self.axis(name)
            if axis is not None:
                return int(array.shape[axis])
        return 0

    def taking(self, rows: np.ndarray | slice) -> "Batch":
        """``rows`` (their numbers, or a slice) of every array that has a batch axis of ``Batch.rows`` entries."""
        count = self.rows

        def take(name: str, array: np.ndarray) -> np.ndarray:
            axis = self.axis(name)
            if axis is None or array.shape[axis] != count:
                return array
            return array[(slice(None),) * axis + (rows,)]

        return self.mapped(take)

    def mapped(self, change: Callable[[str, np.ndarray], np.ndarray]) -> "Batch":
        """The same batch with each array replaced by what ``change`` makes of its name and itself."""
        return replace(
            self,
            inputs={name: change(name, array) for name, array in self.inputs.items()},
            targets={name: change(name, array) for name, array in self.targets.items()},
        )

    def at(self, precision: Precision) -> "Batch":
        """The same batch with every float rounded to ``precision``, once and for all runs."""
        return self.mapped(lambda _, array: rounded(array, precision))

    @property
    def floating(self) -> list[str]:
        """The names of the inputs that have a gradient."""
        return [name for name, array in self.inputs.items() if array.dtype.kind in FLOATING]


def named_leaves(value: object, name: str) -> Iterator[tuple[str, Any]]:
    """Each array in ``value`` with its path: sequences by position, dictionaries by key, dataclasses by field.

    None is no array. What is a dataclass and a dictionary at once is a dictionary.
    """
    if value is None:
        return
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from named_leaves(item, f"{name}/{key}")
    elif isinstance(value, tuple | list):
        for position, item in enumerate(value):
            yield from named_leaves(item, f"{name}/{position}")
    elif is_dataclass(value) and not isinstance(value, type) and not hasattr(value, "dtype"):
        for key in value.__dataclass_fields__:
            yield from named_leaves(getattr(value, key), f"{name}/{key}")
    else:
        yield name, value


def _slots(item: object, name: str, arrays: Arrays) -> object:
    """``item`` with a slot for each array in it, which goes to ``arrays``."""
    if isinstance(item, Mapping):
        return {key: _slots(inner, f"{name}.{key}", arrays) for key, inner in item.items()}
    if isinstance(item, tuple | list):
        return _like(item, [_slots(inner, f"{name}.{i}", arrays) for i, inner in enumerate(item)])
    item = copied(item, name)
    if isinstance(item, np.ndarray | np.generic):
        check_array(name, item)
        if name in arrays:
            raise UsageError(f"batch: two arrays are called {name}: give each a name of its own")
        arrays[name] = np.asarray(item)
        return Slot(name)
    if type(item).__module__.split(".")[0] in ("torch", "jax", "jaxlib"):
        raise UsageError(f"batch: {name} is a {_kind(item)}: expected an array, which both sides can be fed")
    return item


def _filled(item: object, arrays: Mapping[str, object]) -> object:
    if isinstance(item, Slot):
        return arrays[item.name]
    if isinstance(item, Mapping):
        return {key: _filled(inner, arrays) for key, inner in item.items()}
    if isinstance(item, tuple | list):
        return _like(item, [_filled(inner, arrays) for inner in item])
    return item


def _like(sequence: tuple | list, items: list[object]) -> object:
    """``items`` as a sequence of that kind; a NamedTuple takes them one by one."""
    kind: Callable[..., object] = type(sequence)
    return kind(*items) if hasattr(sequence, "_fields") else kind(items)


def _without_arrays(inputs: object) -> str:
    if isinstance(inputs, tuple | list | Mapping) and not inputs:
        kind = "tuple" if isinstance(inputs, tuple) else "list" if isinstance(inputs, list) else "dictionary"
        return f"an empty {kind}"
    return _kind(inputs)


def _kind(value: object) -> str:
    return f"{type(value).__module__}.{type(value).__name__}"
