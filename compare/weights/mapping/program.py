"""The reference's forward pass as a list of operations, which JSON can hold: what the weight map needs of torch.

A value is a number: of a weight, an input, a constant, or the result of an operation. Replaying the list needs no
torch, so a port can be mapped on a machine that has none.
"""

from collections.abc import Callable, Mapping
from dataclasses import astuple, dataclass, field
from typing import Any

from compare.weights.mapping.gates import Gate
from compare.weights.mapping.operation import Operation
from compare.weights.mapping.torch_ops import run
from compare.weights.mapping.units import Value
from compare.weights.mapping.walk import Trace, Walk

Event = list[Any]


@dataclass
class Program:
    """One forward pass.

    Attributes:
        weights: shapes of parameters and buffers by name; optional: the buffers, which may have no counterpart;
            complex_weights: those of complex numbers; tied: further names of parameters, and their first.
        gates: of each weight of a recurrent layer, the gates that it packs.
        events: what happened, in order: ``["weight", value, name]``, ``["input", value, shape]``, ``["constant", value,
            shape]``, ``["op", name, what its result is, arguments by name, values, shapes]`` (see ``Operation``),
            ``["write", target, written values, what the target is a view of]``, or ``["into", what a changed value is
            a view of, the changed value]``.
        inputs: the values that entered, in the order of the arguments' leaves; outputs: by name.
    """

    weights: dict[str, tuple[int, ...]] = field(default_factory=dict)
    optional: list[str] = field(default_factory=list)
    gates: dict[str, tuple[Gate, ...]] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    inputs: list[int] = field(default_factory=list)
    outputs: dict[str, int] = field(default_factory=dict)
    complex_weights: list[str] = field(default_factory=list)
    tied: dict[str, str] = field(default_factory=dict)

    def trace(self) -> Trace:
        """The forward pass in the common form."""
        walk = Walk()
        values: dict[int, Value] = {}
        for kind, *event in self.events:
            _DO[kind](self, walk, values, *event)
        inputs = tuple(values[number] for number in self.inputs)
        return Trace(walk, inputs, {name: values[number] for name, number in self.outputs.items()})

    def to_form(self) -> dict[str, Any]:
        """As JSON holds it."""
        weights = {name: list(shape) for name, shape in self.weights.items()}
        gates = {name: [list(astuple(gate)) for gate in held] for name, held in self.gates.items()}
        return {**vars(self), "weights": weights, "gates": gates}

    @classmethod
    def from_form(cls, form: Mapping[str, Any]) -> "Program":
        """Read back what ``to_form`` wrote."""
        weights = {name: tuple(shape) for name, shape in form["weights"].items()}
        gates = {name: tuple(Gate(*fields) for fields in held) for name, held in form["gates"].items()}
        return cls(**{**form, "weights": weights, "gates": gates})


def plain_argument(item: Any) -> Any:
    """An argument as an event holds it: values as ``{"value": number}``, what is no number or list by its name."""
    if isinstance(item, list | tuple):
        return [plain_argument(entry) for entry in item]
    if item is None or isinstance(item, bool | int | float | str):
        return item
    if isinstance(item, dict):
        return {"value": item["value"]}
    return str(item)


def _replayed(item: Any, values: Mapping[int, Value]) -> Any:
    """An event's argument with the values in their places."""
    if isinstance(item, list):
        return [_replayed(entry, values) for entry in item]
    return values[item["value"]] if isinstance(item, dict) else item


def _weight(program: Program, walk: Walk, values: dict[int, Value], number: int, name: str) -> None:
    values[number] = walk.weight(name, program.weights[name], name in program.complex_weights)


def _input(program: Program, walk: Walk, values: dict[int, Value], number: int, shape: list[int]) -> None:
    values[number] = walk.input(tuple(shape))


def _constant(program: Program, walk: Walk, values: dict[int, Value], number: int, shape: list[int]) -> None:
    values[number] = walk.constant(tuple(shape))


def _op(
    program: Program,
    walk: Walk,
    values: dict[int, Value],
    name: str,
    result: str,
    arguments: dict[str, Any],
    numbers: list[int],
    shapes: list[list[int]],
) -> None:
    plain_name = name if name.startswith("__") else name.removesuffix("_")
    given = {key: _replayed(argument, values) for key, argument in arguments.items()}
    operation = Operation(plain_name, result, given, [tuple(shape) for shape in shapes])
    values.update(zip(numbers, run(walk, operation), strict=False))


def _write(
    program: Program, walk: Walk, values: dict[int, Value], target: int, written: list[int], base: int | None
) -> None:
    """Something was written into ``target``, and into what it is a view of."""
    before, *sources = (values[number] for number in written)
    if before.units:
        return
    values[target] = walk.written(before, sources, along=len(sources) == 1)
    if base is not None and not values[base].units:
        values[base] = walk.written(values[base], [before, *sources], along=False)


def _into(program: Program, walk: Walk, values: dict[int, Value], base: int, changed: int) -> None:
    """A view of ``base`` was changed in place."""
    if not values[base].units:
        values[base] = walk.written(values[base], [values[changed]], along=False)


_DO: dict[str, Callable[..., None]] = {
    "weight": _weight, "input": _input, "constant": _constant, "op": _op, "write": _write, "into": _into,
}  # fmt: skip
