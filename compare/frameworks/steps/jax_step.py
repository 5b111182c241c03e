"""A training step in JAX, read from its jaxpr: what is computed, at which dtypes, how often, and what for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn, Literal

from compare.frameworks.scan_operands import constants_and_carried
from compare.frameworks.steps.jax_products import asked_precision, multiply_adds, uncountable
from compare.frameworks.steps.step_operation import Operation

Value = object
Mask = tuple[bool, ...]


def jax_step(program: ClosedJaxpr) -> tuple[Operation, ...]:
    """The operations of one call of ``program``: calls opened, loops with their trip counts, and the branch of a
    condition that computes most. What no output depends on is left out, as XLA leaves it out."""
    walk = _Walk([], {}, {})
    given = [object() for _ in program.jaxpr.invars]
    walk.inside(program, given, (True,) * len(program.jaxpr.outvars), _Here(1, kept=False))
    return tuple(walk.operations)


@dataclass(frozen=True)
class _Here:
    """Where the walk stands.

    Attributes:
        times: how often this runs in a call.
        kept: within a ``jax.checkpoint`` that is run again: no compiler may take the first run's values.
    """

    times: int
    kept: bool


@dataclass
class _Walk:
    """What has been met; equal values are computed from equal values by equal operations."""

    operations: list[Operation]
    known: dict[tuple[object, ...], list[Value]]
    masks: dict[tuple[int, Mask], tuple[list[Mask], Mask]]

    def inside(self, program: ClosedJaxpr | Jaxpr, given: Sequence[Value], wanted: Mask, here: _Here) -> list[Value]:
        """Walk ``program`` on the values ``given``; the values of its outputs, None of those that nobody wants."""
        jaxpr = _open(program)
        constants = program.consts if isinstance(program, ClosedJaxpr) else jaxpr.constvars
        values: dict[Any, Value] = dict(zip(jaxpr.invars, given, strict=True))
        values |= {variable: id(one) for variable, one in zip(jaxpr.constvars, constants, strict=True)}

        def value(atom: Any) -> Value:
            return _literal(atom) if isinstance(atom, Literal) else values.get(atom)

        masks, _ = self._needed(jaxpr, wanted)
        for equation, mask in zip(jaxpr.eqns, masks, strict=True):
            if any(mask) or equation.effects:
                results = self._equation(equation, [value(atom) for atom in equation.invars], mask, here)
                values |= dict(zip(equation.outvars, results, strict=True))
        pairs = zip(jaxpr.outvars, wanted, strict=True)
        return [value(atom) if is_wanted else None for atom, is_wanted in pairs]

    def _equation(self, equation: JaxprEqn, given: list[Value], mask: Mask, here: _Here) -> list[Value]:
        name = equation.primitive.name
        if name == "scan":
            return self._scan(equation, mask, here)
        if name == "cond":
            return self._cond(equation, given, mask, here)
        if name == "while":
            self._note(equation, here, again=False, uncountable=_has_products(_bodies(equation)))
            return [object() for _ in equation.outvars]
        inner = called_jaxpr(equation)
        if inner is not None:
            kept = here.kept or bool(equation.params.get("differentiated"))
            return self.inside(inner, given, mask, _Here(here.times, kept))
        key = (name, str(sorted((k, str(v)) for k, v in equation.params.items())), *given)
        again = key in self.known and not equation.effects
        results = self.known.setdefault(key, [object() for _ in equation.outvars])
        self._note(equation, here, again, uncountable(equation))
        return results

    def _scan(self, equation: JaxprEqn, mask: Mask, here: _Here) -> list[Value]:
        """All trips but the last need the carry; the last one only what is needed of it afterwards."""
        body = _open(equation.params["jaxpr"])
        length = equation.params["length"]
        wanted = _fixed_point(self, body, *constants_and_carried(equation.params), mask)
        for trips, needed in ((length - 1, wanted), (1, mask)):
            if trips > 0 and (any(needed) or equation.effects):
                self.inside(
                    equation.params["jaxpr"],
                    [object() for _ in body.invars],
                    needed,
                    _Here(here.times * trips, here.kept),
                )
        return [object() for _ in equation.outvars]

    def _cond(self, equation: JaxprEqn, given: list[Value], mask: Mask, here: _Here) -> list[Value]:
        longest: list[Operation] = []
        for branch in equation.params["branches"]:
            walk = _Walk([], self.known, self.masks)
            walk.inside(branch, given[1:], mask, here)
            longest = max(longest, walk.operations, key=_total)
        self.operations += longest
        return [object() for _ in equation.outvars]

    def _note(self, equation: JaxprEqn, here: _Here, again: bool, uncountable: bool) -> None:
        arrays: list[Any] = [atom.aval for atom in (*equation.invars, *equation.outvars) if hasattr(atom.aval, "dtype")]
        floating = {str(one.dtype) for one in arrays if jnp.issubdtype(one.dtype, jnp.floating)}
        size = max((one.size for one in arrays), default=0)
        self.operations.append(
            Operation(
                equation.primitive.name,
                frozenset(floating),
                multiply_adds(equation),
                times=here.times,
                again=again,
                kept_again=again and here.kept,
                precision=asked_precision(equation),
                size=size,
                uncountable=uncountable,
            )
        )

    def _needed(self, jaxpr: Jaxpr, wanted: Mask) -> tuple[list[Mask], Mask]:
        """For each equation which of its outputs are needed, and which inputs of the whole are."""
        if (id(jaxpr), wanted) in self.masks:
            return self.masks[id(jaxpr), wanted]
        needed = {id(atom) for atom, is_wanted in zip(jaxpr.outvars, wanted, strict=True) if is_wanted}
        masks: list[Mask] = []
        for equation in reversed(jaxpr.eqns):
            mask = tuple(id(variable) in needed for variable in equation.outvars)
            masks.append(mask)
            if any(mask) or equation.effects:
                used = self._used(equation, mask)
                needed |= {id(atom) for atom, is_used in zip(equation.invars, used, strict=True) if is_used}
        found = masks[::-1], tuple(id(variable) in needed for variable in jaxpr.invars)
        self.masks[id(jaxpr), wanted] = found
        return found

    def _used(self, equation: JaxprEqn, mask: Mask) -> Mask:
        """Which inputs the needed outputs depend on."""
        if equation.effects:
            return (True,) * len(equation.invars)
        if equation.primitive.name == "scan":
            body, (constants, carried) = _open(equation.params["jaxpr"]), constants_and_carried(equation.params)
            wanted = _fixed_point(self, body, constants, carried, mask)
            used = self._needed(body, wanted)[1]
            kept = wanted[:carried]
            return tuple(one or (0 <= i - constants < carried and kept[i - constants]) for i, one in enumerate(used))
        inner = called_jaxpr(equation)
        return self._needed(_open(inner), mask)[1] if inner is not None else (True,) * len(equation.invars)


def _fixed_point(walk: _Walk, body: Jaxpr, constants: int, carried: int, mask: Mask) -> Mask:
    """Which outputs of a loop's body are needed in all trips but the last."""
    wanted = mask
    while True:
        used = walk._needed(body, wanted)[1][constants : constants + carried]
        wider = tuple(one or (i < carried and used[i]) for i, one in enumerate(wanted))
        if wider == wanted:
            return wanted
        wanted = wider


