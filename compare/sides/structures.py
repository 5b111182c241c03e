"""Two models that return other things: what each returns, in words."""

from collections.abc import Mapping
from dataclasses import dataclass

Shapes = Mapping[str, tuple[int, ...]]  # of each output, by name

NOTHING = "nothing (a call that ends without a return)"


@dataclass(frozen=True)
class Structures:
    """What the reference and the port return, by the outputs' names."""

    reference: Shapes
    port: Shapes

    @property
    def named_alike(self) -> bool:
        """Whether it is shapes alone that differ, so that some layer makes the first other shape."""
        return set(self.reference) == set(self.port)

    def __str__(self) -> str:
        if self.named_alike:
            return f"the reference returns {_listed(self.reference)}, the port {_listed(self.port)}"
        return (
            f"the port returns {_kind(self.port)} and the reference {_kind(self.reference)}: "
            f"{_listed(self.port)} and {_listed(self.reference)}"
        )


def _listed(shapes: Shapes) -> str:
    return "{" + ", ".join(f"{name}: {shape}" for name, shape in shapes.items()) + "}"


def _kind(shapes: Shapes) -> str:
    """What holds the outputs, as far as their names tell."""
    if not shapes:
        return NOTHING
    if set(shapes) == {"output"}:
        return "one array"
    first = list(dict.fromkeys(name.split("/")[1] for name in shapes))
    if all(name.isdigit() for name in first):
        return f"a tuple of {len(first)}"
    return f"outputs named {', '.join(first)}"
