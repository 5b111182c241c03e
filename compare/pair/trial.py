"""Several weight maps, of which no evidence says which is the true one: the one under which both functions agree.

Both sides run once in float64 on what enters the comparison, or in float32 where either does not run in float64. A
wrong map leaves the outputs apart by something like their own size; under the true one they agree to rounding, or to
float32 where something inside is held in that.
"""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Protocol

import numpy as np

from compare.arrays.arrays import Arrays, Shapes, to_jax, wide
from compare.arrays.batch import Batch, named_leaves
from compare.errors import UsageError, swallowed
from compare.frameworks.blame import described
from compare.frameworks.integers import float64
from compare.pair.forward import Joined, port_outputs
from compare.pair.pair import Entering
from compare.verdict.precision import FLOAT32, FLOAT64, Precision
from compare.weights.weights import WeightMap

# How near two outputs are that agree, relatively: float32 inside a model leaves 1e-7 and, through a deep one, ten times
# more; a whole run in it leaves as much again.
AGREE = {FLOAT64: 1e-5, FLOAT32: 1e-4}
APART = 1e3  # of two maps that both agree the one that does so much better is the true one
NOISE = {FLOAT64: 1e-13, FLOAT32: 1e-6}  # the format's own, of any map
OWN, ELSEWHERE = "own", "elsewhere"  # the pair's own weights, and others


class Mapped(Joined, Protocol):
    """A pair brought together by one map."""

    @property
    def weight_map(self) -> WeightMap: ...
    @property
    def leaves(self) -> Shapes: ...
    @property
    def modes(self) -> tuple[bool | None, ...]: ...
    def widened(self) -> Joined: ...


Wanted = Callable[[Entering, Precision], Arrays]


class NotRunError(Exception):
    """A side raises, whatever the map: nothing is learned of any."""


def tried(candidates: Sequence[Mapped], entering: Entering, wanted: Wanted) -> tuple[int | None, str]:
    """The place of the first of ``candidates`` under which the port returns what the reference does, None: of none; and
    why they could not be tried, or nothing.

    Layers that start as copies of each other tell no map from another: where several agree, those that do so on
    other weights count.

    Args:
        candidates: one pair, brought together by several maps.
        wanted: the reference's outputs by name, of what enters at a precision.

    Raises:
        UsageError: as ``wanted`` does.
    """
    why = ""
    for precision in (FLOAT64, FLOAT32):
        try:
            return _tried(candidates, entering, wanted, precision), ""
        except NotRunError as error:
            why = str(error)
    return None, why


def _tried(candidates: Sequence[Mapped], entering: Entering, wanted: Wanted, precision: Precision) -> int | None:
    trial, left = _Trial(candidates, entering, wanted, precision), list(range(len(candidates)))
    agree, noise = AGREE[precision], NOISE[precision]
    for place in (OWN, ELSEWHERE):
        gaps = dict[int, float]()
        for at in left:
            gaps[at] = trial.gap(at, place)
            if gaps[at] <= noise and trial.agrees_elsewhere(at):
                return at
        if raised := trial.raised_by_all(left, place):
            raise NotRunError(f"the port raised {described(raised)}") from raised
        best = min(gaps.values())
        if not best <= agree:
            return None
        left = [at for at in left if gaps[at] <= max(best * APART, noise)]
        if len(left) == 1:
            break
    return left[0]


def nearest(candidates: Sequence[Mapped], entering: Entering, wanted: Wanted) -> int | None:
    """The place of the one of ``candidates`` under which both sides are nearest to each other on what enters; None
    where they do not agree there, or a side does not run."""
    for precision in (FLOAT64, FLOAT32):
        trial, every = _Trial(candidates, entering, wanted, precision), range(len(candidates))
        try:
            gaps = [trial.gap(at, OWN) for at in every]
        except NotRunError as error:
            swallowed(error)
            continue
        if not trial.raised_by_all(every, OWN):
            best = min(every, key=gaps.__getitem__)
            return best if gaps[best] <= AGREE[precision] else None
    return None