def called_jaxpr(equation: JaxprEqn) -> ClosedJaxpr | Jaxpr | None:
    """The one program that an equation calls with its own arguments: of ``jit``, a checkpoint, a custom rule."""
    inner = [value for value in equation.params.values() if isinstance(value, ClosedJaxpr | Jaxpr)]
    if len(inner) != 1 or equation.primitive.name in ("scan", "while", "pallas_call"):
        return None
    body = _open(inner[0])
    alike = len(body.invars) == len(equation.invars) and len(body.outvars) == len(equation.outvars)
    return inner[0] if alike and not equation.primitive.name.startswith(("reduce", "sort", "scatter")) else None


def programs_in(equation: JaxprEqn) -> list[ClosedJaxpr | Jaxpr]:
    """All programs among an equation's settings."""
    return [
        part
        for value in equation.params.values()
        for part in (value if isinstance(value, tuple | list) else (value,))
        if isinstance(part, ClosedJaxpr | Jaxpr)
    ]


def _bodies(equation: JaxprEqn) -> Callable[[], list[Jaxpr]]:
    return lambda: [_open(part) for part in programs_in(equation)]


def _has_products(bodies: Callable[[], list[Jaxpr]]) -> bool:
    return any(
        multiply_adds(equation) > 0 or uncountable(equation) or _has_products(_bodies(equation))
        for body in bodies()
        for equation in body.eqns
    )


def _total(operations: Sequence[Operation]) -> tuple[int, int]:
    return sum(one.multiply_adds * one.times for one in operations), len(operations)


def _open(jaxpr: ClosedJaxpr | Jaxpr) -> Jaxpr:
    return jaxpr.jaxpr if isinstance(jaxpr, ClosedJaxpr) else jaxpr


def _literal(atom: Literal) -> Value:
    return (str(atom.aval), repr(atom.val) if getattr(atom.val, "size", 1) == 1 else id(atom.val))
