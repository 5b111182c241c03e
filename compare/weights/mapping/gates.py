"""The gates of recurrent layers: torch packs them into one matrix, Flax's cells hold a layer for each, or pack them.

Torch has two biases for each gate where Flax has one, their sum; only a GRU's candidate needs both.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from compare.arrays.views import AS_IS
from compare.weights.weights import Sum

INPUT, HIDDEN = "ih", "hh"
LSTM, GRU, PLAIN = ("i", "f", "g", "o"), ("r", "z", "n"), ("h",)


@dataclass(frozen=True)
class Gate:
    """``source`` says whether it is the weight of the input or of the hidden state, ``name`` the gate."""

    source: str
    name: str
    layer: str = ""
    bias: bool = False


def packed(gates: tuple[Gate, ...]) -> Gate:
    """All of them as one."""
    return replace(gates[0], name="".join(gate.name for gate in gates))


def port_gates(paths: Iterable[str], modules: Mapping[str, object]) -> dict[str, tuple[Gate, ...]]:
    """By path of a port's leaf, the gates it holds, in order.

    A cell is told by the names of its layers (``ii``, ``hf``), by its class, or by arrays of its own that are named
    like torch's (``weight_ih``); such a cell has torch's first bias, and of the second only the candidate's.
    """
    paths = list(paths)
    by_path = _like_torchs(paths, modules)
    children: dict[str, set[str]] = {}
    for path in paths:
        cell, name = _cell_of(path)
        children.setdefault(cell, set()).add(name)
    for path in paths:
        cell, name = _cell_of(path)
        gates = _gates_of(children[cell], _class_of(cell, modules))
        source = {"i": INPUT, "h": HIDDEN}.get(name[:1] if not name.startswith("dense_") else name[6:7])
        bias = path.endswith("bias")
        if gates and source and len(name) == 2 and name[1] in gates:
            by_path[path] = (Gate(source, name[1], cell, bias),)
        elif gates and source and name in ("i", "h", "dense_i", "dense_h"):
            by_path[path] = tuple(Gate(source, gate, cell, bias) for gate in gates)
    return by_path


def _like_torchs(paths: Iterable[str], modules: Mapping[str, object]) -> dict[str, tuple[Gate, ...]]:
    own: dict[str, set[str]] = {}
    for path in paths:
        cell, _, name = path.rpartition("/")
        own.setdefault(cell, set()).add(name)
    by_path: dict[str, tuple[Gate, ...]] = {}
    for cell, names in own.items():
        class_name = _class_of(cell, modules)
        gates = LSTM if "LSTM" in class_name else GRU if "GRU" in class_name else ()
        if not gates or not {"weight_ih", "weight_hh"} <= names:
            continue
        for name, source in (("weight_ih", INPUT), ("weight_hh", HIDDEN), ("bias", INPUT)):
            if name in names:
                by_path[f"{cell}/{name}"] = tuple(Gate(source, gate, cell, name == "bias") for gate in gates)
        if "bias_n" in names:
            by_path[f"{cell}/bias_n"] = (Gate(HIDDEN, "n", cell, True),)
    return by_path


def summed_biases(gates: Mapping[str, tuple[Gate, ...]], sizes: Mapping[str, int]) -> list[tuple[Sum, ...]]:
    """The ways in which a port may hold the two biases of every recurrent layer as one: either of them as the second,
    whole, or, of a GRU, without the candidate's part."""
    biases: dict[str, dict[str, str]] = {}
    for name, packed_gates in gates.items():
        if packed_gates[0].bias:
            biases.setdefault(packed_gates[0].layer, {})[packed_gates[0].source] = name
    ways: list[tuple[Sum, ...]] = []
    for second, first in ((INPUT, HIDDEN), (HIDDEN, INPUT)):
        for whole in (True, False):
            sums: list[Sum] = []
            for names in biases.values():
                count = len(gates[names[second]])
                kept = sizes[names[second]] // count * (count - 1) if count == len(GRU) and not whole else None
                view = AS_IS if kept is None else AS_IS.then("slice", (0, 0, kept))
                sums.append(Sum(names[first], view, names[second], view))
            ways.append(tuple(sums))
    return list(dict.fromkeys(way for way in ways if way))


def _cell_of(path: str) -> tuple[str, str]:
    parts = path.split("/")
    return "/".join(parts[:-2]), parts[-2].rstrip("_") if len(parts) > 1 else ""


def _class_of(cell: str, modules: Mapping[str, object]) -> str:
    owner = modules.get(cell.partition("/")[2])
    return type(owner).__name__


def _gates_of(names: set[str], kind: str) -> tuple[str, ...]:
    for gates in (LSTM, GRU):
        if {f"{source}{gate}" for source in "ih" for gate in gates} <= names:
            return gates
    if {"dense_i", "dense_h"} <= names or ({"i", "h"} <= names and kind == "SimpleCell"):
        return LSTM if "LSTM" in kind else GRU if "GRU" in kind else PLAIN
    return ()


def spare_biases(mine: Iterable[tuple[str, Gate]], theirs: Iterable[Gate]) -> dict[str, str]:
    """The reference's biases that the port holds only in a sum, each with the source of the other in it.

    A key is the layer's number and the gate. A GRU's candidate has its two biases apart, or is another function.
    """
    kept: dict[str, set[str]] = {}
    for gate in theirs:
        if gate.bias:
            kept.setdefault(gate.name, set()).add(gate.source)
    spare = {}
    for name, gate in mine:
        sources = kept.get(gate.name, set())
        if gate.bias and len(sources) == 1 and gate.source not in sources and "n" not in gate.name:
            spare[name] = next(iter(sources))
    return spare
