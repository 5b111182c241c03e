"""Values between the pieces of a program: the first in memory, the rest on disk."""

from collections.abc import Iterable
from typing import Any

import jax
import numpy as np

from compare.arrays.arrays import from_jax
from compare.arrays.aside import Aside, touched
from compare.frameworks.cutting.steps_of_program import Number


def is_key(array: Any) -> bool:
    """Whether an array is of random keys, which NumPy has no dtype for."""
    return bool(jax.dtypes.issubdtype(array.dtype, jax.dtypes.extended))


class KeptValues:
    """Values by number, until they are dropped."""

    def __init__(self, aside: Aside, given: Iterable[tuple[Number, Any]] = (), room: int | None = None) -> None:
        """``room``: bytes of them that stay in memory; by default what ``aside`` says."""
        self._aside, self._left = aside, aside.room if room is None else room
        self._held: dict[Number, Any] = dict(given)

    def __contains__(self, number: Number) -> bool:
        return number in self._held

    def dtype(self, number: Number) -> Any:
        return self._held[number].dtype

    def keep(self, number: Number, array: Any) -> None:
        """Keep a value: in memory while there is room, and where NumPy has no such thing (random keys)."""
        if is_key(array) or array.nbytes <= self._left:
            self._held[number] = array
            self._left -= 0 if is_key(array) else array.nbytes
        else:
            self._held[number] = self._aside.put(np.asarray(array))

    def add(self, number: Number, array: Any) -> None:
        """Add to a value that is kept; keep the first."""
        if number not in self._held:
            self.keep(number, array)
            return
        held = self._held[number]
        if isinstance(held, np.ndarray) and held.flags.writeable:
            np.add(held, np.asarray(array), out=held)
            touched(2 * held.nbytes)
        else:
            self._held[number] = held + array

    def get(self, number: Number, device: jax.Device) -> Any:
        """A value on the device."""
        held = self._held[number]
        if isinstance(held, np.ndarray):
            touched(held.nbytes)
            return jax.device_put(held, device)
        return held

    def take(self, number: Number) -> Any:
        """A value, which is then dropped."""
        held = self._held[number]
        self.drop(number)
        return held

    def drop(self, number: Number) -> None:
        held = self._held.pop(number, None)
        if isinstance(held, jax.Array) and not is_key(held):
            self._left += held.nbytes

    def with_those_of(self, others: "KeptValues") -> "KeptValues":
        """These and others, which are then nowhere else."""
        for number in list(others._held):
            self._held[number] = others.take(number)
        return self

    def array(self, number: Number) -> np.ndarray:
        """A value in NumPy, put aside, and dropped here; bfloat16 comes as float32."""
        held = self.take(number)
        if isinstance(held, np.ndarray) and held.dtype.name != "bfloat16":
            return held
        return self._aside.put(from_jax(held))
