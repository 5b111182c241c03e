"""Witnesses: what holds a run at float32 although it was promoted, and whether it is responsible for a gap."""

from collections.abc import Iterator, Sequence
from typing import TypeGuard

import jax
import numpy as np
from jax.extend import core

from compare.frameworks.islands.constants import Constant, holds_float32, is_rounded, widen
from compare.frameworks.islands.lowered import Kept
from compare.frameworks.islands.places import UNKNOWN
from compare.frameworks.islands.port import Function, place_of_eqn, promoted_jax, trace_promoted
from compare.frameworks.islands.replay import (
    Atom,
    Operand,
    Program,
    Swap,
    inner_programs,
    is_low,
    is_real,
    parts,
)


def constants_jax(function: Function, *args: Operand, **kwargs: Operand) -> list[Constant]:
    """The arrays that ``function`` closes over and that were rounded to float32 (or lower) before it saw them, and the
    scalars that it rounds itself outside JAX (``np.float32(0.1)``).

    Call it inside ``jax.enable_x64(True)`` with float64 arguments. An array counts whether it is held in float32 or in
    float64, if all its values are float32 and not all are numbers that float32 holds without rounding. Nothing is
    computed. ``Constant.values`` are what ``replay_with`` takes.
    """
    program, _ = trace_promoted(function, *args, **kwargs)
    places, found = _uses(program), []
    for index, (value, is_literal) in enumerate(_constants(program)):
        if is_literal or _is_born_float32(value):
            array, key = np.asarray(value), float(value) if is_literal else id(value)
            found.append(Constant(index, places.get(key, UNKNOWN), widen(array), str(array.dtype)))
    return found


def replay_with(
    function: Function, exact: Sequence[tuple[np.ndarray, np.ndarray]], kept: Kept | None = None
) -> Function:
    """``promoted_jax(function)`` with other constants in place of some of its own.

    Args:
        exact: pairs of a constant's values as they were rounded (``Constant.values``) and those that take its place, of
            the same shape. A constant is known by what it holds, which is the same in every program of a model: in its
            training step as in its gradients. A program without such a constant is replayed as it is.

    Whether a constant is responsible for a gap is so found: with the reference's values in its place, the gap closes.
    """

    def swap_of(program: Program) -> Swap:
        swap = Swap({}, {})
        for value, is_literal in _constants(program) if exact else ():
            for rounded, array in exact:
                if isinstance(value, jax.core.Tracer) or np.shape(value) != rounded.shape:
                    continue
                if not np.array_equal(widen(np.asarray(value)), rounded):
                    continue
                if is_literal:
                    swap.literals[float(value)] = widen(array)
                else:
                    swap.arrays[id(value)] = widen(array)
        return swap

    return promoted_jax(function, swap_of, kept)


def _constants(program: Program) -> list[tuple[Operand, bool]]:
    """Every constant of a program and of those inside it, each once, in the order in which they stand; then its rounded
    literals, each value once. With each, whether it is a literal.
    """
    arrays: dict[int, Operand] = {}
    literals: dict[float, Operand] = {}
    for inner in _programs(program):
        jaxpr, consts = parts(inner)
        arrays.update((id(const), const) for const in consts)
        atoms: list[Atom] = [atom for eqn in jaxpr.eqns for atom in eqn.invars]
        literals.update((float(atom.val), atom.val) for atom in atoms if _is_rounded(atom))
    return [(const, False) for const in arrays.values()] + [(value, True) for value in literals.values()]


def _is_rounded(atom: Atom) -> TypeGuard[core.Literal]:
    """Whether an operand is a float64 literal that was a float32 before: ``x * np.float32(0.1)``."""
    if not isinstance(atom, core.Literal) or np.ndim(atom.val) or not is_real(atom.val) or is_low(atom.aval):
        return False
    return _is_born_float32(np.asarray(atom.val))


def _programs(program: Program) -> Iterator[Program]:
    yield program
    for eqn in parts(program)[0].eqns:
        for inner in inner_programs(eqn):
            yield from _programs(inner)


def _uses(program: Program) -> dict[int | float, str]:
    """For each constant, by identity (a literal: by value), the line that uses it first."""
    uses: dict[int | float, str] = {}
    for inner in _programs(program):
        jaxpr, consts = parts(inner)
        of = {variable: id(const) for variable, const in zip(jaxpr.constvars, consts, strict=True)}
        operands: list[tuple[Atom, core.JaxprEqn]] = [(atom, eqn) for eqn in jaxpr.eqns for atom in eqn.invars]
        for atom, eqn in operands:
            if _is_rounded(atom):
                uses.setdefault(float(atom.val), place_of_eqn(eqn))
            elif not isinstance(atom, core.Literal) and atom in of:
                uses.setdefault(of[atom], place_of_eqn(eqn))
    return uses


def _is_born_float32(const: Operand) -> bool:
    if isinstance(const, jax.core.Tracer) or not hasattr(const, "dtype"):
        return False
    if not jax.numpy.issubdtype(const.dtype, jax.numpy.inexact):
        return False
    array = np.asarray(const)
    return holds_float32(array) and is_rounded(array)
