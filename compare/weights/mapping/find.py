"""The weight map is found: both sides are traced, and what is used alike is paired."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from compare.arrays.arrays import PARAMS
from compare.frameworks.models.ports import PortModel, complex_leaves
from compare.weights.mapping.axis_order import fitted_inputs, turned_outputs
from compare.weights.mapping.lines import lines_of
from compare.weights.mapping.program import Program
from compare.weights.weights import WeightMap


@dataclass(frozen=True)
class FoundMap:
    """What was found.

    Attributes:
        weight_map: checked: every array of both sides is in it, or is named below.
        model: the port, as the comparison runs it.
        inputs: for each leaf of ``jax.tree.leaves((port_args, port_kwargs))`` the axes by which the port wants it
            permuted, as ``np.transpose`` takes them; None: as it is.
        outputs: by output, the axes that bring the port's into the reference's layout; only where one is needed.
        constants: buffers of the reference without a counterpart.
        port_constants: leaves of the port outside ``params`` without a counterpart.
        notes: what the user should know.
    """

    weight_map: WeightMap
    model: PortModel
    inputs: tuple[tuple[int, ...] | None, ...]
    outputs: dict[str, tuple[int, ...]]
    constants: tuple[str, ...]
    port_constants: tuple[str, ...]
    notes: tuple[str, ...]


def find(
    reference: Any,
    reference_args: tuple,
    reference_kwargs: dict,
    port: object,
    port_args: tuple,
    port_kwargs: dict,
    rules: Mapping[str, str | tuple] = {},
    permute: bool = True,
) -> FoundMap:
    """Which array of ``reference`` is which of ``port``, and in which layout.

    Args:
        reference: an ``nn.Module``, run once, on a copy, in evaluation mode, or the ``Program`` of such a run;
            ``reference_args`` are NumPy arrays, nested or not.
        port: traced, never computed: whatever a pair takes as a port.
        rules: patterns of the reference's names to the port's paths, where the user knows better: a name or the name
            of a layer, ``*`` standing for the same text on both sides; the value may be (path, axes) to say the
            transpose too.
        permute: the port's inputs may be permuted, where its convolutions want their channels elsewhere.

    Raises:
        UsageError: an array has no counterpart, or several candidates; or a side raises.
    """
    program = reference if isinstance(reference, Program) else _program_of(reference, reference_args, reference_kwargs)
    traced, names = program.trace(), {name: name in program.optional for name in program.weights}
    known = {
        name: np.zeros(shape, np.complex64 if name in program.complex_weights else np.float32)
        for name, shape in program.weights.items()
        if not names[name]
    }
    model, inputs, seen = fitted_inputs(traced, known, port, port_args, port_kwargs, permute)
    leaves = {path: not path.startswith(PARAMS) for path in model.leaves}
    lines = lines_of(traced.walk, names, seen.walk, leaves, rules, program.gates, model)
    weight_map = WeightMap(lines.entries)
    shapes = {name: walked.shape for name, walked in traced.walk.units.items() if name not in lines.constants}
    others = {path: tuple(leaf.shape) for path, leaf in model.leaves.items() if path not in lines.port_constants}
    weight_map.check(shapes, others, (program.complex_weights, complex_leaves(model)))
    return FoundMap(
        weight_map,
        model,
        inputs,
        turned_outputs(traced, seen),
        tuple(lines.constants),
        tuple(lines.port_constants),
        tuple(lines.notes),
    )


def _program_of(reference: Any, args: tuple, kwargs: dict) -> Program:
    from compare.weights.mapping.torch_trace import program_of

    return program_of(reference, args, kwargs)
