"""The port's own, more exact values of a table that the reference holds rounded: what it computes from no input."""

from collections.abc import Iterator, Mapping, Sequence

import jax
import numpy as np
from jax.extend import core

from compare.frameworks.islands.constants import twin_of
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


def twins_jax(
    function: Function, sought: Sequence[np.ndarray], *args: Operand, **kwargs: Operand
) -> dict[int, np.ndarray]:
    """For each array of ``sought``, by its position, the first value in the promoted port that is it, only more exact.

    A reference that keeps a rotary table as a float32 buffer and a port that computes it in its forward pass differ
    below float32; with the port's values in the buffer, the gap closes, and the buffer is the witness. Only what the
    port computes from constants is looked at, so no input is needed but for its shape: ``args`` may be shapes. Call it
    inside ``jax.enable_x64(True)``. Arrays that have no twin are left out.
    """
    program, _ = trace_promoted(function, *args, **kwargs)
    twins: dict[int, np.ndarray] = {}
    for value in _known(program, {}):
        for place, array in enumerate(sought):
            if place not in twins and np.size(value) == array.size:
                twin = twin_of(array, np.asarray(value))
                if twin is not None:
                    twins[place] = twin
    return twins


def _known(program: Program, values: dict[core.Var, Operand]) -> Iterator[Operand]:
    """Every floating value in a program that follows from its constants and from the ``values`` given."""
    jaxpr, consts = parts(program)
    values |= {
        v: widened(c) for v, c in zip(jaxpr.constvars, consts, strict=True) if not isinstance(c, jax.core.Tracer)
    }
    for eqn in jaxpr.eqns:
        for inner in inner_programs(eqn):
            yield from _known(inner, _entering(eqn, inner, values))
        if eqn.effects or is_unpromotable(eqn) or not all(_is_known(atom, values) for atom in eqn.invars):
            continue
        results = apply(eqn, [value_of(atom, values) for atom in eqn.invars])
        for variable, result in zip(eqn.outvars, results if eqn.primitive.multiple_results else [results], strict=True):
            if jax.dtypes.issubdtype(getattr(variable.aval, "dtype", bool), jax.dtypes.extended):
                continue  # a random key: no array of numbers, and nothing that a table is made from
            values[variable] = widened(result)
            if is_real(result) or np.iscomplexobj(result):
                yield values[variable]


def _entering(eqn: core.JaxprEqn, inner: Program, values: dict[core.Var, Operand]) -> dict[core.Var, Operand]:
    """What is known of an inner program's inputs: all of a call's, a branch's without the index, a scan's constants."""
    outer, own = list(eqn.invars), parts(inner)[0].invars
    if eqn.primitive.name == "cond":
        outer = outer[1:]
    elif eqn.primitive.name == "scan":
        outer = outer[: _constants_of_scan(eqn.params)]
    elif eqn.primitive.name == "while" or len(outer) != len(own):
        outer = []
    pairs = zip(own, outer, strict=False)
    return {variable: value_of(atom, values) for variable, atom in pairs if _is_known(atom, values)}


def _constants_of_scan(params: Mapping[str, Operand]) -> int:
    """How many operands a scan hands unchanged to every step; none, where a version of JAX does not tell."""
    if "num_consts" in params:
        return params["num_consts"]
    groups = getattr(params.get("ft_in"), "elts", ())  # since 0.11: the constants, the carries, what is scanned
    return len(groups[0]) if groups else 0


def _is_known(atom: Atom, values: dict[core.Var, Operand]) -> bool:
    return isinstance(atom, core.Literal) or atom in values
