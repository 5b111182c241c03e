"""torch.compile with its doings on record: which graphs a step was taken apart into, and why it broke."""

import logging
import types
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
import torch._dynamo
from torch import fx

from compare.frameworks.steps.torch_costs import kernels_generated

INDUCTOR = "inductor"


class Recording:
    """A backend that keeps each graph that it is given to compile, and hands it on.

    Attributes:
        graphs: in the order in which they came; one for a step that nothing breaks.
        breaks: why the compiler broke the step, one sentence for each time.
        kernels: that Inductor generated for all graphs, and the calls of a library beside them; None of another one.
    """

    def __init__(self, backend: str = INDUCTOR, options: Mapping[str, Any] | None = None) -> None:
        """``backend``: empty for steps that stay as they are. ``options``: of Inductor, by the names of its
        configuration."""
        self.graphs: list[fx.GraphModule] = []
        self.breaks: list[str] = []
        self.compiles = bool(backend)
        self.kernels: int | None = 0 if backend == INDUCTOR else None
        compile_graph: Callable[..., Any] = torch._dynamo.lookup_backend(backend or INDUCTOR)
        self._compile = partial(compile_graph, config_patches=dict(options)) if options else compile_graph

    def __call__(self, graph: fx.GraphModule, inputs: list[torch.Tensor]) -> Callable[..., Any]:
        self.graphs.append(graph)
        return self._compile(graph, inputs)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Steps that are compiled within it say why they break, and what is made of them."""
        before, made = Counter(torch._dynamo.utils.counters["graph_break"]), kernels_generated()
        try:
            yield
        finally:
            after = Counter(torch._dynamo.utils.counters["graph_break"])
            self.breaks += [" ".join(reason.split())[:200] for reason in (after - before).elements()]
            if self.kernels is not None:
                self.kernels += kernels_generated() - made

    def compiled(self, step: Callable[..., Any], whole: bool) -> Callable[..., Any]:
        """``step`` compiled for this row alone: ``whole`` refuses a break."""
        if not self.compiles:
            return step
        # It says in a warning that the optimizer's profiler mark has no effect inside a compiled step.
        logging.getLogger("torch._dynamo").setLevel(logging.ERROR)
        # And on a GPU that TF32 is off, which is the harness's own doing.
        warnings.filterwarnings("ignore", "TensorFloat32 tensor cores", UserWarning)
        # And of a loss that it carries over a break that it has no gradient of its own, which nobody asks it for.
        warnings.filterwarnings("ignore", "The .grad attribute of a Tensor that is not a leaf", UserWarning)
        return torch.compile(own_code(step), backend=self, dynamic=False, fullgraph=whole)


def start_compiler() -> None:
    """Import torch's compiler and have it compile something: the first row would pay for that too."""
    torch.compile(lambda x: x + 1, dynamic=False)(torch.zeros(2))


def own_code(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function with a code object of its own: the compiler keeps its programs with the code, and makes no more
    than a few for each, while several rows share a line."""
    bound = getattr(function, "__self__", None)
    plain: Any = getattr(function, "__func__", function)
    fresh = types.FunctionType(
        plain.__code__.replace(), plain.__globals__, plain.__name__, plain.__defaults__, plain.__closure__
    )
    fresh.__kwdefaults__ = plain.__kwdefaults__
    return fresh if bound is None else types.MethodType(fresh, bound)
