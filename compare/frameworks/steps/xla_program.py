"""What XLA made of a function, read off the text of its optimized program: the kernels that a call runs, its costs."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from jax.stages import Compiled

# What runs nothing: names for what is there already.
FREE = {
    "parameter", "constant", "tuple", "get-tuple-element", "bitcast", "after-all", "partition-id", "replica-id",
    "opt-barrier", "async-done", "copy-done",
}  # fmt: skip
PRODUCTS = {"dot", "convolution", "ragged-dot"}
LIBRARY = re.compile(r'custom_call_target="[^"]*(?:gemm|matmul|conv|dot)[^"]*"', re.IGNORECASE)

_HEAD = re.compile(r"^(?P<entry>ENTRY )?%?(?P<name>[\w.\-]+) \(.*\{$")
_LINE = re.compile(r"^\s+(?:ROOT )?%?(?P<name>[\w.\-]+) = (?P<rest>.+)$")
_TYPE = re.compile(r"^(?:\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)|\S+) ")  # a tuple's holds brackets
_OPCODE = re.compile(r"[a-z][\w\-]*(?=\()")
_CALLED = re.compile(r"(?:calls|to_apply|body|true_computation|false_computation)=%?([\w.\-]+)")
_BRANCHES = re.compile(r"branch_computations=\{([^}]*)\}")
_TRIPS = re.compile(r'known_trip_count"?:\s*\{\s*"?n"?:\s*"?(\d+)')


@dataclass(frozen=True)
class XlaProgram:
    """One call of a compiled program.

    Attributes:
        kernels: how often each instruction that runs something is run, by its name: a fusion, a product, a copy. What
            a loop whose length the compiler does not know repeats is counted once.
        products: those of them that multiply matrices or convolve, alone or inside a fusion.
        loops: it has a loop: the compiler's own count of its operations takes its body once.
    """

    kernels: Mapping[str, int]
    products: frozenset[str]
    loops: bool

    @property
    def runs(self) -> int:
        """Kernels in one call."""
        return sum(self.kernels.values())


@dataclass(frozen=True)
class _Instruction:
    name: str
    opcode: str
    text: str

    @property
    def called(self) -> list[str]:
        """The programs that it runs, a loop's condition left out."""
        branches = [name.strip().lstrip("%") for found in _BRANCHES.findall(self.text) for name in found.split(",")]
        return [*_CALLED.findall(self.text), *branches]


def xla_program(text: str) -> XlaProgram:
    """Read ``compiled.as_text()``."""
    entry, parts = _parts(text)
    kernels: Counter[str] = Counter()
    products, loops = set[str](), [False]

    def walk(computation: str, times: int) -> None:
        for one in parts.get(computation, ()):
            if one.opcode in ("while", "call", "conditional"):
                trips = _TRIPS.search(one.text) if one.opcode == "while" else None
                loops[0] = loops[0] or one.opcode == "while"
                for inner in one.called[:1] if one.opcode == "conditional" else one.called:
                    walk(inner, times * int(trips[1]) if trips else times)
            elif one.opcode not in FREE:
                kernels[one.name] += times
                if _multiplies(one, parts):
                    products.add(one.name)

    walk(entry, 1)
    return XlaProgram(kernels, frozenset(products), loops[0])


def xla_flops(compiled: Compiled) -> float | None:
    """Operations on floats that XLA counts in one call, a loop's body once; None where it does not say."""
    costs = compiled.cost_analysis()
    flops = costs.get("flops") if isinstance(costs, dict) else None
    return float(flops) if flops is not None and flops >= 0 else None


def xla_memory(compiled: Compiled) -> int | None:
    """Bytes that a call needs at once by XLA's own plan: what it is given, what it returns where that overwrites
    nothing, and what it holds meanwhile; None where it does not say."""
    plan = compiled.memory_analysis()
    if plan is None:
        return None
    sizes = (plan.argument_size_in_bytes, plan.output_size_in_bytes, -plan.alias_size_in_bytes, plan.temp_size_in_bytes)
    return int(sum(sizes))


def _multiplies(one: _Instruction, parts: Mapping[str, list[_Instruction]]) -> bool:
    if one.opcode in PRODUCTS or (one.opcode == "custom-call" and LIBRARY.search(one.text)):
        return True
    inner = (each for name in one.called for each in parts.get(name, ())) if one.opcode == "fusion" else iter(())
    return any(_multiplies(each, parts) for each in inner)


def _parts(text: str) -> tuple[str, dict[str, list[_Instruction]]]:
    """The entry's name, and each computation's instructions by its name."""
    entry, parts = "", dict[str, list[_Instruction]]()
    here: list[_Instruction] = []
    for line in text.splitlines():
        if head := _HEAD.match(line):
            here = parts.setdefault(head["name"], [])
            entry = head["name"] if head["entry"] else entry
            continue
        found = _LINE.match(line)
        kind = found and _TYPE.match(found["rest"])
        opcode = found and kind and _OPCODE.match(found["rest"], kind.end())
        if found and opcode:
            here.append(_Instruction(found["name"], opcode[0], found["rest"]))
    return entry, parts
