"""The numbers in a port's program: what a setting is there, where somebody wrote it or Python computed it."""

from collections.abc import Iterator, Sequence

import numpy as np
from jax.extend import core

from compare.explain.locate.segments import leading_to
from compare.frameworks.islands.replay import Operand, Program, inner_programs, is_real, parts


def written_numbers(program: Program, results: Sequence[int]) -> frozenset[float]:
    """Every single real number that an operation between a program's inputs and some of its results takes."""
    jaxpr, constants = parts(program)
    held = dict(zip(jaxpr.constvars, constants, strict=False))
    return frozenset(number for eqn in leading_to(program, results) for number in _taken(eqn, held))


def _taken(eqn: core.JaxprEqn, held: dict[core.Var, Operand]) -> Iterator[float]:
    for atom in eqn.invars:
        value = atom.val if isinstance(atom, core.Literal) else held.get(atom)
        if value is not None and is_real(value) and np.size(value) == 1:
            yield float(np.reshape(np.asarray(value), ()))
    for program in inner_programs(eqn):
        jaxpr, constants = parts(program)
        inner = dict(zip(jaxpr.constvars, constants, strict=False))
        for one in jaxpr.eqns:
            yield from _taken(one, inner)
