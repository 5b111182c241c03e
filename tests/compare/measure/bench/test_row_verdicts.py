"""What is said of rows before they are timed."""

from dataclasses import replace

import pytest
import torch

from compare.measure.bench.built_rows import Refused, Setup, entering_of
from compare.measure.bench.row_verdicts import RowVerdict, row_verdicts
from compare.measure.bench.rows import EAGER, JIT, ROWS, Row
from compare.measure.bench.runners.jax_rows import JitRunner
from compare.measure.bench.runners.torch_eager import TorchRunner
from compare.pair.pairs import find
from compare.pair.prepare import prepare
from compare.sides.progress import say_nothing
from compare.verdict.precision import BFLOAT16, FLOAT32
from compare.verdict.verdict import Verdict


def another_rate(prepared, entering, precision, device, masked=False):
    """A learning rate that is a hundred-thousandth larger."""
    hyper = {**entering.hyper, "learning_rate": 0.1 * (1 + 1e-5)}
    return TorchRunner(prepared, replace(entering, hyper=hyper), precision, device, masked)


class Halved(JitRunner):
    """A row that does nothing from the seventeenth step on: the first pass over the batches does not see it."""

    made = 0

    def call(self, count):
        for _ in range(count):
            if self.made < 16:
                super().call(1)
            self.made += 1

    def restart(self):
        super().restart()
        self.made = 0


@pytest.fixture(scope="module")
def setup(cpu):
    prepared = prepare(find("loose"))
    return Setup(prepared, entering_of(prepared, 0, FLOAT32), FLOAT32, cpu)


@pytest.fixture(scope="module")
def rows(setup):
    chosen = [ROWS[EAGER], ROWS[JIT], Row("another rate", another_rate), Row("halved", Halved)]
    return {row.name: setup.build(row) for row in chosen} | {"CUDA graph": Refused("there is no GPU")}


def test_every_row_has_its_word(setup, rows):
    """The judge's on what is another function; a gate's on what does less later; the honest ones pass."""
    said = row_verdicts(setup, rows, gated=True, forced=False, progress=say_nothing)
    assert {name: one.timed for name, one in said.items()} == {
        EAGER: True, JIT: True, "another rate": False, "halved": False, "CUDA graph": False
    }  # fmt: skip
    assert said["another rate"].verdict is Verdict.MISMATCH
    assert said["halved"].verdict is Verdict.MATCH
    assert "many steps" in said["halved"].stopped
    assert said["CUDA graph"] == RowVerdict(Verdict.INCOMPLETE)
    assert 1e-9 < said[JIT].gradient_error < 1e-6


def test_without_gates_the_judge_still_speaks(setup, rows):
    """In the processes after the first: what is another function is timed in none."""
    said = row_verdicts(setup, rows, gated=False, forced=False, progress=say_nothing)
    assert [name for name, one in said.items() if one.timed] == [EAGER, JIT, "halved"]
    assert all(not one.stopped for one in said.values())


def test_forced_is_timed_whatever_was_said(setup, rows):
    """With the gates' sentences beside it."""
    said = row_verdicts(setup, {EAGER: rows[EAGER], "halved": rows["halved"]}, True, True, say_nothing)
    assert said["halved"].timed
    assert said["halved"].stopped


def fused_sgd_moves() -> bool:
    """Whether this torch's fused SGD moves bfloat16 parameters on the CPU: 2.11 to 2.13 leave them as they are."""
    parameter = torch.nn.Parameter(torch.zeros(64, dtype=torch.bfloat16))
    parameter.grad = torch.ones_like(parameter)
    torch.optim.SGD([parameter], lr=1.0, fused=True).step()
    return bool((parameter == -1).all())


def test_a_kernel_that_moves_nothing_is_not_timed(cpu):
    """It is fast: the judge sees that it is another function, as no gate on operations would."""
    prepared = prepare(find("loose"))
    setup = Setup(prepared, entering_of(prepared, 0, BFLOAT16), BFLOAT16, cpu)
    rows = {name: setup.build(ROWS[name]) for name in (EAGER, "torch eager, fused")}
    said = row_verdicts(setup, rows, gated=True, forced=False, progress=say_nothing)
    assert (said[EAGER].timed, said["torch eager, fused"].timed) == (True, fused_sgd_moves())
