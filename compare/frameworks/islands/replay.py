"""Evaluate a traced program with every float32 in it raised to float64: the rest that tracing could not prevent."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, TypeGuard

import jax
import numpy as np
from jax import lax
from jax.extend import core

from compare.frameworks.islands.constants import shortest
from compare.frameworks.islands.lowered import BY_ALGORITHM, BY_BITS, FORMATS, Kept, Step
from compare.frameworks.islands.per_shard import Operand, is_per_shard, mapped, struct_of
from compare.frameworks.islands.places import place_of
from compare.frameworks.islands.tracing import RAISED, raised

# A program outside JAX, or a reinterpretation of bits: it gets the formats it was written for.
UNPROMOTABLE = ("callback", "ffi_call", "pallas_call", "custom_call", "triton", "custom_partitioning")
BITS = ("bitcast_convert_type",)
Program = core.ClosedJaxpr | core.Jaxpr
Atom = core.Var | core.Literal
DERIVED = ("custom_jvp_call", "custom_vjp_call", "custom_vjp_call_jaxpr")


@dataclass(frozen=True)
class Swap:
    """What stands in for a program's constants: for arrays by their identity, for literals by their value.

    ``kept``: what is rounded as the program asks for it, in the formats that it names; None where that is not known.
    """

    arrays: dict[int, np.ndarray]
    literals: dict[float, np.ndarray]
    kept: Kept | None = None

    def array(self, const: Operand) -> Operand:
        return self.arrays.get(id(const), const)

    def literal(self, value: Operand) -> Operand:
        return self.literals.get(float(value), value) if np.ndim(value) == 0 and is_real(value) else value


def is_unpromotable(eqn: core.JaxprEqn) -> bool:
    return any(word in eqn.primitive.name for word in UNPROMOTABLE)


def is_low(value: object) -> bool:
    """Whether a value, or an abstract one, is of a dtype that is raised."""
    return getattr(value, "dtype", None) in RAISED


def is_real(value: object) -> bool:
    """Whether a literal or a constant is a real floating number, or an array of them."""
    return isinstance(value, float) or np.dtype(getattr(value, "dtype", bool)).kind == "f"


def inner_programs(eqn: core.JaxprEqn) -> list[Program]:
    """The programs that an operation holds (a scan's body, a cond's branches)."""
    return [leaf for leaf in jax.tree.leaves(list(eqn.params.values()), is_leaf=is_program) if is_program(leaf)]


def operations_of(program: Program) -> Iterator[core.JaxprEqn]:
    """Every operation of a program, and after it those of the programs that it holds."""
    for eqn in parts(program)[0].eqns:
        yield eqn
        for inner in inner_programs(eqn):
            yield from operations_of(inner)


def parts(program: Program) -> tuple[core.Jaxpr, Sequence[Operand]]:
    """A program and the constants it closes over; JAX 0.10 has open and closed programs, 0.11 one kind."""
    either: Any = program
    return getattr(either, "jaxpr", either), getattr(either, "consts", ())


def holds_low(program: Program) -> bool:
    """Whether anything in a program is of a raised dtype, or asks for an algorithm of one."""
    jaxpr, _ = parts(program)
    if any(is_low(v.aval) for v in (*jaxpr.invars, *jaxpr.constvars, *jaxpr.outvars)):
        return True
    return any(map(_eqn_holds_low, jaxpr.eqns))


def _eqn_holds_low(eqn: core.JaxprEqn) -> bool:
    if any(is_low(v.aval) for v in (*eqn.invars, *eqn.outvars)):
        return True
    return any(_raise_param(p) is not p for p in eqn.params.values()) or any(map(holds_low, inner_programs(eqn)))


def replay(program: Program, args: Sequence[Operand], swap: Swap | None = None) -> list[Operand]:
    """The program's outputs from ``args``, at float64. ``swap`` gives what stands in for each constant in it."""
    jaxpr, consts = parts(program)
    values: dict[core.Var, Operand] = {}

    def read(atom: Atom) -> Operand:
        return literal(atom, swap) if isinstance(atom, core.Literal) else values[atom]

    def write(variables: Sequence[core.Var], results: Sequence[Operand]) -> None:
        values.update(zip(variables, map(widened, results), strict=True))

    formats = swap.kept.formats if swap and swap.kept else frozenset()
    write(jaxpr.constvars, consts if swap is None else [swap.array(const) for const in consts])
    write(jaxpr.invars, args)
    for eqn in jaxpr.eqns:
        with getattr(eqn.ctx, "manager", nullcontext()):
            results = apply(eqn, [read(atom) for atom in eqn.invars], swap)
        write(eqn.outvars, results if eqn.primitive.multiple_results else [results])
        for variable in eqn.outvars if formats else ():
            low = getattr(getattr(variable.aval, "dtype", None), "name", "")
            if low in formats:
                values[variable] = lax.reduce_precision(values[variable], *FORMATS[low])
    return [read(atom) for atom in jaxpr.outvars]


