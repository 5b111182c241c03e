"""How a fault is planted: each turns a sound network into a faulty one, or says that it has no place in it.

The size of a numeric fault is log-uniform between 1e-8 and 1.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks.study.network import Edit, Loss, Network, Op, layers, shapes

Rng = np.random.Generator
Fault = Callable[[Network, Rng], Network | None]
FAULTS: dict[str, Fault] = {}
GENERAL: set[str] = set()  # those that have a place in nearly every network


def size_of(rng: Rng) -> float:
    """Relative, log-uniform between 1e-8 and 1."""
    return float(10 ** rng.uniform(-8, 0))


def _pick(network: Network, rng: Rng, fits: Callable[[Op], bool]) -> int | None:
    places = [index for index, op in enumerate(network.ops) if fits(op)]
    return places[int(rng.integers(len(places)))] if places else None


def with_op(network: Network, at: int, *ops: Op) -> Network:
    """The network with ``ops`` in place of the one ``at``."""
    return replace(network, ops=(*network.ops[:at], *ops, *network.ops[at + 1 :]))


def change(
    name: str, fits: Callable[[Op], bool], how: Callable[[Op, float], dict[str, Any]], mode: str | None = None
) -> None:
    """A fault that changes an operation's settings: ``how`` makes them from the operation and a drawn size."""

    def fault(network: Network, rng: Rng) -> Network | None:
        at = _pick(network, rng, fits) if mode in (None, network.mode) else None
        return None if at is None else with_op(network, at, network.ops[at].but(**how(network.ops[at], size_of(rng))))

    FAULTS[name] = fault


def edit(name: str, what: str, fits: Callable[[Op, str, tuple[int, ...]], bool], sized: bool = False) -> None:
    """A fault that changes one array of a layer with parameters."""

    def fault(network: Network, rng: Rng) -> Network | None:
        places = [
            (op.name, leaf)
            for op in layers(network.ops)
            if _writable(op)
            for leaf, shape in shapes(op).items()
            if fits(op, leaf, shape)
        ]
        if not places:
            return None
        layer, leaf = places[int(rng.integers(len(places)))]
        return replace(network, edit=Edit(layer, leaf, what, size_of(rng) if sized else 0.0))

    FAULTS[name] = fault
    GENERAL.add(name)


def _writable(op: Op) -> bool:
    """Whether ``by_hand`` has this layer."""
    by_hand = op.get("by_hand", False) or (op.kind == "norm" and op["style"] != "batch")
    return op.kind in ("dense", "conv", "embed") or by_hand


def insert(name: str, what: str, sized: bool = True) -> None:
    """A fault that changes an activation after a random floating operation."""

    def fault(network: Network, rng: Rng) -> Network | None:
        at = int(rng.integers(len(network.ops)))
        return with_op(network, at, network.ops[at], Op("edit", "", {"edit": (what, size_of(rng) if sized else 0.0)}))

    FAULTS[name] = fault
    GENERAL.add(name)


def loss(name: str, fits: Callable[[Loss], bool], how: Callable[[Loss, float], dict[str, Any]]) -> None:
    """A fault of the port's loss."""

    def fault(network: Network, rng: Rng) -> Network | None:
        if network.loss is None or not fits(network.loss):
            return None
        return replace(network, loss=replace(network.loss, **how(network.loss, size_of(rng))))

    FAULTS[name] = fault


def kind(*kinds: str, **settings: Any) -> Callable[[Op], bool]:
    """Fits an operation of one of ``kinds`` that has these settings."""
    return lambda op: op.kind in kinds and all(op.get(key) == value for key, value in settings.items())


def act(*names: str) -> Callable[[Op], bool]:
    return lambda op: op.kind == "act" and (not names or op["fn"] in names)


def norm(*styles: str) -> Callable[[Op], bool]:
    return lambda op: op.kind == "norm" and op["style"] in styles
