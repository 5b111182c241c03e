"""The program that a port is on one mesh, run on another: as it was traced for the one, without what spreads arrays.

So a compiler that partitions a program wrongly is told from code that is another function on that mesh by itself,
since it divides by the mesh's size, say: the one leaves nothing on a single device, the other stays.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import zip_longest
from typing import Any

import jax
from jax.extend import core
from jax.sharding import AbstractMesh, Mesh, PartitionSpec, Sharding

from compare.frameworks.islands.per_shard import Operand, struct_of
from compare.frameworks.islands.replay import (
    DERIVED,
    Program,
    inner_programs,
    is_program,
    operations_of,
    parts,
    place_of_eqn,
    remade,
)

CONSTRAINT = "sharding_constraint"
CALLS = ("jit", "pjit")  # which say where their own arrays lie
OF_A_MESH = (Mesh, AbstractMesh, PartitionSpec, Sharding)


def traced_for(mesh: AbstractMesh, function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of arrays that computes, wherever it is run, what ``function`` is where ``mesh`` is in context."""

    def elsewhere(*args: Any) -> Any:
        structs = jax.tree.map(lambda one: struct_of(jax.typeof(one), one.dtype), args)
        with _told_of(mesh):
            # A new function: JAX would otherwise give a program that it traced before, for another mesh.
            program, shape = jax.make_jaxpr(lambda *given: function(*given), return_shape=True)(*structs)
        return jax.tree.unflatten(jax.tree.structure(shape), _evaluated(program, jax.tree.leaves(args)))

    return elsewhere


def first_apart(one: Program, other: Program) -> core.JaxprEqn | None:
    """The first operation of a program that is another one in the other program, by its kind, its literals or its
    settings; None where there is none, whatever either spreads."""
    pairs = zip_longest(*(filter(_computes, operations_of(program)) for program in (one, other)))
    return next((mine or others for mine, others in pairs if _word(mine) != _word(others)), None)


def place_of_first_apart(one: Program, other: Program) -> str:
    """Its line; empty where there is none."""
    eqn = first_apart(one, other)
    return place_of_eqn(eqn) if eqn is not None else ""


@contextmanager
def _told_of(mesh: AbstractMesh) -> Iterator[None]:
    """Within it a mesh is in context for what is traced. JAX lets none follow one of another size but the empty one."""
    with jax.sharding.use_abstract_mesh(AbstractMesh((), ())), jax.sharding.use_abstract_mesh(mesh):
        yield


def _evaluated(program: Program, args: Sequence[Operand]) -> list[Operand]:
    """A program's outputs, no array of it spread in any way."""
    jaxpr, consts = parts(program)
    values: dict[core.Var, Operand] = dict(zip((*jaxpr.constvars, *jaxpr.invars), (*consts, *args), strict=True))

    def read(atom: core.Var | core.Literal) -> Operand:
        return atom.val if isinstance(atom, core.Literal) else values[atom]

    for eqn in jaxpr.eqns:
        results = _applied(eqn, [read(atom) for atom in eqn.invars])
        values.update(zip(eqn.outvars, results, strict=True))
    return [read(atom) for atom in jaxpr.outvars]


def _applied(eqn: core.JaxprEqn, operands: list[Operand]) -> Sequence[Operand]:
    if eqn.primitive.name == CONSTRAINT:
        return operands
    if eqn.primitive.name in CALLS:
        return _evaluated(eqn.params["jaxpr"], operands)
    if eqn.primitive.name in DERIVED:  # their rules have done their work where a derivative was asked for
        return _evaluated(eqn.params["call_jaxpr"], operands)
    params = {name: _unspread(param) for name, param in eqn.params.items()}
    results = eqn.primitive.bind(*operands, **eqn.primitive.get_bind_params(params))
    return results if eqn.primitive.multiple_results else [results]


def _unspread(param: Any) -> Any:
    if isinstance(param, OF_A_MESH):
        return None
    return jax.tree.map(lambda leaf: _remade(leaf) if is_program(leaf) else leaf, param, is_leaf=is_program)


def _remade(program: Program) -> Program:
    avals: list[Any] = [variable.aval for variable in parts(program)[0].invars]
    return remade(program, [struct_of(one, one.dtype) for one in avals], lambda *args: _evaluated(program, args))


def _computes(eqn: core.JaxprEqn) -> bool:
    return eqn.primitive.name not in (CONSTRAINT, *CALLS)


def _word(eqn: core.JaxprEqn | None) -> tuple[Any, ...]:
    """What one operation is, apart from where it is run and by which function it was called."""
    if eqn is None:
        return ()
    literals = [repr(atom.val) if isinstance(atom, core.Literal) else "" for atom in eqn.invars]
    inner = bool(inner_programs(eqn))
    settings = {} if inner else {name: repr(param) for name, param in eqn.params.items() if _is_plain(param)}
    return eqn.primitive.name, literals, [str(atom.aval) for atom in (*eqn.invars, *eqn.outvars)], settings


def _is_plain(param: Any) -> bool:
    return not callable(param) and not any(
        isinstance(leaf, OF_A_MESH) for leaf in jax.tree.leaves(param, is_leaf=lambda leaf: isinstance(leaf, OF_A_MESH))
    )
