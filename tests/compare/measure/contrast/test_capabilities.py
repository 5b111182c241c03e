"""What each way can do: what becomes of a cell is found by running it."""

from dataclasses import replace

import jax
import numpy as np
import pytest
import torch
from flax import linen
from torch import nn

from compare.measure.contrast import capabilities as table
from compare.measure.contrast.capabilities import capabilities
from compare.measure.contrast.contrast import contrast
from compare.measure.contrast.ways import jax_on_pair, torch_alone, torch_on_pair
from compare.pair.pair import Pair
from compare.pair.pairs import find
from tests.compare.measure.contrast.test_facing import ROWS, FlaxRegular, Regular, of

USERS_MODELS = True


@pytest.fixture(scope="module")
def rows(cpu):
    """All of them, on the small case."""
    return {row.name: row for row in capabilities(find("loose"), cpu)}


def test_what_runs_on_both_sides_returns_the_same(rows):
    """By the judge, at float32 and in float64."""
    both = [row for row in rows.values() if {"raises", "not run"}.isdisjoint((row.reference.outcome, row.port.outcome))]
    assert {row.verdict for row in both} == {"match"}
    assert len(both) >= 22
    assert all(row.ratio > 0 for row in both)


@pytest.mark.parametrize(
    ("name", "reference", "port"),
    [
        ("value_and_gradient", "", ""),
        ("backward_twice", "second time", ""),
        ("overwriting_what_is_kept", "modified by an inplace operation", ""),
        ("in_place_mutation", "", "immutable"),
        ("loop_of_unknown_length", "", "Reverse-mode differentiation does not work for lax.while_loop"),
        ("forward_through_a_custom_rule", "functorch", "can't apply forward-mode autodiff"),
        ("data_dependent_branch", "Data-dependent", "TracerBoolConversionError"),
    ],
)
def test_a_cell_is_what_running_it_came_to(rows, name, reference, port):
    """Works, or works with other code where the plain way raised, with its message."""
    for cell, message in ((rows[name].reference, reference), (rows[name].port, port)):
        assert cell.outcome == ("works with other code" if message else "works")
        assert message in cell.message
        assert ("_otherwise" in cell.code) is bool(message)


def test_what_neither_can_is_said(rows):
    """No verdict, and no time."""
    row = rows["by_integers"]
    assert (row.reference.outcome, row.port.outcome, row.verdict, row.ratio) == ("raises", "raises", "", None)


def test_what_is_not_here_is_not_run(cpu, monkeypatch):
    """Two devices, on a machine with one: neither framework raises at that, and the code is there to be read."""
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: False)
    monkeypatch.setattr(jax, "devices", lambda: [cpu.jax])
    (row,) = capabilities(find("loose"), cpu, only="two_devices")
    cells = (row.reference, row.port)
    assert {(cell.outcome, cell.message) for cell in cells} == {("not run", "there is 1 device here")}
    assert all("two_devices" in cell.code for cell in cells)


class Cubed(torch.autograd.Function):
    """A rule of one's own in the old form, which torch.func does not take; autograd differentiates it twice."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, gradient):
        return 3 * ctx.saved_tensors[0] ** 2 * gradient


class Ruled(nn.Module):
    """With that rule."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 3)

    def forward(self, x):
        return Cubed.apply(self.layer(x))


class FlaxRuled(linen.Module):
    @linen.compact
    def __call__(self, x):
        return linen.Dense(3, name="layer")(x) ** 3


def test_the_other_code_for_a_hessian_takes_a_rule_of_ones_own(cpu):
    """Backward over backward on the tape, where torch.func raises."""
    (row,) = capabilities(of(Ruled, FlaxRuled()), cpu, only="hessian_vector_product")
    assert row.reference.outcome == "works with other code"
    assert "setup_context" in row.reference.message
    assert (row.port.outcome, row.verdict) == ("works", "match")


