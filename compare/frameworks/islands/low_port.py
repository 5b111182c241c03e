"""What a port rounds below the working precision: its forward pass traced at that precision. Nothing is computed."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial

import jax
import numpy as np
from jax.extend import core

from compare.frameworks.islands.constants import shortest
from compare.frameworks.islands.lowered import BY_ALGORITHM, BY_BITS, FORMATS, Step
from compare.frameworks.islands.places import UNKNOWN
from compare.frameworks.islands.replay import Atom, Operand, Program, inner_programs, low_format, parts, place_of_eqn
from compare.frameworks.islands.roundings import Book, Value

PRODUCTS = ("dot_general", "ragged_dot", "ragged_dot_general", "conv_general_dilated")
# The same numbers elsewhere: of the first operand, or of all.
MOVES = {
    "reshape", "transpose", "broadcast_in_dim", "squeeze", "expand_dims", "slice", "dynamic_slice", "gather",
    "concatenate", "convert_element_type", "copy", "copy_p", "rev", "pad", "stop_gradient", "optimization_barrier",
    "name", "dynamic_update_slice", "sharding_constraint", "split", "scatter",
}  # fmt: skip
SUMS = ("reduce_", "cum")
Lines = Sequence[tuple[str, str]]  # where a dtype was asked for, and which
TURNS = 3  # of a loop, until what is carried depends on all that it will depend on


def note_port(
    book: Book,
    program: Program,
    given: Sequence[Value],
    around: str = UNKNOWN,
    asked: Iterable[tuple[str, str]] = (),
) -> list[Value]:
    """Note in ``book`` every rounding of a program from what is given; what is known of its results.

    Args:
        around: the line that calls it, where JAX traces a function without its caller.
        asked: the formats that were asked for while it was traced, with their lines: a constant in a low format is made
            there, unless the model holds it.
    """
    jaxpr, consts = parts(program)
    seen = set(_low_places(book, program))
    lines = [request for request in asked if request not in seen]
    known = {
        var: _held(book, var, const, lines)
        for var, const in zip(jaxpr.constvars, consts or [None] * len(jaxpr.constvars), strict=True)
    }
    known.update(zip(jaxpr.invars, given, strict=True))
    for eqn in jaxpr.eqns:
        own = place_of_eqn(eqn)
        place = around if own == UNKNOWN else own
        values = [_read(book, atom, known) for atom in eqn.invars]
        inner = inner_programs(eqn)
        results = _inside(book, eqn, inner, values, place, lines) if inner else [_noted(book, eqn, values, place)]
        results = [replace(one, scalar=one.scalar or not _shape(eqn.outvars[0])) for one in results]
        if len(results) != len(eqn.outvars):
            results = [_like(results[0], book, var) for var in eqn.outvars]
        known.update(zip(eqn.outvars, results, strict=True))
    return [_read(book, atom, known) for atom in jaxpr.outvars]


def _low_places(book: Book, program: Program) -> Iterator[tuple[str, str]]:
    """The lines of operations whose results are in a low format, with the format."""
    for eqn in parts(program)[0].eqns:
        for var in eqn.outvars:
            if low := book.low(_dtype(var)):
                yield place_of_eqn(eqn), low
        for inner in inner_programs(eqn):
            yield from _low_places(book, inner)


def _noted(book: Book, eqn: core.JaxprEqn, values: list[Value], place: str) -> Value:
    name, out = eqn.primitive.name, eqn.outvars[0]
    low = book.low(_dtype(out))
    step = partial(Step, place, name, low)
    floats = [value for value, atom in zip(values, eqn.invars, strict=True) if _floats(atom)]
    beside = [value for value, atom in zip(values, eqn.invars, strict=True) if not _floats(atom)]
    if name == BY_BITS:
        bits = (eqn.params["exponent_bits"], eqn.params["mantissa_bits"])
        asked = next((own for own, held in FORMATS.items() if held == bits), "")
        return book.rounded(floats[0], partial(Step, place, name, asked), asked) if book.low(asked) else floats[0]
    if name in PRODUCTS:
        algorithm = book.low(low_format(eqn.params.get("precision")))
        if algorithm:
            operands = floats[:2]
            floats = [
                one if one.format else book.rounded(one, partial(Step, place, BY_ALGORITHM, algorithm), algorithm)
                for one in operands
            ]
        return book.product(floats[:2], step, low)
    if name in MOVES and floats:
        return book.moved(floats, step, low, beside)
    if low and (_loses_nothing(eqn) or (beside and all(value.exact for value in beside))):
        return Value(frozenset().union(*(value.reach for value in beside)), low, exact=True, made=step())
    return book.computed(values, step, low, name.startswith(SUMS))


def _inside(
    book: Book, eqn: core.JaxprEqn, inner: Sequence[Program], values: list[Value], place: str, lines: Lines
) -> list[Value]:
    name, params = eqn.primitive.name, eqn.params
    if name == "cond":
        branches = [note_port(book, branch, values[1:], place, lines) for branch in inner]
        return [_either(some) for some in zip(*branches, strict=True)]
    if name == "while":
        skip, consts = params["cond_nconsts"], params["body_nconsts"]
        fixed, carried = values[skip : skip + consts], values[skip + consts :]
        return _turned(book, params["body_jaxpr"], fixed, carried, [], place, lines, 1)
    if name == "scan":
        body = params["jaxpr"]
        count = _carried(eqn, body)
        first = len(values) - count - _scanned(eqn, body)
        fixed, carried, rows = values[:first], values[first : first + count], values[first + count :]
        rows = [Value(row.reach, row.format, row.origins, row.own, row.weight, row.layer, row.exact) for row in rows]
        return _turned(book, body, fixed, carried, rows, place, lines, params["length"])
    own = next((one for one in inner if len(parts(one)[0].invars) == len(values)), None)
    if own is not None:
        return note_port(book, own, values, place, lines)
    low = book.low(_dtype(eqn.outvars[0]))
    return [book.computed(values, partial(Step, place, name, low), low)]


def _turned(
    book: Book,
    body: Program,
    fixed: list[Value],
    carried: list[Value],
    rows: list[Value],
    place: str,
    lines: Lines,
    turns: int,
) -> list[Value]:
    """A loop, walked once with what is carried as it is after some turns."""
    was_dry, times = book.is_dry, book.times
    book.is_dry = True
    for _ in range(TURNS):
        results = note_port(book, body, [*fixed, *carried, *rows], place, lines)
        carried = [_either(two) for two in zip(carried, results[: len(carried)], strict=True)]
    book.is_dry, book.times = was_dry, times * turns
    try:
        return note_port(book, body, [*fixed, *carried, *rows], place, lines)
    finally:
        book.times = times


def _carried(eqn: core.JaxprEqn, body: Program) -> int:
    """How many results of a scan are carried: those that have no axis more than what a step makes of them."""
    pairs = zip(eqn.outvars, parts(body)[0].outvars, strict=True)
    return sum(_shape(out) == _shape(var) for out, var in pairs)


def _scanned(eqn: core.JaxprEqn, body: Program) -> int:
    pairs = zip(eqn.invars, parts(body)[0].invars, strict=True)
    return sum(_shape(atom) != _shape(var) for atom, var in pairs)


def _either(values: Sequence[Value]) -> Value:
    reach = frozenset().union(*(value.reach for value in values))
    origins = frozenset().union(*(value.origins for value in values))
    own = frozenset().union(*(value.own for value in values))
    held = next((value.format for value in values if value.format), "")
    return Value(reach, held, origins, own, layer=next((value.layer for value in values if value.layer), ""))


def _like(value: Value, book: Book, var: core.Var) -> Value:
    """One of several results of an operation."""
    low = book.low(_dtype(var))
    return Value(value.reach, low, value.origins if low else frozenset(), layer=value.layer)


def _read(book: Book, atom: Atom, known: dict[core.Var, Value]) -> Value:
    if not isinstance(atom, core.Literal):
        return known[atom]
    low = book.low(_dtype(atom))
    return Value(format=low, exact=_is_short(atom), scalar=not _shape(atom))


def _held(book: Book, var: core.Var, const: Operand, lines: Lines) -> Value:
    """A constant: in a low format it was made on a line that asked for that, or is held by the model."""
    low = book.low(_dtype(var))
    value = Value(format=low, scalar=not _shape(var))
    line = next((place for place, asked in lines if asked == low), "")
    if not (low and line) or const is None or isinstance(const, jax.core.Tracer) or _is_written(np.asarray(const), low):
        return value
    return book.rounded(value, partial(Step, line, "constant", low), low)


def _dtype(atom: Atom) -> str:
    """The name of an operand's dtype; empty for what has none."""
    return str(getattr(atom.aval, "dtype", ""))


