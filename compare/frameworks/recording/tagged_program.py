"""A program of JAX whose equations each carry a number into what XLA makes of it: which kernel computes which."""

import re
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

import jax
from jax.extend import core

from compare.frameworks.islands.replay import Operand, Program, parts
from compare.frameworks.recording.unfolded_program import is_draw
from compare.frameworks.steps.jax_step import called_jaxpr

TAG = "equation_"
TAGGED = re.compile(rf"\b{TAG}(\d+)\b")


def tagged(closed: core.ClosedJaxpr) -> Callable[..., list[Operand]]:
    """The same program as a function of flat arguments, each equation under its number in ``unfolded(closed)``."""
    return lambda *args: _Tagging().run(closed, args)


def number_in(name: str) -> int | None:
    """The number that an instruction of the compiled program has in its name: of the innermost program's equation."""
    found = TAGGED.findall(name)
    return int(found[-1]) if found else None


class _Tagging:
    def __init__(self) -> None:
        self.count = 0

    def run(self, program: Program, args: Sequence[Operand]) -> list[Operand]:
        jaxpr, consts = parts(program)
        known: dict[Any, Operand] = dict(zip(jaxpr.invars, args, strict=True))
        known |= dict(zip(jaxpr.constvars, consts, strict=True))

        def read(atom: Any) -> Operand:
            return atom.val if isinstance(atom, core.Literal) else known[atom]

        for eqn in jaxpr.eqns:
            operands = [read(atom) for atom in eqn.invars]
            inner = None if is_draw(eqn) else called_jaxpr(eqn)
            if inner is None:
                results = self.step(eqn, operands)
            elif "prevent_cse" in eqn.params:  # a checkpoint's part is kept apart from what it repeats
                open_, _ = parts(self.anew(inner))
                results = _bound(eqn, operands, {"jaxpr": open_})
            else:
                results = self.run(inner, operands)
            known.update(zip(eqn.outvars, results, strict=True))
        return [read(atom) for atom in jaxpr.outvars]

    def step(self, eqn: core.JaxprEqn, operands: Sequence[Operand]) -> list[Operand]:
        number = self.count
        self.count += 1
        with getattr(eqn.ctx, "manager", nullcontext()), jax.named_scope(f"{TAG}{number}"):
            is_loop = eqn.primitive.name == "scan" and eqn.params["length"]
            return _bound(eqn, operands, {"jaxpr": self.anew(eqn.params["jaxpr"])} if is_loop else {})

    def anew(self, program: Program) -> core.ClosedJaxpr:
        """An inner program with its equations under their numbers."""
        avals: list[Any] = [variable.aval for variable in parts(program)[0].invars]
        shapes = [jax.ShapeDtypeStruct(aval.shape, aval.dtype, weak_type=aval.weak_type) for aval in avals]
        return jax.make_jaxpr(lambda *own: self.run(program, own))(*shapes)


def _bound(eqn: core.JaxprEqn, operands: Sequence[Operand], changed: dict[str, Any]) -> list[Operand]:
    made = eqn.primitive.bind(*operands, **eqn.primitive.get_bind_params({**eqn.params, **changed}))
    return list(made) if eqn.primitive.multiple_results else [made]