def test_a_wrong_value_is_no_match(cpu, monkeypatch):
    """Planted: a gradient twice too large."""
    plain = jax_on_pair.value_and_gradient

    def doubled(given):
        step = plain(given)
        return lambda: {name: 2 * one for name, one in step().items()}

    monkeypatch.setattr(jax_on_pair, "value_and_gradient", doubled)
    monkeypatch.setattr(table, "code_of", lambda module, name: "")
    (row,) = capabilities(find("loose"), cpu, only="value_and_gradient")
    assert (row.verdict, row.ratio) == ("mismatch", None)


def test_a_gpus_work_is_not_timed_by_processors(cpu):
    """Which wait for it."""
    (row,) = capabilities(find("loose"), replace(cpu, name="gpu"), only="third_derivative")
    assert (row.verdict, row.reference.seconds, row.port.seconds, row.ratio) == ("match", 0.0, 0.0, None)


def test_a_model_with_two_modes_is_evaluated(cpu):
    """Where nothing is drawn, so that values can be held against each other; rows one by one are rows."""
    pair = of(Regular, FlaxRegular(), ROWS, accept=("running_variance",))
    (row,) = capabilities(pair, cpu, only="per_sample_gradients")
    assert (row.reference.outcome, row.port.outcome, row.verdict) == ("works", "works", "match")


class TwoHeads(nn.Module):
    """One of which no loss reaches."""

    def __init__(self):
        super().__init__()
        self.used, self.unused = nn.Linear(4, 3), nn.Linear(4, 2)

    def forward(self, x):
        return self.used(x)


class FlaxTwoHeads(linen.Module):
    @linen.compact
    def __call__(self, x):
        linen.Dense(2, name="unused")(x)
        return linen.Dense(3, name="used")(x)


@pytest.mark.parametrize("name", ["value_and_gradient", "stop_in_the_middle"])
def test_a_parameter_that_no_loss_reaches_has_a_gradient_of_zeros(cpu, name):
    """A tape leaves None there."""
    (row,) = capabilities(of(TwoHeads, FlaxTwoHeads()), cpu, only=name)
    assert (row.reference.message, row.reference.outcome, row.port.outcome) == ("", "works", "works")
    assert row.verdict == "match"


def test_what_the_comparison_raises_is_no_outcome(cpu, monkeypatch):
    """Only what a way itself raises is told of it."""

    def broken(tensor):
        raise RuntimeError("planted")

    monkeypatch.setattr(table, "from_torch", broken)
    with pytest.raises(RuntimeError, match="planted"):
        capabilities(find("loose"), cpu, only="third_derivative")


def test_the_planted_ways_are_the_ones_that_run(cpu, monkeypatch):
    """What raises on both ways raises, with the first message."""

    def broken(given):
        raise RuntimeError("planted")

    monkeypatch.setattr(torch_alone, "third_derivative", broken)
    monkeypatch.setattr(table, "code_of", lambda module, name: "")
    (row,) = capabilities(find("loose"), cpu, only="third_derivative")
    assert (row.reference.outcome, row.reference.message.partition(" (")[0]) == ("raises", "RuntimeError: planted")
    assert (row.port.outcome, row.verdict) == ("works", "")
    assert torch.is_grad_enabled()
    assert callable(torch_on_pair.jacobian)


class Timed(nn.Module):
    """Makes its table in float32, whatever its weights are: in float64 it does not run."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 2)

    def forward(self, steps):
        return self.layer(torch.cos(steps.float()[:, None] * torch.arange(4, dtype=torch.float32)))


class FlaxTimed(linen.Module):
    @linen.compact
    def __call__(self, steps):
        return linen.Dense(2, name="layer")(jax.numpy.cos(steps[:, None] * jax.numpy.arange(4.0)))


def test_what_runs_at_float32_alone_is_run_there(cpu):
    """Its values are held against nothing; recorded it is in full."""
    pair = Pair(Timed(), FlaxTimed(), np.arange(3))
    (row,) = capabilities(pair, cpu, only="value_and_gradient")
    assert (row.reference.outcome, row.port.outcome, row.verdict) == ("works", "works", "")
    assert contrast(pair, cpu).bridge
