"""Arrays that a compiled step holds instead of being given them: a compiler may compute with them beforehand."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import torch.fx
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal

from compare.frameworks.steps.jax_step import programs_in

SMALL = 256  # elements: a few numbers are a setting


def in_jaxpr(program: ClosedJaxpr | Jaxpr) -> list[np.ndarray]:
    """The constants of ``program`` and of all programs inside it that are larger than ``SMALL``, in order."""
    return [np.asarray(array) for array in _constants(program) if np.size(array) > SMALL]


def in_graphs(graphs: Iterable[torch.fx.GraphModule]) -> list[np.ndarray]:
    """The tensors that graphs of torch's compiler hold beside parameters, which move and are written to; an optimizer's
    state is among them, and is written to as well."""
    return [
        tensor.detach().cpu().double().numpy()
        for graph in graphs
        for tensor in _attributes(graph)
        if tensor.numel() > SMALL and not isinstance(tensor, torch.nn.Parameter)
    ]


def _constants(program: ClosedJaxpr | Jaxpr) -> Iterator[Any]:
    if isinstance(program, ClosedJaxpr):
        yield from program.consts
        program = program.jaxpr
    for equation in program.eqns:
        yield from (atom.val for atom in equation.invars if isinstance(atom, Literal))
        for inner in programs_in(equation):
            yield from _constants(inner)


def _attributes(graph: torch.fx.GraphModule) -> Iterator[torch.Tensor]:
    for node in graph.graph.nodes:
        if node.op == "get_attr":
            held: Any = graph
            for part in str(node.target).split("."):
                held = getattr(held, part, None)
            if isinstance(held, torch.Tensor):
                yield held
