"""Several weight maps, of which no evidence says which is the true one: the one under which both functions agree.

Both sides run once in float64 on what enters the comparison. A wrong map leaves the outputs apart by something like
their own size; under the true one they agree to rounding, or to float32 where something inside is held in that.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from compare.arrays.arrays import Arrays, Shapes, to_jax, to_torch, wide
from compare.arrays.batch import Batch, named_leaves
from compare.errors import swallowed
from compare.frameworks.integers import float64
from compare.pair.forward import Joined, port_outputs, reference_outputs
from compare.pair.pair import Entering, Pair
from compare.verdict.precision import FLOAT64
from compare.weights.weights import WeightMap

if TYPE_CHECKING:
    from compare.frameworks.models.references import ReferenceModel


AGREE = 1e-5  # relative: float32 inside a model leaves 1e-7 and, through a deep one, ten times more
APART = 1e3  # of two maps that both agree the one that does so much better is the true one
NOISE = 1e-13  # float64's own, of any map


class Mapped(Joined, Protocol):
    """A pair brought together by one map."""

    @property
    def weight_map(self) -> WeightMap: ...
    @property
    def leaves(self) -> Shapes: ...
    @property
    def modes(self) -> tuple[bool | None, ...]: ...
    def widened(self) -> Joined: ...


def tried(candidates: Sequence[Mapped], entering: Entering, wanted: Callable[[Entering], Arrays | None]) -> int | None:
    """The place of the first of ``candidates`` under which the port returns what the reference does; None: of none.

    Layers that start as copies of each other tell no map from another: where several agree, those that do so on
    other weights count.

    Args:
        candidates: one pair, brought together by several maps.
        wanted: the reference's outputs in float64, by name, of what enters; None where it cannot be run on that.
    """
    run, left = _port_of(candidates[0]), list(range(len(candidates)))
    for entered in (entering, _elsewhere(entering)):
        outputs = wanted(entered)
        if outputs is None:
            return None
        gaps = dict[int, float]()
        for at in left:
            gaps[at] = _gap(run, candidates[at], entered, outputs)
            if gaps[at] <= NOISE and _agrees(run, candidates[at], _elsewhere(entering), wanted):
                return at
        best = min(gaps.values())
        if not best <= AGREE:
            return None
        left = [at for at in left if gaps[at] <= max(best * APART, NOISE)]
        if len(left) == 1:
            break
    return left[0]


def _agrees(run: "Run", one: Mapped, entering: Entering, wanted: Callable[[Entering], Arrays | None]) -> bool:
    """Whether both sides agree under a map on weights of which no two are alike: then no other need be looked at."""
    outputs = wanted(entering)
    return outputs is not None and _gap(run, one, entering, outputs) <= AGREE


def _elsewhere(entering: Entering) -> Entering:
    """The same on weights of which no two are alike."""
    rng = np.random.default_rng([entering.seed, len(entering.weights)])
    weights = {
        name: array * rng.uniform(0.8, 1.2, array.shape) if array.dtype.kind in "fc" else array
        for name, array in entering.weights.items()
    }
    return replace(entering, weights=weights)


def outputs_of_reference(pair: Pair, reference: "ReferenceModel", entering: Entering, mode: bool | None) -> Arrays:
    """A copy's outputs in float64, by name.

    Raises:
        Exception: whatever the user's model raises.
    """
    import torch

    device = torch.device("cpu")
    batch = entering.batches[0]
    module = reference.copy(entering.weights | entering.buffers, FLOAT64, device).eval()
    inputs = {name: to_torch(array, FLOAT64, device) for name, array in batch.inputs.items()}
    with torch.no_grad():
        outputs = reference_outputs(pair, module, batch, inputs, mode)
    return {name: np.asarray(torch.as_tensor(one).resolve_conj()) for name, one in named_leaves(outputs, "output")}


Run = Callable[[Mapped, Entering], Arrays]


def _port_of(first: Mapped) -> Run:
    """The port's outputs by name, from what enters it through a map; compiled once for all maps."""
    import jax

    device = jax.devices("cpu")[0]
    port, form = first.widened(), list[Batch]()
    mode = None if None in first.modes else False

    def outputs(leaves: dict[str, jax.Array], inputs: dict[str, jax.Array]) -> dict[str, jax.Array]:
        got, _ = port_outputs(port, leaves, inputs, form[0], mode, output_axes={})
        return {name: jax.numpy.asarray(one) for name, one in named_leaves(got, "output")}

    compiled = jax.jit(outputs)

    def run(prepared: Mapped, entering: Entering) -> Arrays:
        form[:] = entering.batches[:1]
        arrays = {name: wide(array) for name, array in (entering.weights | entering.buffers).items()}
        moved = prepared.weight_map.to_port(arrays, prepared.leaves)
        with float64(), jax.numpy_dtype_promotion("standard"):
            leaves = {path: to_jax(array, FLOAT64, device) for path, array in moved.items()}
            inputs = {name: to_jax(array, FLOAT64, device) for name, array in form[0].inputs.items()}
            got = {name: np.asarray(one) for name, one in compiled(leaves, inputs).items()}
        axes = prepared.output_axes
        return {name: np.transpose(one, axes[name]) if name in axes else one for name, one in got.items()}

    return run


def _gap(run: Run, prepared: Mapped, entering: Entering, wanted: Mapping[str, np.ndarray]) -> float:
    """The largest relative difference of an output; infinite where the port raises or returns something else."""
    try:
        got = run(prepared, entering)
    except Exception as error:  # the port's own: under this map it is no function of these weights
        swallowed(error)
        return np.inf
    if {name: array.shape for name, array in got.items()} != {name: array.shape for name, array in wanted.items()}:
        return np.inf
    return max((_distance(got[name], array) for name, array in wanted.items()), default=np.inf)


def _distance(one: np.ndarray, other: np.ndarray) -> float:
    if one.dtype.kind not in "fc" or other.dtype.kind not in "fc":
        return 0.0 if np.array_equal(one, other) else 1.0
    both = np.isfinite(one) & np.isfinite(other)
    if not np.array_equal(np.isfinite(one), np.isfinite(other)):
        return np.inf
    apart, size = float(np.linalg.norm((one - other)[both])), float(np.linalg.norm(other[both]))
    return apart / size if size else (np.inf if apart else 0.0)
