"""What ``jit`` made of each equation of the loss and its gradient: read off the compiled program, in which every
instruction still says which equation it came from."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jax

from compare.frameworks.recording.tagged_program import number_in, tagged
from compare.frameworks.recording.unfolded_program import Equation, is_draw
from compare.frameworks.steps.xla_origins import xla_origins
from compare.frameworks.steps.xla_program import xla_program
from compare.measure.contrast.facing import CONSTANT, HARNESS, LAYOUT, UNUSED
from compare.measure.contrast.fates import ALONE, DEAD, DUPLICATE, FOLDED, FUSED, IN_PLACE, REWRITTEN, Fates, gathered
from compare.measure.contrast.port_record import PortRecord

# Why an equation that no kernel holds is gone, by why it faces nothing.
GONE = {UNUSED: DEAD, CONSTANT: FOLDED, LAYOUT: IN_PLACE}


def port_fates(port: PortRecord, whys: Mapping[int, str]) -> Fates:
    """Compile the program once more, each equation under its number, and see where each has come to.

    Args:
        whys: of the equations that face nothing the reason.
    """
    shapes = [jax.ShapeDtypeStruct(aval.shape, aval.dtype) for aval in port.program.in_avals]
    text = jax.jit(tagged(port.program)).lower(*shapes).compile().as_text() or ""
    own = {at for at, one in enumerate(port.equations) if one.own and whys.get(at) != HARNESS}
    alone, together = set[int](), set[int]()
    for origin in xla_origins(text):
        numbers = {number for name in origin.names if (number := number_in(name)) is not None}
        if origin.runs:
            (together if len(numbers) > 1 else alone).update(numbers)
    twice = set(_twice(port.equations))
    kinds: dict[int, str] = {}
    for at in sorted(own):
        if at in together or at in alone:
            kinds[at] = FUSED if at in together else ALONE
        elif whys.get(at) == UNUSED:
            kinds[at] = DEAD
        else:
            kinds[at] = DUPLICATE if at in twice else GONE.get(whys.get(at, ""), REWRITTEN)
    _told_apart(port.equations, kinds, whys)
    names = [port.equations[at].name for at in kinds]
    return Fates(gathered(list(kinds.values()), names), len(names), xla_program(text).runs)


def _told_apart(equations: Sequence[Equation], kinds: dict[int, str], whys: Mapping[int, str]) -> None:
    """Where XLA makes one operation of what computes and what moves the result, a product and its transpose, it keeps
    the name of the last: the one that computes is the one that runs."""
    maker = {result: at for at, one in enumerate(equations) for result in one.results}
    for at in reversed(list(kinds)):
        if kinds[at] not in (FUSED, ALONE) or whys.get(at) != LAYOUT:
            continue
        for number in equations[at].operands:
            made = maker.get(number, -1)
            if kinds.get(made) == REWRITTEN:
                kinds[made], kinds[at] = kinds[at], IN_PLACE
                break


def _twice(equations: Sequence[Equation]) -> Iterator[int]:
    """The positions of the equations that do the same to the same as an earlier one."""
    value: dict[int, int] = {}  # by number of a result that of the first that is the same
    first: dict[Any, tuple[int, ...]] = {}
    for at, one in enumerate(equations):
        if one.eqn.primitive.name == "scan" or is_draw(one.eqn):
            continue
        key = one.name, str(one.eqn.params), one.made, one.inside, tuple(value.get(own, own) for own in one.operands)
        if key in first:
            value |= zip(one.results, first[key], strict=True)
            yield at
        else:
            first[key] = one.results
