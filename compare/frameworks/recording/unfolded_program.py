"""A program of JAX unfolded: its equations in one list, called programs in place, the body of a scan listed once."""

import re
import sysconfig
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax.extend import core

from compare.frameworks.islands.places import UNKNOWN
from compare.frameworks.islands.replay import Operand, Program, apply, literal, parts, place_of_eqn, widened
from compare.frameworks.recording.whose import BETWEEN, is_users, ours
from compare.frameworks.scan_operands import constants_and_carried
from compare.frameworks.steps.jax_step import called_jaxpr

DRAWS = "_bernoulli"  # what jax.random.bernoulli calls, and every library's dropout by it
_CALLERS = ours("pair/fields.py", "frameworks/models/functions.py")
_JAX = f"{Path(jax.__file__).parent}/"
_STANDARD = f"{sysconfig.get_path('stdlib')}/"
_PACKAGES = (sysconfig.get_path("purelib"), sysconfig.get_path("platlib"))
_TRANSFORM = re.compile(r"\w+\(|\)")


@dataclass(frozen=True)
class Equation:
    """One equation.

    Attributes:
        operands, results: the numbers of the values that it takes and makes.
        path: of the layer that it belongs to, where the library says it; place: "file:line" of the user's code.
        own: the model's or the loss's, or derived from theirs; not the harness's.
        times: how often it runs in one call; inside: the position of the loop's equation whose body it is of, or -1.
        at: its position in the list, of whatever trip it is.
    """

    eqn: core.JaxprEqn
    operands: tuple[int, ...]
    results: tuple[int, ...]
    path: str
    place: str
    own: bool
    times: int = 1
    inside: int = -1
    at: int = -1

    @property
    def name(self) -> str:
        """The primitive's; of a draw, what draws."""
        return "bernoulli" if is_draw(self.eqn) else self.eqn.primitive.name

    def dtype_of(self, number: int) -> np.dtype:
        """The dtype that it makes a value in."""
        aval: Any = self.eqn.outvars[self.results.index(number)].aval
        return np.dtype(aval.dtype)

    @property
    def made(self) -> str:
        """Dtypes and shapes of the results."""
        return ", ".join(variable.aval.str_short() for variable in self.eqn.outvars)


@dataclass
class Unfolded:
    """A program's equations in the order in which they run, every value by a number.

    Attributes:
        given: the values of its arguments, in order; constants: those that it holds, and its literals; dtypes: theirs,
            which are evaluated at float64.
        rows: of each value that is one row of another, which and which row: what a scan's body gets at a trip.
        equations: each once; run: those of every trip that is followed, a followed loop's own after its body's.
        ends, stacks: of a followed loop's results those that the last trip hands on, and those whose rows the trips
            make: by number of the result that value, and those rows.
    """

    given: tuple[int, ...] = ()
    outputs: tuple[int, ...] = ()
    constants: dict[int, Operand] = field(default_factory=dict)
    dtypes: dict[int, np.dtype] = field(default_factory=dict)
    rows: dict[int, tuple[int, int]] = field(default_factory=dict)
    equations: list[Equation] = field(default_factory=list)
    run: list[Equation] = field(default_factory=list)
    ends: dict[int, int] = field(default_factory=dict)
    stacks: dict[int, tuple[int, ...]] = field(default_factory=dict)
    count: int = 0

    def evaluated(
        self, args: Sequence[Operand], mask: Callable[[int, tuple[int, ...]], Operand | None]
    ) -> list[Operand]:
        """Every value by its number, at float64; to be called, or traced, inside x64. ``mask``: what a draw of this
        number and shape gives, or None where it draws for itself."""
        values: dict[int, Operand] = {number: widened(one) for number, one in self.constants.items()}
        values |= zip(self.given, map(widened, args), strict=True)
        drawn = 0
        for one in self.run:
            for number in (*one.operands, *one.results):
                if number in self.rows and number not in values:
                    whole, row = self.rows[number]
                    values[number] = self._row(values, whole, row)
            made: Any = None
            if is_draw(one.eqn):
                aval: Any = one.eqn.outvars[0].aval
                made = mask(drawn, tuple(aval.shape))
                drawn += 1
            made = applied(one, [values[number] for number in one.operands]) if made is None else [made]
            values |= zip(one.results, made, strict=True)
        for number, (whole, row) in self.rows.items():
            if number not in values:
                values[number] = self._row(values, whole, row)
        return [values[number] for number in range(self.count)]

    def _row(self, values: dict[int, Operand], whole: int, row: int) -> Operand:
        return values[self.stacks[whole][row]] if whole in self.stacks else values[whole][row]


def applied(one: Equation, operands: Sequence[Operand]) -> list[Operand]:
    """The results of one equation, at float64."""
    made = apply(one.eqn, list(operands))
    return [widened(result) for result in (made if one.eqn.primitive.multiple_results else [made])]


def unfolded(closed: core.ClosedJaxpr, trips: int = 0) -> Unfolded:
    """The equations of a program.

    Args:
        trips: loops are followed trip by trip while no more equations than so many run in them; of the others, and of
            those whose body draws, the first trip stands for all.
    """
    unfolding = _Unfolding(Unfolded(), trips)
    program = unfolding.program
    program.given = tuple(unfolding.new() for _ in parts(closed)[0].invars)
    program.outputs = tuple(unfolding.inside(closed, program.given, _Around()))
    return program