def apply(eqn: core.JaxprEqn, operands: list[Operand], swap: Swap | None = None) -> Operand:
    """What one operation gives at float64, from operands that are at float64."""
    params = eqn.params
    if swap is not None and swap.kept is not None:
        if eqn.primitive.name == BY_BITS and not _is_kept(eqn, swap.kept):
            return operands[0]
        operands = _as_algorithm(eqn, operands, swap.kept)
    if is_unpromotable(eqn) or eqn.primitive.name in BITS:
        operands = [_as_traced(x, atom.aval) for x, atom in zip(operands, eqn.invars, strict=True)]
    elif eqn.primitive.name in DERIVED and (swap is not None or _eqn_holds_low(eqn)):
        # Its rules are for other dtypes; they have done their work where a derivative was asked for.
        return replay(params["call_jaxpr"], operands, swap)
    elif is_per_shard(eqn):
        if swap is None and not _eqn_holds_low(eqn):
            return eqn.primitive.bind(*operands, **eqn.primitive.get_bind_params(params))
        return list(mapped(eqn, operands, lambda program, shards: replay(program, shards, swap)))
    else:
        params = {name: _raise_tree(param, swap) for name, param in params.items()}
    return eqn.primitive.bind(*operands, **eqn.primitive.get_bind_params(params))


def place_of_eqn(eqn: core.JaxprEqn) -> str:
    """The line of the user's code that an operation comes from; UNKNOWN where JAX does not tell."""
    return place_of((frame.file_name, frame.line_num) for frame in frames_of(eqn))


def frames_of(eqn: core.JaxprEqn) -> list[Any]:
    """The frames that an operation was traced in, innermost first; none where JAX does not tell."""
    traceback = getattr(getattr(eqn, "source_info", None), "traceback", None)
    return list(getattr(traceback, "frames", None) or ())


def low_format(precision: object) -> str:
    """The format below float32 that a product's algorithm, where one is asked for, rounds operands to; else empty."""
    if isinstance(precision, lax.DotAlgorithmPreset):
        lowest = precision.name.split("_")[0]
        return "" if "_X" in precision.name else {"BF16": "bfloat16", "F16": "float16"}.get(lowest, "")
    if isinstance(precision, lax.DotAlgorithm):
        single = precision.lhs_component_count == precision.rhs_component_count == 1
        name = np.dtype(precision.lhs_precision_type).name
        return name if single and name in ("bfloat16", "float16") else ""
    return ""


def _as_algorithm(eqn: core.JaxprEqn, operands: list[Operand], kept: Kept) -> list[Operand]:
    """The operands of a product as an algorithm that is kept rounds them."""
    low = low_format(eqn.params.get("precision"))
    if not low or Step(place_of_eqn(eqn), BY_ALGORITHM, low) not in kept.steps:
        return operands
    return [lax.reduce_precision(operand, *FORMATS[low]) for operand in operands]


def _is_kept(eqn: core.JaxprEqn, kept: Kept) -> bool:
    """Whether a rounding that the port asks for by its bits is one that is kept, or none that was looked at."""
    bits = (eqn.params["exponent_bits"], eqn.params["mantissa_bits"])
    asked = next((name for name, own in FORMATS.items() if own == bits), "")
    return not asked or Step(place_of_eqn(eqn), BY_BITS, asked) in kept.steps


def literal(atom: core.Literal, swap: Swap | None = None) -> Operand:
    """A scalar literal in float32 is a number that the port's code wrote: the shortest decimal that it can be."""
    if not is_low(atom.aval):
        return atom.val if swap is None else swap.literal(atom.val)
    array = np.asarray(atom.val)
    return widened(array) if array.ndim else shortest(array, array.dtype.name)


def value_of(atom: core.Var | core.Literal, values: Mapping[core.Var, Any]) -> Any:
    """Of an operand: the literal's, or what is known of the variable."""
    return literal(atom) if isinstance(atom, core.Literal) else values[atom]


def widened(value: Operand) -> Operand:
    return lax.convert_element_type(value, raised(value.dtype)) if is_low(value) else value


def _as_traced(value: Operand, aval: Operand) -> Operand:
    if is_low(aval) and value.dtype != aval.dtype:
        return lax.convert_element_type(value, aval.dtype)
    return value


def is_program(value: object) -> TypeGuard[Program]:
    """Whether a value is a traced program, closed or open."""
    return isinstance(value, core.ClosedJaxpr | core.Jaxpr)


def _raise_param(param: object) -> object:
    """A parameter that names a dtype; the arithmetic of a product is float64's own, whatever was asked for."""
    if isinstance(param, lax.DotAlgorithm | lax.DotAlgorithmPreset):
        return None
    if isinstance(param, np.dtype) or (isinstance(param, type) and issubclass(param, np.generic)):
        return RAISED.get(np.dtype(param), param)
    return param


def _raise_tree(param: object, swap: Swap | None) -> object:
    if any(map(is_program, jax.tree.leaves(param, is_leaf=is_program))):
        return jax.tree.map(lambda leaf: _raise_leaf(leaf, swap), param, is_leaf=is_program)
    return _raise_param(param)


def _raise_leaf(leaf: object, swap: Swap | None) -> object:
    return _raise_program(leaf, swap) if is_program(leaf) else leaf


def _raise_program(program: Program, swap: Swap | None) -> Program:
    """The same program traced anew at float64; one that has no constants of its own keeps none."""
    if swap is None and not holds_low(program):
        return program
    inputs: list[Any] = [variable.aval for variable in parts(program)[0].invars]
    structs = [struct_of(aval, raised(aval.dtype)) for aval in inputs]
    return remade(program, structs, lambda *args: replay(program, args, swap))


def remade(program: Program, structs: Sequence[jax.ShapeDtypeStruct], function: Callable[..., Any]) -> Program:
    """What ``function`` is on arrays like these, in a program's place: open where that one is."""
    new = jax.make_jaxpr(function)(*structs)
    if hasattr(program, "consts"):
        return new
    assert not new.consts, "an open program closes over nothing"
    return new.jaxpr
