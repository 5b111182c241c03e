"""ATen's normalising layers in the common form: told by their arguments, since each library adds a name of its own."""

from collections.abc import Callable

from compare.weights.mapping.operation import Operation
from compare.weights.mapping.units import Value
from compare.weights.mapping.walk import Walk


def by_arguments(operation: Operation) -> Callable[[Walk, Operation], list[Value]] | None:
    """The rule of a normalising layer; None of any other operation.

    Its scale and shift lie along the axes that are normalised together where it takes their shape, and along the
    channels, the second axis, elsewhere.
    """
    if "normalized_shape" in operation.arguments:
        return _last_axes
    names = set(operation.arguments)
    if {"weight", "bias"} <= names and names & {"eps", "running_mean"}:
        return _channels
    return None


def along(walk: Walk, name: str, value: Value, vector: Value, axis: int) -> Value:
    """``value`` with a vector along one of its axes, by the operation ``name``."""
    shape = [1] * len(value.shape)
    shape[axis] = vector.shape[0]
    return walk.elementwise(name, [value, walk.reshape(vector, shape)], value.shape)


def _last_axes(walk: Walk, operation: Operation) -> list[Value]:
    value, shape = operation.tensors[0], operation.shapes[0]
    for name, argument in (("mul", "weight"), ("add", "bias")):
        if isinstance(vector := operation.arguments.get(argument), Value):
            value = walk.elementwise(name, [value, vector], shape)
    return [value, *map(walk.constant, operation.shapes[1:])]


def _channels(walk: Walk, operation: Operation) -> list[Value]:
    value, given = operation.tensors[0], operation.arguments
    factor = given["weight"]
    if isinstance(given.get("running_mean"), Value):
        value = along(walk, "sub", value, given["running_mean"], 1)
        rate = walk.elementwise("rsqrt", [given["running_var"]], given["running_var"].shape)
        factor = rate if factor is None else walk.elementwise("mul", [rate, factor], rate.shape)
    value = value if factor is None else along(walk, "mul", value, factor, 1)
    value = value if given["bias"] is None else along(walk, "add", value, given["bias"], 1)
    return [value, *map(walk.constant, operation.shapes[1:])]
