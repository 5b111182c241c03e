"""What a network of the study is: a flat list of operations that both sides interpret, each in its own framework."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True)
class Op:
    """One operation; ``name`` is that of the layer that holds its parameters, on both sides."""

    kind: str
    name: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __getitem__(self, key: str) -> Any:
        return self.settings[key]

    def get(self, key: str, default: Any = None) -> Any:
        return self.settings.get(key, default)

    def but(self, **changes: Any) -> "Op":
        """The same with other settings."""
        return replace(self, settings={**self.settings, **changes})


@dataclass(frozen=True)
class Edit:
    """A change of one array of the layer ``layer`` before the port uses it: ``what`` is done, by ``size``."""

    layer: str
    leaf: str
    what: str
    size: float = 0.0


@dataclass(frozen=True)
class Loss:
    """``kind`` is cross_entropy, mse, huber or bce; ``setting`` its smoothing or delta; ``fault`` the port's."""

    kind: str
    reduction: str = "mean"
    setting: float = 0.0
    fault: str = ""


@dataclass(frozen=True)
class Network:
    """A random architecture, its input and its port's flavour; with a fault's ``edit`` or changed ``ops``, a faulty
    port of it.

    Attributes:
        spatial: how many axes of an input are pixels; the channels are torch's second axis then, Flax's last.
        shape: of the input, rows first, in torch's layout. vocabulary: of an integer input; 0 for a floating one.
        flavour: ``linen`` or ``nnx``. mode: ``train`` or ``eval``.
        weight_scale, input_scale, input_offset: times what is usual; seed: of the weights and the batch.
        probed: the verdict is the default run's, with probes and mutants, and not that of ``quick``.
    """

    family: str
    ops: tuple[Op, ...]
    shape: tuple[int, ...]
    spatial: int = 0
    vocabulary: int = 0
    loss: Loss | None = None
    flavour: str = "linen"
    mode: str = "eval"
    edit: Edit | None = None
    weight_scale: float = 1.0
    input_scale: float = 1.0
    input_offset: float = 0.0
    seed: int = 0
    probed: bool = False


def part(op: Op, letter: str) -> Op:
    """One of the dense layers inside an attention or a gated unit."""
    width = op["width"] // 2 if op.kind == "coupling" else op["width"]
    inner = op.get("inner", width)
    into, out = {"w1": (width, inner), "w3": (width, inner), "w2": (inner, width)}.get(letter, (width, width))
    return Op("dense", f"{op.name}_{letter}", {"into": into, "out": out, "bias": op.get("bias", False)})


PARTS = {"attention": ("q", "k", "v", "o"), "gated": ("w1", "w3", "w2"), "coupling": ("s", "t")}


def layers(ops: tuple[Op, ...]) -> list[Op]:
    """Every operation that holds parameters, the inner ones of attention included."""
    held = []
    for op in ops:
        held += [part(op, letter) for letter in PARTS[op.kind]] if op.kind in PARTS else [op] if op.name else []
    return held


CELLS = {"lstm": ("ifgo", ""), "gru": ("rzn", "rzn")}  # gates, and those whose input side has a bias in Flax


def shapes(op: Op) -> dict[str, tuple[int, ...]]:
    """The port's arrays of one layer, by name, in Flax's layout."""
    if op.kind in CELLS:
        into, hidden = op["into"], op["hidden"]
        gates, biased = CELLS[op.kind]
        made = {f"i{gate}/kernel": (into, hidden) for gate in gates}
        made |= {f"h{gate}/kernel": (hidden, hidden) for gate in gates}
        made |= {f"i{gate}/bias": (hidden,) for gate in biased}
        return made | {f"h{gate}/bias": (hidden,) for gate in (gates if op.kind == "lstm" else "n")}
    if op.kind == "dense":
        made = {"kernel": (op["into"], op["out"])}
    elif op.kind == "conv":
        made = {"kernel": (*op["kernel"], op["into"] // op["groups"], op["out"])}
    elif op.kind == "embed":
        return {"embedding": (op["vocabulary"], op["width"])}
    elif op.kind == "position":
        return {"table": (op["steps"], op["width"])}
    elif op.kind == "fourier":
        pair = () if op["complex"] else (2,)
        return {"table": (op["modes"], op["width"], op["width"], *pair)}
    else:
        bias = {} if op["style"] == "rms" else {"bias": (op["width"],)}
        return {"scale": (op["width"],), **bias}
    return made | ({"bias": (op["out"],)} if op["bias"] else {})
