"""The table of rows: every way to run one training step that the benchmark knows. A row is one entry here, or in a
pair's ``rows=``.

Rows that make one step a call and rows that make several answer different questions, and stand in no ratio with each
other.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from compare.errors import UsageError
from compare.frameworks.devices import Device
from compare.measure.bench.question import AGAIN, EAGER, JIT
from compare.measure.bench.runner import Build, Runner, Side, Unavailable
from compare.measure.bench.runners.chunks import STEPS
from compare.measure.bench.runners.jax_problem import TransposedProblem
from compare.measure.bench.runners.jax_rows import AheadOfTimeRunner, JitRunner, OpByOpRunner, ScanRunner
from compare.measure.bench.runners.nnx_rows import NNXRunner
from compare.measure.bench.runners.numpy_by_hand import NumpyRunner
from compare.measure.bench.runners.torch_by_hand import TorchByHandRunner
from compare.measure.bench.runners.torch_compiled import CompiledRunner
from compare.measure.bench.runners.torch_eager import TorchRunner
from compare.measure.bench.runners.torch_functional import FunctionalRunner
from compare.measure.bench.runners.torch_graphs import GraphRunner
from compare.pair.pair import Entering, Pair
from compare.pair.prepared import Prepared
from compare.verdict.precision import Precision

__all__ = ["AGAIN", "EAGER", "JIT", "ROWS", "Row", "Unavailable", "rows_of"]


@dataclass(frozen=True)
class Row:
    """One way to run a training step.

    Attributes:
        build: makes the runner (``runner.Build``).
        side: whose framework it is; empty for a row of a pair's own, which says so itself once it is built.
        explains: it is shown for what it explains, and stands in no ratio.
        compiles: its framework's compiler makes a program of it; torch's takes about ten seconds.
        derived: its gradients are written by hand. captured: a CUDA graph is replayed.
        swept: it is among the rows of a sweep over sizes: each side as people write it, and at its best.
        sweeps: it is left to a sweep: it takes longer than a default run may.
    """

    name: str
    build: Build
    side: Side | None = None
    explains: bool = False
    compiles: bool = False
    derived: bool = False
    captured: bool = False
    swept: bool = False
    sweeps: bool = False

    def __call__(self, *given: Any, **options: Any) -> Runner:
        """As its ``build`` does: a row stands where a function that builds one may."""
        return self.build(*given, **options)

    def built(
        self, prepared: Prepared, entering: Entering, precision: Precision, device: Device, masked: bool = False
    ) -> Runner:
        """The row's runner. ``masked``: of a pair with dropout, for the judge; a row of a pair's own may know of none.

        Raises:
            Unavailable: the row cannot be had with this pair or on this machine.
        """
        if masked:
            return self.build(prepared, entering, precision, device, masked=True)
        return self.build(prepared, entering, precision, device)


COMPILED = "torch.compile"
OP_BY_OP = "jax op by op"

_TABLE = (
    Row(EAGER, TorchRunner, "torch", swept=True),
    Row(AGAIN, TorchRunner, "torch", swept=True),  # the same row twice: what it differs by is noise
    Row("torch eager, single-tensor", partial(TorchRunner, way="single-tensor"), "torch"),
    Row("torch eager, foreach", partial(TorchRunner, way="foreach"), "torch"),
    Row("torch eager, fused", partial(TorchRunner, way="fused"), "torch", swept=True),
    # On flat buffers: no tape and no optimizer.
    Row("torch by hand", TorchByHandRunner, "torch", derived=True, swept=True),
    Row(COMPILED, CompiledRunner, "torch", compiles=True),  # the step as people write it, which breaks its graph
    Row("torch.compile, one graph", FunctionalRunner, "torch", compiles=True, swept=True),  # torch.func, a graph a step
    Row(
        "torch.compile, K steps in a graph",
        partial(FunctionalRunner, steps=STEPS),
        "torch",
        compiles=True,
        sweeps=True,
        swept=True,
    ),
    Row(
        "torch.compile, one graph, cpp_wrapper",
        partial(FunctionalRunner, options={"cpp_wrapper": True}),
        "torch",
        compiles=True,
        sweeps=True,
    ),
    Row(
        "torch.compile, one graph, max-autotune",
        partial(FunctionalRunner, options={"max_autotune": True}),
        "torch",
        compiles=True,
        sweeps=True,
    ),
    Row(
        "torch.compile, one graph, checked",
        partial(FunctionalRunner, checked=True),
        "torch",
        compiles=True,
        sweeps=True,
    ),  # with torch's look at every call whether the graph still fits
    Row("CUDA graph", GraphRunner, "torch", captured=True, swept=True),
    Row("CUDA graph, K steps", partial(GraphRunner, steps=STEPS), "torch", captured=True, swept=True),
    Row(OP_BY_OP, OpByOpRunner, "jax", explains=True),  # explains what jit removes; in no ratio
    Row(JIT, JitRunner, "jax", compiles=True, swept=True),
    Row("jax.jit, ahead of time", AheadOfTimeRunner, "jax", compiles=True),
    Row(
        "jax.jit, (out, in)",
        partial(JitRunner, kind=TransposedProblem),
        "jax",
        compiles=True,
        swept=True,
    ),  # matrices as PyTorch keeps them
    Row("jax.jit, lax.scan", ScanRunner, "jax", compiles=True),
    Row("jax.jit, lax.scan, (out, in)", partial(ScanRunner, kind=TransposedProblem), "jax", compiles=True, swept=True),
    Row("nnx.jit", NNXRunner, "jax", compiles=True),  # Flax NNX as its guide writes a step
    Row(
        "nnx.cached_partial",
        partial(NNXRunner, cached=True),
        "jax",
        compiles=True,
    ),  # the same with its objects taken apart once
    Row("numpy by hand", NumpyRunner, "numpy", derived=True, swept=True),  # on flat buffers
)
ROWS: Mapping[str, Row] = {row.name: row for row in _TABLE}


def rows_of(pair: Pair) -> dict[str, Row]:
    """All rows by name: the table's, and the pair's own after them, each a ``Row`` or the function that builds it.

    Raises:
        UsageError: one of its own has a name of the table's.
    """
    if taken := [name for name in pair.rows if name in ROWS]:
        raise UsageError(f"pair {pair.name}: rows= {taken[0]!r} is a row of the benchmark: expected another name")
    return {**ROWS, **{name: _own(name, given) for name, given in pair.rows.items()}}


def _own(name: str, given: Build | Row) -> Row:
    return replace(given, name=name) if isinstance(given, Row) else Row(name, given)
