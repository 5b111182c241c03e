"""One call of a torch function in a forward pass of the reference, as it is described when it is over."""

from dataclasses import dataclass, field
from typing import Any

OUTSIDE = "(outside)"  # the module of a call that no module makes: the loss


@dataclass(frozen=True)
class Described:
    """A tensor in a ``Call``: what is said of it when it is gone.

    Attributes:
        name: that of a parameter or buffer, or "".
        tag: a number of its own in this run, by which it is known again where another call takes it; 0 where none is
            given. origin: dotted path of the layer that returned it, where it comes from one that is watched.
    """

    shape: tuple[int, ...]
    dtype: str
    requires_grad: bool
    name: str = ""
    tag: int = 0
    origin: str = ""


@dataclass(frozen=True)
class Call:
    """One call of a torch function in a forward pass.

    Attributes:
        number: its place among all calls of the pass, the loss included. It identifies the call between runs.
        name: "layer_norm", "gelu", "add", ...; in-place forms and operators have the name of the plain function.
        args, kwargs: as called, every tensor as ``Described``.
        place: "file:line" of the user's own code.
        module: dotted path of the innermost module whose forward runs; ``OUTSIDE`` where none does.
        result: what it returned, every tensor as ``Described``.
        function: what was called, which says what its arguments mean (``compare.explain.calls.signatures``).
    """

    number: int
    name: str
    args: tuple
    kwargs: dict
    place: str
    module: str
    result: Any = None
    function: Any = field(default=None, compare=False, repr=False)


def tensors_of(values: Any) -> list[Described]:
    """The tensors described in the arguments of a call, lists, tuples and dicts looked into, in order."""
    if isinstance(values, Described):
        return [values]
    if isinstance(values, dict):
        values = values.values()
    elif not isinstance(values, list | tuple):
        return []
    return [tensor for value in values for tensor in tensors_of(value)]
