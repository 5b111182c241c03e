"""What a compiled program's kernels are made of: of each the names that the instructions in it came with."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from compare.frameworks.steps.xla_program import FREE, Instruction, computations

_NAMED = re.compile(r'op_name="([^"]*)"')


@dataclass(frozen=True)
class Origin:
    """One instruction of the entry, of a loop's body or of a branch.

    Attributes:
        names: where the instructions in it came from, as JAX names them. runs: it is a kernel, and no name for what is
            there already.
    """

    names: tuple[str, ...]
    runs: bool


def xla_origins(text: str) -> list[Origin]:
    """Read ``compiled.as_text()``."""
    entry, parts = computations(text)
    found: list[Origin] = []

    def walk(computation: str) -> None:
        for one in parts.get(computation, ()):
            if one.opcode in ("while", "conditional", "call"):
                for inner in one.called:
                    walk(inner)
            else:
                found.append(Origin(tuple(_names(one, parts)), one.opcode not in FREE))

    walk(entry)
    return found


def _names(one: Instruction, parts: dict[str, list[Instruction]]) -> Iterator[str]:
    """Of an instruction, and of those inside it."""
    if one.opcode != "parameter" and (named := _NAMED.search(one.text)):
        yield named[1]
    for inner in one.called:
        for each in parts.get(inner, ()):
            yield from _names(each, parts)
