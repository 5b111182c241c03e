"""What the port has of a table that the reference holds rounded: what it computes from no input, or holds itself."""

from collections.abc import Iterator
from functools import partial

import jax
import numpy as np
from jax.extend import core

from compare.frameworks.islands.last_place import rounded_at_random
from compare.frameworks.islands.lookout import Lookout
from compare.frameworks.islands.port import Function, trace_promoted
from compare.frameworks.islands.replay import (
    Atom,
    Operand,
    Program,
    apply,
    inner_programs,
    is_real,
    is_unpromotable,
    parts,
    value_of,
    widened,
)
from compare.frameworks.scan_operands import constants_and_carried

# They hold another control flow than that of what is inside them.
LOOPS = ("scan", "while", "cond")


def look_out_jax(
    lookout: Lookout, function: Function, *args: Operand, rng: np.random.Generator | None = None, **kwargs: Operand
) -> None:
    """Show ``lookout`` every floating array in the promoted port that follows from its constants, these included.

    A reference that keeps a rotary table as a float32 buffer and a port that computes it in its forward pass differ
    below float32; with the port's values in the buffer, the gap closes, and the buffer is the witness. No input is
    needed but for its shape: ``args`` may be shapes. Call it inside ``jax.enable_x64(True)``. With ``rng`` every result
    is rounded at random, as ``rounding`` says.
    """
    program, _ = trace_promoted(function, *args, **kwargs)
    for value in _known(program, {}, rng):
        lookout.see(np.shape(value), partial(np.asarray, value))


def _known(program: Program, values: dict[core.Var, Operand], rng: np.random.Generator | None) -> Iterator[Operand]:
    """Every floating value in a program that follows from its constants and from the ``values`` given, which come to
    hold them."""
    jaxpr, consts = parts(program)
    for variable, const in zip(jaxpr.constvars, consts, strict=True):
        if not isinstance(const, jax.core.Tracer):
            values[variable] = widened(const)
            if _is_floating(const):
                yield values[variable]
    for eqn in jaxpr.eqns:
        results: list[Operand] | None = None
        for inner in inner_programs(eqn):
            own = _entering(eqn, inner, values)
            yield from _known(inner, own, rng)
            results = _returned(eqn, inner, own)
        if eqn.effects or is_unpromotable(eqn) or not all(_is_known(atom, values) for atom in eqn.invars):
            continue
        if results is None:
            made = apply(eqn, [value_of(atom, values) for atom in eqn.invars])
            results = made if eqn.primitive.multiple_results else [made]
            results = [_rounded(result, rng) for result in results]
        for variable, result in zip(eqn.outvars, results, strict=True):
            if jax.dtypes.issubdtype(getattr(variable.aval, "dtype", bool), jax.dtypes.extended):
                continue  # a random key: no array of numbers, and nothing that a table is made from
            values[variable] = widened(result)
            if _is_floating(result):
                yield values[variable]


def _returned(eqn: core.JaxprEqn, inner: Program, own: dict[core.Var, Operand]) -> list[Operand] | None:
    """What a call returns, from the values inside it; None where it is no call, or where they are not known."""
    outvars = parts(inner)[0].outvars
    is_call = len(inner_programs(eqn)) == 1 and eqn.primitive.name not in LOOPS and len(outvars) == len(eqn.outvars)
    if not is_call or not all(_is_known(atom, own) for atom in outvars):
        return None
    return [value_of(atom, own) for atom in outvars]


def _rounded(result: Operand, rng: np.random.Generator | None) -> Operand:
    if rng is None or not _is_floating(result):
        return result
    return jax.numpy.asarray(rounded_at_random(np.asarray(widened(result)), rng))


def _is_floating(value: Operand) -> bool:
    return is_real(value) or np.iscomplexobj(value)


def _entering(eqn: core.JaxprEqn, inner: Program, values: dict[core.Var, Operand]) -> dict[core.Var, Operand]:
    """What is known of an inner program's inputs: all of a call's, a branch's without the index, a scan's constants."""
    outer, own = list(eqn.invars), parts(inner)[0].invars
    if eqn.primitive.name == "cond":
        outer = outer[1:]
    elif eqn.primitive.name == "scan":
        outer = outer[: constants_and_carried(eqn.params)[0]]
    elif eqn.primitive.name == "while" or len(outer) != len(own):
        outer = []
    pairs = zip(own, outer, strict=False)
    return {variable: value_of(atom, values) for variable, atom in pairs if _is_known(atom, values)}


def _is_known(atom: Atom, values: dict[core.Var, Operand]) -> bool:
    return isinstance(atom, core.Literal) or atom in values
