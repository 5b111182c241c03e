"""JAX's rows: what each compiles, when, and how many steps it makes."""

import jax

from compare.measure.bench.runners.jax_rows import AheadOfTimeRunner, JitRunner, OpByOpRunner, ScanRunner
from compare.verdict.precision import FLOAT32
from tests.compare.measure.bench.small import STEPS, apart, ready

USERS_MODELS = True


def test_what_was_given_is_given_up(cpu):
    """The old parameters may be overwritten: they are gone after the step."""
    runner = JitRunner(*ready("loose"), FLOAT32, cpu)
    before = runner.carried.params["W1"]
    runner.call(1)
    runner.wait()
    assert before.is_deleted()


def test_ahead_of_time_says_how_long_each_stage_took(cpu):
    """And holds the program, with what XLA counts in it."""
    runner = AheadOfTimeRunner(*ready("loose"), FLOAT32, cpu)
    assert list(runner.stages) == ["trace", "lower", "compile"]
    assert all(seconds > 0 for seconds in runner.stages.values())
    program = runner.looked_at().program()
    assert program.cost_analysis()["flops"] > 0
    assert "ENTRY" in program.as_text()


def test_a_scan_goes_over_distinct_batches(cpu):
    """All of them in a call; of more than eight, eight at a time."""
    prepared, entering = ready("loose")
    runner = ScanRunner(prepared, entering, FLOAT32, cpu)
    assert (runner.steps_per_call, len(runner.batches)) == (STEPS, 1)
    more = ScanRunner(prepared, prepared.enter(0, 12).at(FLOAT32), FLOAT32, cpu)
    assert (more.steps_per_call, len(more.batches)) == (6, 2)
    jaxpr = runner.looked_at().jaxpr
    assert [equation.params["length"] for equation in jaxpr.eqns if equation.primitive.name == "scan"] == [STEPS]


def test_the_gradient_of_the_next_batch(cpu):
    """In a scan too, which has them in one array."""
    one, scan = (kind(*ready("loose"), FLOAT32, cpu) for kind in (JitRunner, ScanRunner))
    one.call(STEPS)
    scan.call(1)
    assert apart(one.gradients(), scan.gradients()) < 1e-6
    first = one.gradients()
    one.call(1)
    assert apart(first, one.gradients()) > 1e-4


def test_given_masks_a_step_op_by_op_is_traced_once(cpu, caplog):
    """Python going through it under replay would compile every operation at every call."""
    runner = OpByOpRunner(*ready("regularized"), FLOAT32, cpu, masked=True)
    runner.call(1)
    with jax.log_compiles():
        runner.call(2)
        runner.wait()
    assert not [record for record in caplog.records if "XLA compilation" in record.getMessage()]
