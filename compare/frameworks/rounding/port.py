"""The port with each result rounded: its traced program, evaluated with a rounding after every operation."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

import jax
import numpy as np
from jax import lax
from jax.extend import core

from compare.frameworks.islands.per_shard import is_per_shard, mapped, struct_of
from compare.frameworks.islands.replay import DERIVED, Operand, Program, inner_programs, parts

Function = Callable[..., Operand]  # of arrays, in trees or not
PROGRAMS = (core.ClosedJaxpr, core.Jaxpr)
EXPONENT_BITS = 11  # of float64
# They round nothing, so that what was rounded is: a program is half as long without them.
MOVES = {
    "broadcast_in_dim", "concatenate", "copy", "dynamic_slice", "dynamic_update_slice", "gather", "max", "min", "neg",
    "pad", "reduce_max", "reduce_min", "reshape", "rev", "select_n", "slice", "squeeze", "stop_gradient", "transpose",
}  # fmt: skip


def rounded_jax(function: Function, bits: int) -> Function:
    """``function`` with what every operation of it makes in float64 (complex128) rounded to ``bits`` of the
    significand, the nearest; programs inside it (scans, branches, custom rules) too.

    Call the result inside x64, under ``jax.jit`` or not.
    """

    def rounding(*args: Operand, **kwargs: Operand) -> Operand:
        # A new function each time: JAX would otherwise give a program that it traced before, under other rules.
        closed, shape = jax.make_jaxpr(lambda *a, **k: function(*a, **k), return_shape=True)(*args, **kwargs)
        results = _evaluate(closed, jax.tree.leaves((args, kwargs)), bits)
        return jax.tree.unflatten(jax.tree.structure(shape), results)

    return rounding


def _evaluate(program: Program, args: Sequence[Operand], bits: int) -> list[Operand]:
    jaxpr, consts = parts(program)
    values: dict[core.Var, Operand] = dict(zip(jaxpr.constvars, consts, strict=True))
    values.update(zip(jaxpr.invars, args, strict=True))

    def read(atom: core.Var | core.Literal) -> Operand:
        return atom.val if isinstance(atom, core.Literal) else values[atom]

    for eqn in jaxpr.eqns:
        with getattr(eqn.ctx, "manager", nullcontext()):
            results = _apply(eqn, [read(atom) for atom in eqn.invars], bits)
        if not eqn.primitive.multiple_results:
            results = [results]
        if eqn.primitive.name not in MOVES:
            results = [_rounded(result, bits) for result in results]
        values.update(zip(eqn.outvars, results, strict=True))
    return [read(atom) for atom in jaxpr.outvars]


def _apply(eqn: core.JaxprEqn, operands: list[Operand], bits: int) -> Operand:
    params = eqn.params
    if eqn.primitive.name in DERIVED:  # its rules have done their work where a derivative was asked for
        return _evaluate(params["call_jaxpr"], operands, bits)
    if is_per_shard(eqn):
        return list(mapped(eqn, operands, lambda program, shards: _evaluate(program, shards, bits)))
    if "pallas_call" not in eqn.primitive.name and inner_programs(eqn):
        params = {name: _with_rounding(param, bits) for name, param in params.items()}
    return eqn.primitive.bind(*operands, **eqn.primitive.get_bind_params(params))


def _with_rounding(param: object, bits: int) -> object:
    def with_rounding(leaf: object) -> object:
        return _program_with_rounding(leaf, bits) if isinstance(leaf, PROGRAMS) else leaf

    return jax.tree.map(with_rounding, param, is_leaf=lambda leaf: isinstance(leaf, PROGRAMS))


def _program_with_rounding(program: Program, bits: int) -> Program:
    """The same program traced anew; one that has no constants of its own keeps none."""
    inputs: list[Any] = [variable.aval for variable in parts(program)[0].invars]
    avals = [struct_of(aval, aval.dtype) for aval in inputs]
    new = jax.make_jaxpr(lambda *args: _evaluate(program, args, bits))(*avals)
    if hasattr(program, "consts"):
        return new
    assert not new.consts, "an open program closes over nothing"
    return new.jaxpr


def _rounded(value: Operand, bits: int) -> Operand:
    dtype = getattr(value, "dtype", None)
    if dtype == np.complex128:
        return lax.complex(_rounded(lax.real(value), bits), _rounded(lax.imag(value), bits))
    return lax.reduce_precision(value, EXPONENT_BITS, bits - 1) if dtype == np.float64 else value
