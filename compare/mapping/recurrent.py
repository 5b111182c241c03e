"""The gates of recurrent layers: torch packs them into one matrix, Flax's cells hold a layer for each, or pack them.

Torch has two biases for each gate where Flax has one, their sum; only a GRU's candidate needs both.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from torch import nn

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


def reference_gates(module: nn.Module) -> dict[str, tuple[Gate, ...]]:
    """By name of a recurrent layer's weight, the gates it packs, in order."""
    found: dict[str, tuple[Gate, ...]] = {}
    for path, layer in module.named_modules():
        if not isinstance(layer, nn.RNNBase | nn.modules.rnn.RNNCellBase):
            continue
        mode = getattr(layer, "mode", "")
        gates: tuple[str, ...] = LSTM if mode == "LSTM" or isinstance(layer, nn.LSTMCell) else PLAIN
        gates = GRU if mode == "GRU" or isinstance(layer, nn.GRUCell) else gates
        for name, _ in layer.named_parameters(recurse=False):
            for source in (INPUT, HIDDEN):
                if f"_{source}" in name:
                    number = f"{path}{name.partition('_' + source)[2]}"
                    found[f"{path}.{name}" if path else name] = tuple(
                        Gate(source, gate, number, name.startswith("bias")) for gate in gates
                    )
    return found


def port_gates(paths: Iterable[str], modules: Mapping[str, Any]) -> dict[str, tuple[Gate, ...]]:
    """The same of the port's leaves: a cell is told by the names of its layers (``ii``, ``hf``), or by its class."""
    paths = list(paths)
    children: dict[str, set[str]] = {}
    for path in paths:
        cell, name = _cell_of(path)
        children.setdefault(cell, set()).add(name)
    found: dict[str, tuple[Gate, ...]] = {}
    for path in paths:
        cell, name = _cell_of(path)
        gates = _gates_of(children[cell], _class_of(cell, modules))
        source = {"i": INPUT, "h": HIDDEN}.get(name[:1] if not name.startswith("dense_") else name[6:7])
        bias = path.endswith("bias")
        if gates and source and len(name) == 2 and name[1] in gates:
            found[path] = (Gate(source, name[1], cell, bias),)
        elif gates and source and name in ("i", "h", "dense_i", "dense_h"):
            found[path] = tuple(Gate(source, gate, cell, bias) for gate in gates)
    return found


def _cell_of(path: str) -> tuple[str, str]:
    parts = path.split("/")
    return "/".join(parts[:-2]), parts[-2].rstrip("_") if len(parts) > 1 else ""


def _class_of(cell: str, modules: Mapping[str, Any]) -> str:
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
