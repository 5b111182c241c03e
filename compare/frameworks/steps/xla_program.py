"""What XLA made of a function, read off the text of its optimized program: the kernels that a call runs, its costs."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod

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
_NAME = re.compile(r"%([\w.\-]+)")
_ARRAY = re.compile(r"([a-z]\w*)\[([\d,]*)\]")
_WIDTHS = {"pred": 8, "bf16": 16, "c64": 64, "c128": 128} | {
    f"{kind}{bits}": bits for kind in "sfu" for bits in (4, 8, 16, 32, 64)
}  # in bits
ALIASES = {"bitcast", "get-tuple-element", "opt-barrier"}
_TRIPS = re.compile(r'known_trip_count"?:\s*\{\s*"?n"?:\s*"?(\d+)')


@dataclass(frozen=True)
class XlaProgram:
    """One call of a compiled program.

    Attributes:
        kernels: how often each instruction that runs something is run, by its name: a fusion, a product, a copy. What
            a loop whose length the compiler does not know repeats is counted once, and a condition's first branch.
        opcodes: how often instructions of each kind are run, likewise: ``fusion``, ``all-reduce``.
        products: those of them that multiply matrices or convolve, alone or inside a fusion.
        loops: how often the body of each loop that holds products is run in a call, None where the compiler does not
            know: its own count of operations takes each body once.
        counted: no loop of unknown length, and no condition, leaves open how often a kernel runs.
    """

    kernels: Mapping[str, int]
    products: frozenset[str]
    loops: tuple[int | None, ...]
    counted: bool
    opcodes: Mapping[str, int] = field(default_factory=dict)

    @property
    def runs(self) -> int | None:
        """Kernels in one call; None where it depends on the numbers."""
        return sum(self.kernels.values()) if self.counted else None

    def times_costed(self, steps: int) -> int | None:
        """How many of a call's ``steps`` the compiler's own count of operations holds: all where nothing loops, one
        where they are the rounds of the only loop; None where a step has loops of its own."""
        if not self.loops:
            return steps
        return 1 if steps > 1 and self.loops in ((steps,), (None,)) else None


@dataclass(frozen=True)
class Instruction:
    """One line of a compiled program."""

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
    entry, parts = computations(text)
    kernels: Counter[str] = Counter()
    opcodes: Counter[str] = Counter()
    products, loops, open_ends = set[str](), list[int | None](), list[str]()

    def walk(computation: str, times: int) -> bool:
        """Count what it runs; whether products are among it."""
        found = False
        for one in parts.get(computation, ()):
            if one.opcode == "while":
                trips = _TRIPS.search(one.text)
                rounds = times * int(trips[1]) if trips else None
                if True in [walk(inner, rounds or times) for inner in one.called]:
                    loops.append(rounds)
                    found = True
                open_ends.extend([] if trips else [one.name])
            elif one.opcode == "conditional":
                open_ends.append(one.name)
                found = walk(one.called[0], times) or found
            elif one.opcode == "call":
                found = True in [walk(inner, times) for inner in one.called] or found
            elif one.opcode not in FREE:
                kernels[one.name] += times
                opcodes[one.opcode] += times
                if _multiplies(one, parts):
                    products.add(one.name)
                    found = True
        return found

    walk(entry, 1)
    return XlaProgram(kernels, frozenset(products), tuple(loops), not open_ends, opcodes)


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


def xla_live_when_made(text: str, output: int = 0) -> int:
    """Bytes that the entry has made when it has made one of its outputs, and will still read, by the order in which
    ``compiled.as_text()`` has scheduled it; what it is given and what it returns left out."""
    entry, parts = computations(text)
    ran = parts.get(entry, [])
    place = {one.name: at for at, one in enumerate(ran)}
    operands = [
        [place[name] for name in _NAME.findall(one.text) if place.get(name, at) < at] for at, one in enumerate(ran)
    ]
    same = list(range(len(ran)))  # of what is another's memory, whose
    for at, one in enumerate(ran):
        if one.opcode in ALIASES and operands[at]:
            same[at] = same[operands[at][0]]
    last = dict[int, int]()
    for at, used in enumerate(operands):
        last |= {same[one]: at for one in used}
    returned = {same[one] for one in operands[-1]} if ran and ran[-1].opcode == "tuple" else {len(ran) - 1}
    made = same[operands[-1][output]] if ran and ran[-1].opcode == "tuple" else len(ran) - 1
    live = (at for at, until in last.items() if at <= made < until and at not in returned)
    return sum(bytes_made(ran[at].text) for at in live if ran[at].opcode not in FREE)


def bytes_made(text: str) -> int:
    """Of what an instruction makes, all parts of a tuple."""
    kind = _TYPE.match(text)
    arrays = _ARRAY.findall(kind[0]) if kind else []
    return sum(
        _WIDTHS.get(name, 0) * prod(int(size) for size in sizes.split(",") if size) // 8 for name, sizes in arrays
    )


def _multiplies(one: Instruction, parts: Mapping[str, list[Instruction]]) -> bool:
    if one.opcode in PRODUCTS or (one.opcode == "custom-call" and LIBRARY.search(one.text)):
        return True
    inner = (each for name in one.called for each in parts.get(name, ())) if one.opcode == "fusion" else iter(())
    return any(_multiplies(each, parts) for each in inner)


def computations(text: str) -> tuple[str, dict[str, list[Instruction]]]:
    """Of ``compiled.as_text()`` the entry's name, and each computation's instructions by its name."""
    entry, parts = "", dict[str, list[Instruction]]()
    here: list[Instruction] = []
    for line in text.splitlines():
        if head := _HEAD.match(line):
            here = parts.setdefault(head["name"], [])
            entry = head["name"] if head["entry"] else entry
            continue
        found = _LINE.match(line)
        kind = found and _TYPE.match(found["rest"])
        opcode = found and kind and _OPCODE.match(found["rest"], kind.end())
        if found and opcode:
            here.append(Instruction(found["name"], opcode[0], found["rest"]))
    return entry, parts