@dataclass(frozen=True)
class _Around:
    """What the equations of an inner program have of the one that calls it."""

    path: str = ""
    place: str = UNKNOWN
    own: bool | None = None
    times: int = 1
    inside: int = -1

    def at(self, eqn: core.JaxprEqn) -> "_Around":
        path, place = _path(eqn), place_of_eqn(eqn)
        return replace(
            self,
            path="/".join(filter(None, (self.path, path))),
            # A program inside may have been traced elsewhere before: what calls it says whose it is.
            place=place if place != UNKNOWN else self.place,
            own=_is_own(eqn) if self.own is None else self.own,
        )


class _Unfolding:
    def __init__(self, program: Unfolded, trips: int) -> None:
        self.program, self.left, self.at = program, trips, 0

    def new(self) -> int:
        self.program.count += 1
        return self.program.count - 1

    def constant(self, value: Operand, variable: Any) -> int:
        number = self.new()
        self.program.constants[number] = value
        if not jax.dtypes.issubdtype(variable.aval.dtype, jax.dtypes.extended):
            self.program.dtypes[number] = np.dtype(variable.aval.dtype)
        return number

    def inside(self, program: Program, given: Sequence[int], around: _Around) -> list[int]:
        jaxpr, consts = parts(program)
        known: dict[Any, int] = dict(zip(jaxpr.invars, given, strict=True))
        known |= {variable: self.constant(one, variable) for variable, one in zip(jaxpr.constvars, consts, strict=True)}

        def read(atom: Any) -> int:
            return self.constant(literal(atom), atom) if isinstance(atom, core.Literal) else known[atom]

        for eqn in jaxpr.eqns:
            operands, here = [read(atom) for atom in eqn.invars], around.at(eqn)
            inner = None if is_draw(eqn) else called_jaxpr(eqn)
            results = self.inside(inner, operands, here) if inner is not None else self.step(eqn, operands, here)
            known.update(zip(eqn.outvars, results, strict=True))
        return [read(atom) for atom in jaxpr.outvars]

    def step(self, eqn: core.JaxprEqn, operands: Sequence[int], here: _Around) -> list[int]:
        results, at, own = [self.new() for _ in eqn.outvars], self.at, bool(here.own)
        one = Equation(eqn, tuple(operands), tuple(results), here.path, here.place, own, here.times, here.inside, at)
        self.at += 1
        if at == len(self.program.equations):
            self.program.equations.append(one)
        is_loop = eqn.primitive.name == "scan" and eqn.params["length"]
        trips = self.trips(eqn) if is_loop else 0
        if trips < 2:
            self.program.run.append(one)
        if is_loop:
            length = eqn.params["length"]
            self.body(eqn, operands, results, trips, replace(here, times=here.times * length, inside=at))
        if trips > 1:
            self.program.run.append(one)
        return results

    def trips(self, eqn: core.JaxprEqn) -> int:
        """How many of a loop's are followed: all, or the first."""
        work = _work(eqn.params["jaxpr"])
        if work is None or eqn.params["length"] * work > self.left:
            return 1
        self.left -= eqn.params["length"] * work
        return int(eqn.params["length"])

    def body(
        self, eqn: core.JaxprEqn, operands: Sequence[int], results: Sequence[int], trips: int, here: _Around
    ) -> None:
        """The body as its first trips run it."""
        constants, carried = constants_and_carried(eqn.params)
        order = range(eqn.params["length"])
        begin, carry = self.at, list(operands[constants : constants + carried])
        made: dict[int, list[int]] = {}
        for row in (order[::-1] if eqn.params["reverse"] else order)[:trips]:
            given = [*operands[:constants], *carry]
            for whole in operands[constants + carried :]:
                given.append(self.new())
                self.program.rows[given[-1]] = (whole, row)
            self.at = begin
            made[row] = self.inside(eqn.params["jaxpr"], given, here)
            carry = made[row][:carried]
        if trips > 1:
            self.program.ends |= zip(results[:carried], carry, strict=True)
            for number, result in enumerate(results[carried:], carried):
                self.program.stacks[result] = tuple(made[row][number] for row in order)


def _work(program: Program) -> int | None:
    """How many equations one run of it comes to; None where it draws."""
    count = 0
    for eqn in parts(program)[0].eqns:
        inner = eqn.params["jaxpr"] if eqn.primitive.name == "scan" else called_jaxpr(eqn)
        work = 0 if inner is None else _work(inner)
        if work is None or is_draw(eqn):
            return None
        count += 1 + work * (eqn.params["length"] if eqn.primitive.name == "scan" else 1)
    return count


def is_draw(eqn: core.JaxprEqn) -> bool:
    """Whether an equation draws a mask, in whatever way JAX does it inside."""
    return eqn.params.get("name") == DRAWS


def _path(eqn: core.JaxprEqn) -> str:
    """The layer that a library says an equation is of: its name stack without the transformations."""
    stack = str(getattr(getattr(eqn, "source_info", None), "name_stack", ""))
    return "/".join(part for part in _TRANSFORM.sub("", stack).split("/") if part)


def _is_own(eqn: core.JaxprEqn) -> bool:
    """Whether the model made it: the innermost frame that is neither JAX's nor Python's own decides."""
    traceback = getattr(getattr(eqn, "source_info", None), "traceback", None)
    for frame in getattr(traceback, "frames", ()):
        if not _is_passed(frame.file_name):
            return is_users(frame.file_name, _CALLERS)
    return True


def _is_passed(file: str) -> bool:
    if file.startswith((_JAX, "<", *BETWEEN)):
        return True
    return file.startswith(_STANDARD) and not file.startswith(_PACKAGES)
