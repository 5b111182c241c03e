"""A program of JAX as a list of steps: called programs in place, rules of derivatives as they are.

What is made of parameters and constants alone (a cast of all weights at the start, a table) is computed where it is
first used, so that nothing of it has to be carried through the whole program.
"""

from collections.abc import Collection, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jax.extend import core

from compare.frameworks.islands.replay import Operand, Program, parts

# What is only called, or called again for its derivative: the same values in place. Custom rules are left as they are.
CALLED = ("jit", "pjit", "closed_call", "core_call", "checkpoint", "remat", "remat2")

Number = int  # of a value


@dataclass(frozen=True)
class Step:
    """One equation, with the numbers of the values that it takes and makes."""

    eqn: core.JaxprEqn
    operands: tuple[Number, ...]
    results: tuple[Number, ...]


@dataclass
class Steps:
    """A program's steps in the order in which they run, every value by its number.

    Attributes:
        given: the program's arguments in order; outputs: what it returns.
        constants: what it holds, literals among them; avals: shape and dtype of every value.
    """

    given: tuple[Number, ...] = ()
    outputs: tuple[Number, ...] = ()
    steps: list[Step] = field(default_factory=list)
    constants: dict[Number, Operand] = field(default_factory=dict)
    avals: list[Any] = field(default_factory=list)

    def new(self, aval: Any) -> Number:
        self.avals.append(aval)
        return len(self.avals) - 1

    def size(self, number: Number) -> int:
        """Bytes of a value."""
        aval = self.avals[number]
        return int(np.prod(aval.shape, dtype=np.int64)) * getattr(aval.dtype, "itemsize", 8)

    def run(self, span: range, values: dict[Number, Operand]) -> None:
        """Compute the steps of ``span``; ``values`` has what they take, and gets what they make."""
        for step in (self.steps[at] for at in span):
            operands = [self.constants[one] if one in self.constants else values[one] for one in step.operands]
            with getattr(step.eqn.ctx, "manager", nullcontext()):
                made = step.eqn.primitive.bind(*operands, **step.eqn.primitive.get_bind_params(step.eqn.params))
            values.update(zip(step.results, made if step.eqn.primitive.multiple_results else [made], strict=True))


def steps_of(closed: core.ClosedJaxpr, parameters: Collection[int], by_output: bool = False) -> Steps:
    """The steps of a program.

    Args:
        parameters: which of its arguments are parameters, by place.
        by_output: all that the first output needs comes first, then what the second needs beside it, and so on: of an
            update that acts on each array by itself, one array after another.
    """
    jaxpr, _ = parts(closed)
    program = Steps()
    program.given = tuple(program.new(variable.aval) for variable in jaxpr.invars)
    program.outputs = tuple(_inside(program, closed, program.given))
    if not any(step.eqn.effects for step in program.steps):  # those that do something beside computing stay in order
        fixed = None if by_output else {program.given[at] for at in parameters} | set(program.constants)
        program.steps = _as_needed(program, fixed)
    return program


def _inside(program: Steps, inner: Program, given: Sequence[Number]) -> list[Number]:
    jaxpr, consts = parts(inner)
    known: dict[Any, Number] = dict(zip(jaxpr.invars, given, strict=True))

    def constant(value: Operand, aval: Any) -> Number:
        number = program.new(aval)
        program.constants[number] = value
        return number

    known |= {variable: constant(one, variable.aval) for variable, one in zip(jaxpr.constvars, consts, strict=True)}

    def read(atom: Any) -> Number:
        return constant(atom.val, atom.aval) if isinstance(atom, core.Literal) else known[atom]

    for eqn in jaxpr.eqns:
        operands = [read(atom) for atom in eqn.invars]
        called = called_program(eqn)
        if called is not None:
            known.update(zip(eqn.outvars, _inside(program, called, operands), strict=True))
            continue
        results = [program.new(variable.aval) for variable in eqn.outvars]
        program.steps.append(Step(eqn, tuple(operands), tuple(results)))
        known.update(zip(eqn.outvars, results, strict=True))
    return [read(atom) for atom in jaxpr.outvars]


def called_program(eqn: core.JaxprEqn) -> Program | None:
    """What an equation calls with its own arguments and does nothing else to; None of any other."""
    if eqn.primitive.name not in CALLED:
        return None
    return next((one for one in eqn.params.values() if isinstance(one, core.ClosedJaxpr | core.Jaxpr)), None)


def _as_needed(program: Steps, fixed: set[Number] | None) -> list[Step]:
    """The steps, each right before the first that uses it: those that take nothing but ``fixed`` values, and what is
    made of them; all of them where it is None. Others stay where they are."""
    waiting: dict[Number, Step] = {}
    ordered, placed = list[Step](), set[int]()

    def place(numbers: Sequence[Number]) -> None:
        stack = [(number, False) for number in reversed(numbers)]
        while stack:
            number, entered = stack.pop()
            step = waiting.get(number)
            if step is None or id(step) in placed:
                continue
            if entered:
                placed.add(id(step))
                ordered.append(step)
            else:
                stack.append((number, True))
                stack += [(operand, False) for operand in reversed(step.operands)]

    for step in program.steps:
        if fixed is None or fixed.issuperset(step.operands):
            if fixed is not None:
                fixed.update(step.results)
            waiting.update(dict.fromkeys(step.results, step))
        else:
            place(step.operands)
            ordered.append(step)
    place(program.outputs)
    return ordered
