"""Four runs of every quantity, by the oracles that a quartet has."""

from dataclasses import FrozenInstanceError

import jax
import numpy as np
import pytest
import torch

from compare.api import verify
from compare.errors import UsageError
from compare.pair.prepare import prepare
from compare.sides import shelf
from compare.sides.context import Oracles
from compare.sides.quartet import Quartet, named_after
from compare.sides.side import STEPS
from compare.verdict.precision import BFLOAT16, FLOAT32, FLOAT64
from compare.weights.entry import same
from compare.weights.weights import WeightMap
from tests.compare.faults import square


@pytest.fixture(scope="module", params=[FLOAT32, BFLOAT16], ids=lambda precision: precision.name)
def quartet(request, cpu):
    """The sound pair at a working precision."""
    return Quartet(prepare(square()), request.param, cpu, cpu)


def test_each_run_has_the_precision_it_claims(quartet):
    """The working runs err by their format's rounding, the oracles agree to float64's."""
    entering = quartet.prepared.enter(0, 1).at(quartet.precision)
    t, j, t64, j64 = quartet.run(entering)
    assert list(t) == list(t64)
    assert set(t) == set(j) == set(j64)
    for name in ("output", "loss", "grad/W0", "grad/input.x"):
        size = np.linalg.norm(t64[name])
        assert t64[name].dtype == j64[name].dtype == np.float64
        assert np.linalg.norm(t64[name] - j64[name]) < 1e3 * FLOAT64.unit_roundoff * size
        for run in (t, j):
            error = np.linalg.norm(run[name].astype(np.float64) - t64[name]) / size
            assert quartet.precision.unit_roundoff / 100 < error < 1e2 * quartet.precision.unit_roundoff


def test_running_again_gives_the_same_bits(quartet):
    """No state is carried from one run to the next, not even by training steps in between."""
    entering = quartet.prepared.enter(0, 2).at(quartet.precision)
    first = quartet.run(entering)
    quartet.run(entering, STEPS)
    for before, after in zip(first, quartet.run(entering), strict=True):
        for name, array in before.items():
            np.testing.assert_array_equal(array, after[name])


def test_of_a_large_pair_the_port_s_oracle_alone_is_in_memory(quartet, monkeypatch):
    """The three runs before it lie on disk, with the same bits."""
    entering = quartet.prepared.enter(0, 1).at(quartet.precision)
    small = quartet.run(entering)
    monkeypatch.setattr(shelf, "LARGE", 1)
    large = quartet.run(entering)
    assert [isinstance(run.arrays, shelf.Shelf) for run in large] == [True, True, True, False]
    for before, after in zip(small, large, strict=True):
        assert list(before) == list(after)
        for name, array in before.items():
            np.testing.assert_array_equal(array, after[name])


def test_other_oracles_are_another_quartet(quartet):
    """What is compiled is shared; the one at hand stays as it was."""
    promoted = quartet.using(Oracles(quartet.oracle, promoted=True))
    assert (promoted.promoted, quartet.promoted) == (True, False)
    assert promoted.port is quartet.port
    assert promoted.port_64 is not quartet.port_64
    assert promoted.port_64 is quartet.using(promoted.oracles).port_64
    assert quartet.using(None) is quartet
    with pytest.raises(FrozenInstanceError):
        quartet.promoted = True


class Watched(torch.nn.Module):
    """Raises where somebody looks at its operations, or at any rate."""

    def __init__(self, always: bool) -> None:
        super().__init__()
        self.fc, self.always = torch.nn.Linear(3, 2), always

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.always or torch.utils._python_dispatch._get_current_dispatch_mode() is not None:
            raise NotImplementedError
        return self.fc(x)


@pytest.mark.parametrize(
    ("always", "said"),
    [
        (True, "the reference raised NotImplementedError"),
        (False, "the reference runs, and raises where jaxport watches its operations: NotImplementedError"),
    ],
)
def test_what_raises_only_where_it_is_watched_is_not_the_references_fault(always: bool, said: str) -> None:
    def port(p: dict[str, jax.Array], x: jax.Array) -> jax.Array:
        return x @ p["fc.weight"].T + p["fc.bias"]

    x, found = np.ones((4, 3), np.float32), WeightMap(same("fc.weight", "fc.bias"))
    with pytest.raises(UsageError, match=said):
        verify(Watched(always), port, x, weight_map=found, quick=True, progress=False)


@pytest.mark.parametrize("side", ["reference", "port"])
def test_a_side_without_room_is_no_verdict(side: str):
    """It says something of the machine: whoever keeps results runs it again."""

    def run() -> None:
        raise MemoryError("Unable to allocate 8.00 GiB")

    with pytest.raises(UsageError, match=f"the {side} ran out of memory .MemoryError: Unable to allocate 8.00 GiB"):
        named_after(side, run)
