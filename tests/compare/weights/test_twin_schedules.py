"""Live schedulers as schedules: what they will do from where they stand, read where it can be, else as a table."""

import jax
import numpy as np
import pytest
import torch
from torch.optim import lr_scheduler as torchs

from compare.errors import UsageError
from compare.weights.live_scheduler import advance
from compare.weights.twin_schedules import TABLE, schedules_of

USERS_MODELS = True  # optax's schedules do not run under strict promotion
BEGUN, AHEAD = 13, 60


def _optimizer(**told):
    return torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=0.05, momentum=0.9, **told)


def _step(scheduler):
    for one in scheduler if isinstance(scheduler, list) else [scheduler]:
        one.step()


def _chained(o, *parts):
    return torchs.ChainedScheduler([part(o) for part in parts])


READ = {
    "step": lambda o: torchs.StepLR(o, 7, 0.5),
    "milestones": lambda o: torchs.MultiStepLR(o, [25, 25, 40], 0.5),
    "constant": lambda o: torchs.ConstantLR(o, 0.5, 33),
    "linear": lambda o: torchs.LinearLR(o, 0.3, 1.0, 40),
    "exponential": lambda o: torchs.ExponentialLR(o, 0.97),
    "polynomial": lambda o: torchs.PolynomialLR(o, 60, 2.0),
    "cosine, past its end": lambda o: torchs.CosineAnnealingLR(o, 30, 1e-3),
    "warm restarts": lambda o: torchs.CosineAnnealingWarmRestarts(o, 10, 2, 1e-3),
    "one cycle": lambda o: torchs.OneCycleLR(o, 0.1, 100),
    "one cycle in three phases": lambda o: torchs.OneCycleLR(o, 0.1, 100, three_phase=True, anneal_strategy="linear"),
    "a lambda of arithmetic": lambda o: torchs.LambdaLR(o, lambda step: 0.95**step),
    "one after another": lambda o: torchs.SequentialLR(
        o, [torchs.ConstantLR(o, 0.1, 5), torchs.ExponentialLR(o, 0.9), torchs.StepLR(o, 3)], [25, 45]
    ),
    "chained": lambda o: _chained(o, lambda o: torchs.ConstantLR(o, 0.1, 25), lambda o: torchs.ExponentialLR(o, 0.95)),
    "several in turn": lambda o: [torchs.StepLR(o, 10, 0.5), torchs.ExponentialLR(o, 0.99)],
}
TABLES = {
    "a cycle": lambda o: torchs.CyclicLR(o, 0.01, 0.1, 10),
    "a lambda that branches": lambda o: torchs.LambdaLR(o, lambda step: min(1, (step + 1) / 30)),
    "a product of a lambda": lambda o: torchs.MultiplicativeLR(o, lambda step: 0.95),
    "a chained cosine": lambda o: _chained(
        o, lambda o: torchs.CosineAnnealingLR(o, 40, 1e-3), lambda o: torchs.ExponentialLR(o, 0.95)
    ),
}


@pytest.mark.parametrize("name", [*READ, *TABLES])
def test_a_scheduler_that_has_begun_is_followed(name):
    """From its step on; the scheduler itself stays where it is."""
    optimizer = _optimizer()
    scheduler = (READ | TABLES)[name](optimizer)
    for _ in range(BEGUN):
        optimizer.step()
        _step(scheduler)
    found = schedules_of(optimizer, scheduler, 1)
    keys = {"lr": "lr", "momentum": "momentum"}
    with jax.enable_x64(True):
        steps = found.count + np.arange(AHEAD)
        said = {key: np.asarray(jax.vmap(one)(steps)) for key, one in found.groups[0].items()}
    done = []
    for _ in range(AHEAD):
        done.append({key: optimizer.param_groups[0][name] for key, name in keys.items()})
        optimizer.step()
        _step(scheduler)
    for key in keys:
        wanted = np.array([row[key] for row in done])
        np.testing.assert_allclose(said.get(key, np.full(AHEAD, 0.9)), wanted, rtol=1e-12, atol=1e-16)
    assert bool(found.notes) == (name in TABLES or "one cycle" in name)


def test_a_rate_that_was_changed_by_hand_goes_on_from_there():
    """As torch's own recursion does."""
    optimizer = _optimizer()
    scheduler = torchs.ExponentialLR(optimizer, 0.9)
    optimizer.param_groups[0]["lr"] = 7.0
    found = schedules_of(optimizer, scheduler, 1)
    with jax.enable_x64(True):
        assert float(found.groups[0]["lr"](2)) == pytest.approx(7 * 0.81, rel=1e-14)


