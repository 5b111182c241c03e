"""What the doctor is shown: one segment of the reference, and the port's arrays from the same inputs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from compare.explain.calls.call import Call
from compare.explain.calls.change import Change, Place


@dataclass(frozen=True)
class Scene:
    """One segment, in float64.

    Attributes:
        reference_path: of the layer whose code the segment is ("enc.norm").
        reference_layer, port_layer: the two layers, or None. They are never modified.
        calls: the reference's calls in the segment in which the difference can arise, in order. cleared: the others,
            whose results the port makes too.
        layers: dotted paths of reference modules without a counterpart that run inside the segment.
        primitives: name and "file:line" of the port's operations in the segment, where known; written: the numbers in
            them.
        direction: "forward", "backward" (the forward pass agrees, a gradient does not) or "loss".
        plain: what the reference makes there, by name: arrays of the forward pass, or "grad/..." going out.
        port: what the port makes there from the reference's own inputs: same names, same layout.
        allowed: by name, the 2-norm up to which a gap counts as closed.
        weights: parameters and buffers of the segment's layers, by the reference's dotted names.
        run: the reference's arrays at the same places under a change; may raise.
        every: the parameters of the whole reference, for layers that may stand in one another's place.
        cuts: where all that the segment makes passes a boundary of a layer, in the forward pass (``Change.passing``).
        outputs, targets: what the loss takes, by name, where the segment is the loss.
    """

    reference_path: str
    reference_layer: Any
    port_layer: Any
    calls: tuple[Call, ...]
    layers: tuple[str, ...]
    primitives: tuple[tuple[str, str], ...]
    direction: str
    plain: Mapping[str, np.ndarray]
    port: Mapping[str, np.ndarray]
    allowed: Mapping[str, float]
    weights: Mapping[str, np.ndarray]
    run: Callable[[Change], Mapping[str, np.ndarray]]
    every: Mapping[str, np.ndarray] = field(default_factory=dict)
    cleared: tuple[Call, ...] = ()
    cuts: tuple[Place, ...] = ()
    outputs: Mapping[str, np.ndarray] = field(default_factory=dict)
    targets: Mapping[str, np.ndarray] = field(default_factory=dict)
    written: frozenset[float] = frozenset()
