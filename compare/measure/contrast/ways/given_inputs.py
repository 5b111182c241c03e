"""What the ways on either side ask of a batch: its first floating input, one row of it, and others in its place."""

from abc import ABC, abstractmethod
from typing import Generic, Protocol, Self, TypeVar

from compare.errors import UsageError


class Rows(Protocol):
    """An array of either framework, by its rows."""

    def __len__(self) -> int: ...

    def __getitem__(self, rows: slice, /) -> Self: ...


Array = TypeVar("Array", bound=Rows)


class GivenInputs(ABC, Generic[Array]):
    """A batch's inputs, by name.

    Attributes:
        inputs: tensors of torch's, or arrays of JAX's.
    """

    inputs: dict[str, Array]

    @abstractmethod
    def is_floating(self, one: Array) -> bool:
        """Whether an input may have a gradient."""

    @property
    def floating(self) -> Array:
        """The first floating input."""
        return self.inputs[self._floating]

    @property
    def first_row(self) -> Array:
        """Its first row, still a batch."""
        return self.floating[:1]

    def with_input(self, own: Array) -> dict[str, Array]:
        """The inputs with another in the place of the first floating one, all of as many rows."""
        rows = {name: one[: len(own)] for name, one in self.inputs.items()}
        return rows | {self._floating: own}

    @property
    def _floating(self) -> str:
        found = next((name for name, one in self.inputs.items() if self.is_floating(one)), None)
        if found is None:
            raise UsageError("no input is of floats")
        return found
