"""Where a step's time goes: by shares of planted figures, and of rows of both frameworks."""

import pytest

from compare.frameworks.steps.step_event import Covered
from compare.measure.bench import profiling
from compare.measure.bench.profiling import least, shares, time_spent
from compare.measure.bench.row_insides import TimeSpent
from compare.measure.bench.runners.jax_rows import JitRunner
from compare.measure.bench.runners.numpy_by_hand import NumpyRunner
from compare.measure.bench.runners.torch_eager import TorchRunner
from compare.verdict.precision import FLOAT32
from tests.compare.measure.bench.small import ready


def test_what_watching_takes_is_no_part_of_the_step():
    """A step of 10 took 16 while watched, its kernels 6, of which products 4; the host and gaps share the rest."""
    found = shares(10.0, Covered(kernels=6.0, products=4.0, dispatch=7.5, gaps=2.5))
    assert vars(found) == pytest.approx(vars(TimeSpent(0.4, 0.2, 0.3, 0.1, 1.6)))


def test_kernels_are_no_more_than_the_step():
    """Where a profile slows them down too; and where nothing ran, nothing is divided by nothing."""
    assert shares(5.0, Covered(6.0, 3.0, 0.0, 0.0)) == TimeSpent(0.5, 0.5, 0.0, 0.0, 1.2)
    nothing = shares(5.0, Covered(0.0, 0.0, 4.0, 1.0))
    assert vars(nothing) == pytest.approx(vars(TimeSpent(0.0, 0.0, 0.8, 0.2, 1.0)))


def test_what_was_disturbed_counts_for_nothing():
    """The shortest of each part, and no more products than kernels."""
    watched = [Covered(6.0, 5.0, 9.0, 1.0), Covered(4.0, 4.0, 2.0, 3.0)]
    assert least(watched) == Covered(4.0, 4.0, 2.0, 1.0)


@pytest.mark.parametrize("kind", [JitRunner, TorchRunner])
def test_a_row_s_time_goes_somewhere(cpu, kind):
    """All of it, some to products, none to less than nothing; the row stays where it was."""
    runner = kind(*ready("mlp"), FLOAT32, cpu)
    runner.call(8)
    runner.restart()
    before = runner.parameters()
    spent = time_spent(runner, runner.looked_at(), 4)
    assert spent.products + spent.others + spent.dispatch + spent.gaps == pytest.approx(1.0)
    assert spent.products > 0
    assert min(spent.others, spent.dispatch, spent.gaps) >= 0  # beside other work the profile may take all of a block
    assert all((runner.parameters()[name] == before[name]).all() for name in before)


def test_where_nobody_tells_there_is_nothing(cpu, monkeypatch):
    """NumPy's own work is in no profile; a profiler that is in use elsewhere costs the picture, not the row."""
    numpy, jit, eager = (kind(*ready("loose"), FLOAT32, cpu) for kind in (NumpyRunner, JitRunner, TorchRunner))
    assert time_spent(numpy, numpy.looked_at(), 4) is None

    # Nor is a host's word taken for a card's: no kernel of one is seen here.
    assert time_spent(jit, jit.looked_at(), 4, on_card=True) is None

    def in_use(*given):
        raise RuntimeError("another profile is being taken")

    monkeypatch.setattr(profiling, "torch_profile", in_use)
    assert time_spent(eager, eager.looked_at(), 4) is None
