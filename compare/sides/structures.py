"""Two models that return other things: what each returns, in words."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import permutations

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
            return f"the reference returns {_listed(self.reference)}, the port {_listed(self.port)}{self._turned}"
        return (
            f"the port returns {_kind(self.port)} and the reference {_kind(self.reference)}: "
            f"{_listed(self.port)} and {_listed(self.reference)}"
        )

    @property
    def _turned(self) -> str:
        """What to write where an output has the same axes in another order, and no evidence says in which."""
        for name, shape in self.reference.items():
            axes = _order(shape, self.port[name])
            if axes is not None and shape != self.port[name]:
                return (
                    ": where the port has its axes in another order, say in which: "
                    f"port_outputs=lambda output: jnp.transpose(output, {axes})"
                )
        return ""


def _order(wanted: tuple[int, ...], given: tuple[int, ...]) -> tuple[int, ...] | None:
    """The axes by which ``np.transpose`` makes ``wanted`` of ``given``, as channels come from the end to the second
    place where that does; None where no order does."""
    last = len(given) - 1
    fitting = [order for order in permutations(range(last + 1)) if tuple(given[at] for at in order) == wanted]
    moved = [order for order in fitting if order.index(last) == 1 and sorted(order[2:]) == list(order[2:])]
    return next(iter([*moved, *fitting]), None)


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
