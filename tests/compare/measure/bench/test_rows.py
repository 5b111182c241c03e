"""Every row of the table computes the same training step, comes back to its mark, and says its gradient."""

from dataclasses import replace

import jax
import numpy as np
import pytest

from compare.errors import UsageError
from compare.measure.bench.rows import COMPILED, EAGER, OP_BY_OP, ROWS, Row, Unavailable, rows_of
from compare.measure.bench.runners.torch_eager import TorchRunner
from compare.verdict.precision import FLOAT32
from tests.compare.measure.bench.small import STEPS, apart, loose, ready, trained

USERS_MODELS = True  # Flax's BatchNorm and NNX do not run under strict promotion

ROUNDING = 1e-13  # of numbers near 1 in float64, after 16 steps
GPU = {"CUDA graph", "CUDA graph, K steps"}
SLOW = {
    "torch.compile, one graph, checked",
    "torch.compile, one graph, cpp_wrapper",
    "torch.compile, one graph, max-autotune",
}  # options of one row above
HERE = sorted(set(ROWS) - GPU - SLOW - {"torch eager, single-tensor"})
DROPPING = [EAGER, COMPILED, "torch.compile, one graph", OP_BY_OP, "jax.jit", "jax.jit, lax.scan"]

# torch imports its own code for torch.jit when it first compiles, which warns that it is deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script:DeprecationWarning")


@pytest.fixture(scope="module")
def eager(cpu):
    return trained(ROWS[EAGER], "mlp", cpu)


@pytest.mark.parametrize("name", HERE)
def test_each_row_makes_the_steps_of_torch_eager(name, eager, cpu):
    """In float64: gradients, and the parameters after two passes over eight batches; restarted, it stands where it
    stood, and has the same gradient there."""
    own = trained(ROWS[name], "mlp", cpu)
    assert apart(eager.gradients, own.gradients) < ROUNDING
    assert apart(eager.after, own.after) < ROUNDING
    assert apart(own.before, own.after) > 1e-3
    own.runner.restart()
    assert apart(own.before, own.runner.parameters()) == 0.0
    assert apart(own.gradients, own.runner.gradients()) == 0.0
    own.runner.call(2 * STEPS // own.runner.steps_per_call)
    assert apart(own.after, own.runner.parameters()) == 0.0


@pytest.mark.parametrize("name", DROPPING)
def test_dropout_and_batch_norm_run_in_every_row(name, cpu):
    """With the masks that both sides are given it is the same function; with its own generator it trains as well, and
    otherwise."""
    eager = trained(ROWS[EAGER], "regularized", cpu, masked=True)
    own = trained(ROWS[name], "regularized", cpu, masked=True)
    assert apart(eager.gradients, own.gradients) < ROUNDING
    assert apart(eager.after, own.after) < 10 * ROUNDING
    drawing = trained(ROWS[name], "regularized", cpu, FLOAT32)
    assert 1e-2 < apart(drawing.after, own.after) < 10
    assert all(np.isfinite(array).all() for array in drawing.after.values())


def test_a_mark_in_the_middle_of_training_is_come_back_to(cpu):
    """With the optimizer's state and the place in the batches."""
    for name in (EAGER, COMPILED, "jax.jit", "numpy by hand", "torch by hand"):
        runner = trained(ROWS[name], "loose", cpu).runner
        runner.call(3)
        runner.mark()
        runner.call(4)
        after = runner.parameters()
        runner.restart()
        runner.call(4)
        assert apart(after, runner.parameters()) == 0.0


def test_which_rows_make_many_steps_in_a_call(cpu):
    """One step a call and K steps a call are different questions."""
    several = {"torch.compile, K steps in a graph", "jax.jit, lax.scan"}
    for name in (*several, EAGER, "jax.jit", "numpy by hand"):
        assert (trained(ROWS[name], "loose", cpu).runner.steps_per_call > 1) == (name in several)


@pytest.mark.parametrize("name", sorted(GPU))
def test_a_row_that_cannot_be_had_here_says_why(name, cpu):
    """In a sentence, by an exception of its own."""
    with pytest.raises(Unavailable, match="CUDA graphs need a CUDA device"):
        ROWS[name].built(*ready("loose"), FLOAT32, cpu)


def test_a_pair_brings_rows_of_its_own(cpu):
    """They stand after the table's."""
    pair = replace(loose(), rows={"torch eager, mine": TorchRunner})
    rows = rows_of(pair)
    assert list(rows)[-1] == "torch eager, mine"
    assert len(rows) == len(ROWS) + 1
    assert apart(trained(rows["torch eager, mine"], "loose", cpu).after, trained(ROWS[EAGER], "loose", cpu).after) == 0


def test_a_row_with_another_step_is_told_apart(cpu):
    """The tests above can fail: a learning rate that is off by 1e-5 shows in the parameters and not in the gradient."""

    def faulty(prepared, entering, precision, device):
        return TorchRunner(prepared, replace(entering, hyper={"learning_rate": 0.1 + 1e-6}), precision, device)

    eager, own = trained(ROWS[EAGER], "loose", cpu), trained(Row("faulty", faulty), "loose", cpu)
    assert apart(eager.gradients, own.gradients) == 0.0
    assert apart(eager.after, own.after) > 1e3 * ROUNDING


def test_what_the_gates_look_at(cpu):
    """Of a JAX row the program, which makes the five products; of a torch row one step by Python."""
    jaxpr = trained(ROWS["jax.jit"], "mlp", cpu).runner.looked_at().jaxpr
    assert str(jaxpr).count("dot_general") == 5
    for name in (EAGER, "torch by hand", "torch.compile, one graph"):
        own = trained(ROWS[name], "loose", cpu)
        looked = own.runner.looked_at()
        assert looked.side == "torch"
        looked.eager()
        assert apart(own.after, own.runner.parameters()) > 1e-6


def test_op_by_op_compiles_nothing_anew(cpu, caplog):
    """It stands for what an eager step costs: from the second call on, every operation is in JAX's cache."""
    runner = ROWS[OP_BY_OP].built(*ready("loose"), FLOAT32, cpu)
    jax.clear_caches()
    with jax.log_compiles():
        runner.call(1)
        first, caplog.records[:] = list(caplog.records), []
        runner.call(2)
        runner.wait()
    compiled = [record.getMessage() for record in caplog.records if "XLA compilation" in record.getMessage()]
    assert any("XLA compilation" in record.getMessage() for record in first)
    assert compiled == []


def test_a_row_of_a_pair_s_own_may_say_what_it_is():
    """A ``Row`` where a function would do; under a name of its own."""
    own = replace(loose(), rows={"mine": Row("", TorchRunner, "torch", compiles=True), "plain": TorchRunner})
    every = rows_of(own)
    assert (every["mine"].name, every["mine"].compiles, every["mine"].side) == ("mine", True, "torch")
    assert (every["plain"].compiles, every["plain"].side) == (False, None)
    with pytest.raises(UsageError, match="rows= 'torch eager' is a row of the benchmark: expected another name"):
        rows_of(replace(own, rows={EAGER: TorchRunner}))