def _floats(atom: Atom) -> bool:
    return _dtype(atom) in FORMATS or _dtype(atom).startswith("complex")


def _shape(atom: Atom) -> tuple[int, ...]:
    return tuple(getattr(atom.aval, "shape", ()))


def _is_short(atom: core.Literal) -> bool:
    """Whether the number that was written is the one that is held."""
    value = np.asarray(atom.val)
    if value.dtype.kind in "bi":
        return True
    name = _dtype(atom)
    return not value.ndim and name in FORMATS and _is_written(value, name) and _in_all(float(value))


def _is_written(value: np.ndarray, name: str) -> bool:
    """Whether numbers of a format are as somebody may have written them: their shortest decimals."""
    wide = value.astype(np.float64)
    return bool(np.array_equal(shortest(wide, name), wide))


def _in_all(value: float) -> bool:
    """Whether the lowest of the formats holds a number: that of eight significand bits."""
    if not np.isfinite(value) or value == 0:
        return True
    mantissa, _ = np.frexp(value)
    return float(mantissa * 2**8).is_integer()


def _loses_nothing(eqn: core.JaxprEqn) -> bool:
    name, low = eqn.primitive.name, _dtype(eqn.outvars[0])
    if name == "iota":
        return int(eqn.params["shape"][eqn.params["dimension"]]) <= 2 ** (FORMATS[low][1] + 1)
    return name == "convert_element_type" and _dtype(eqn.invars[0]) == "bool"