class _Trial:
    """Both sides on the pair's own weights, and on others of which no two are alike; each is run once on each."""

    def __init__(self, candidates: Sequence[Mapped], entering: Entering, wanted: Wanted, precision: Precision) -> None:
        self._candidates, self._wanted, self._precision = candidates, wanted, precision
        self._entering = {OWN: entering, ELSEWHERE: _elsewhere(entering)}
        self._run = _port_of(candidates[0], precision)
        self._outputs: dict[str, Arrays | NotRunError] = {}
        self._gaps: dict[tuple[int, str], float] = {}
        self._raised: dict[tuple[int, str], Exception] = {}

    def gap(self, at: int, place: str) -> float:
        """The largest relative difference of an output under the map ``at``; infinite where the port raises, or returns
        something else.

        Raises:
            UsageError, NotRunError: the reference cannot be run there.
        """
        if (at, place) not in self._gaps:
            outputs = self._of_reference(place)
            try:
                got = self._run(self._candidates[at], self._entering[place])
            except Exception as error:  # the port's own: under this map it is no function of these weights
                swallowed(error)
                self._raised[at, place], got = error, {}
            self._gaps[at, place] = _gap(got, outputs)
        return self._gaps[at, place]

    def agrees_elsewhere(self, at: int) -> bool:
        """Whether both sides agree under a map on weights of which no two are alike: then no other need be looked
        at."""
        try:
            return self.gap(at, ELSEWHERE) <= AGREE[self._precision]
        except NotRunError:
            return False

    def raised_by_all(self, some: Sequence[int], place: str) -> Exception | None:
        """What the port raised under the first of some maps, where it raised under all of them."""
        return self._raised[some[0], place] if all((at, place) in self._raised for at in some) else None

    def _of_reference(self, place: str) -> Arrays:
        if place not in self._outputs:
            try:
                made = self._wanted(self._entering[place], self._precision)
                self._outputs[place] = made or NotRunError("every output of the reference is drawn at random")
            except NotRunError as error:
                self._outputs[place] = error
            except UsageError:
                raise
            except Exception as error:  # in this precision alone, or it is told of where it is compared
                swallowed(error)
                self._outputs[place] = NotRunError(f"the reference raised {described(error)}")
        outputs = self._outputs[place]
        if isinstance(outputs, NotRunError):
            raise outputs
        return outputs


def _elsewhere(entering: Entering) -> Entering:
    """The same on weights of which no two are alike."""
    rng = np.random.default_rng([entering.seed, len(entering.weights)])
    weights = {
        name: array * rng.uniform(0.8, 1.2, array.shape) if array.dtype.kind in "fc" else array
        for name, array in entering.weights.items()
    }
    return replace(entering, weights=weights)


Run = Callable[[Mapped, Entering], Arrays]


def _port_of(first: Mapped, precision: Precision) -> Run:
    """The port's outputs by name, from what enters it through a map; compiled once for all maps."""
    import jax

    from compare.frameworks.meshes.mesh_devices import everywhere

    device = everywhere(jax.devices("cpu")[0])
    is_wide = precision == FLOAT64
    port, form = first.widened() if is_wide else first, list[Batch]()
    mode = None if None in first.modes else False

    def outputs(leaves: dict[str, jax.Array], inputs: dict[str, jax.Array]) -> dict[str, jax.Array]:
        got, _ = port_outputs(port, leaves, inputs, form[0], mode, output_axes={})
        return {name: jax.numpy.asarray(one) for name, one in named_leaves(got, "output")}

    compiled = jax.jit(outputs)

    def run(prepared: Mapped, entering: Entering) -> Arrays:
        form[:] = entering.batches[:1]
        arrays = {name: wide(array) for name, array in (entering.weights | entering.buffers).items()}
        moved = prepared.weight_map.to_port(arrays, prepared.leaves)
        with float64() if is_wide else nullcontext(), jax.numpy_dtype_promotion("standard"):
            leaves = {path: to_jax(array, precision, device) for path, array in moved.items()}
            inputs = {name: to_jax(array, precision, device) for name, array in form[0].inputs.items()}
            got = {name: np.asarray(one) for name, one in compiled(leaves, inputs).items()}
        axes = prepared.output_axes
        return {name: np.transpose(one, axes[name]) if name in axes else one for name, one in got.items()}

    return run


def _gap(got: Arrays, wanted: Arrays) -> float:
    """The largest relative difference of an output that is ``wanted``; infinite where one is not there, or of another
    shape."""
    if any(name not in got or got[name].shape != array.shape for name, array in wanted.items()):
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