def test_a_table_ends_in_what_nobody_takes_for_a_rate():
    """Not in its last value."""
    found = schedules_of(optimizer := _optimizer(), TABLES["a cycle"](optimizer), 1)
    assert np.isnan(float(found.groups[0]["lr"](TABLE)))
    assert f"{TABLE:,}" in found.notes[0]


def test_a_scheduler_of_epochs_counts_steps():
    """Every so many steps one of its own; and it is brought to where the port stands."""
    optimizer = _optimizer()
    scheduler = torchs.StepLR(optimizer, 1, 0.5)
    schedule = schedules_of(optimizer, scheduler, 10).groups[0]["lr"]
    assert [float(schedule(step)) for step in (0, 9, 10)] == pytest.approx([0.05, 0.05, 0.025])
    advance(scheduler, 2)
    assert optimizer.param_groups[0]["lr"] == 0.0125


def test_a_twin_within_an_epoch_has_the_rest_of_it_before_it():
    """By the optimizer's own count, or as it is told; where neither is known, that is said."""
    for make, told, count, noted in (
        (torch.optim.Adam, {}, 13, False),
        (torch.optim.SGD, {"since": 3}, 13, False),
        (torch.optim.SGD, {}, 10, True),
    ):
        one = torch.nn.Parameter(torch.ones(1))
        optimizer = make([one], lr=1.0)
        scheduler = torchs.StepLR(optimizer, 1, 0.5)
        one.grad = torch.ones(1)
        for step in range(13):
            optimizer.step()
            if step == 9:
                scheduler.step()
        found = schedules_of(optimizer, scheduler, 10, **told)
        assert (found.count, any("since=" in note for note in found.notes)) == (count, noted)
        assert [float(found.groups[0]["lr"](step)) for step in (19, 20)] == [0.5, 0.25]
    fresh = torch.optim.Adam([torch.nn.Parameter(torch.ones(1))])
    assert not schedules_of(fresh, torchs.StepLR(fresh, 1), 10).notes


def test_without_a_scheduler_nothing_changes():
    """One empty row for each group."""
    assert schedules_of(_optimizer(), None, 1).groups == [{}]


@pytest.mark.parametrize(
    ("scheduler", "why"),
    [
        (lambda o: 3, "expected one of torch"),
        (lambda o: torchs.StepLR(_optimizer(), 1), "another optimizer"),
        (lambda o: [torchs.ReduceLROnPlateau(o), torchs.StepLR(o, 1)], "beside another"),
    ],
)
def test_what_is_no_scheduler_of_it_is_refused(scheduler, why):
    """In one line."""
    optimizer = _optimizer()
    with pytest.raises(UsageError, match=why):
        schedules_of(optimizer, scheduler(optimizer), 1)


class _Late(torchs.LRScheduler):
    """Nobody's class: it holds its rate for a long time, and then does not."""

    def get_lr(self):
        return [0.05 if self.last_epoch < 10 * TABLE else 0.0]


class _Later(torchs.ConstantLR):
    """One of torch's that becomes another late, within what a table holds."""

    def get_lr(self):
        return super().get_lr() if self.last_epoch < TABLE // 2 else [0.0]


class _Torn(torchs.LRScheduler):
    def get_lr(self):
        if self.last_epoch:
            raise RuntimeError("not twice")
        return [0.05]


def test_a_scheduler_that_is_not_known_is_not_taken_for_a_constant():
    """Beyond what was seen of it nothing is said; what cannot be seen at all is refused."""
    optimizer = _optimizer()
    found = schedules_of(optimizer, _Late(optimizer), 1)
    assert float(found.groups[0]["lr"](TABLE - 1)) == pytest.approx(0.05)
    assert np.isnan(float(found.groups[0]["lr"](TABLE)))
    with pytest.raises(UsageError, match="raises in its next step: not twice"):
        schedules_of(optimizer, _Torn(optimizer), 1)


def test_a_schedule_that_was_read_holds_as_far_as_was_looked():
    """Not for its first steps alone."""
    optimizer = _optimizer()
    found = schedules_of(optimizer, _Later(optimizer), 1)
    assert float(found.groups[0]["lr"](TABLE // 2)) == 0
    assert "table" in found.notes[0]


def test_a_lambdas_integers_do_not_overflow():
    """The step is given as a floating number, in which 100,000 squared is what it is."""
    optimizer = _optimizer()
    found = schedules_of(optimizer, torchs.LambdaLR(optimizer, lambda step: 1 / (1 + step**2)), 1)
    with jax.enable_x64(True):
        assert float(found.groups[0]["lr"](100_000)) == pytest.approx(0.05 / (1 + 1e10), rel=1e-12)
