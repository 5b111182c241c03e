"""Whole training runs: sound ones match at every step, faulty ones from the very step on which the fault acts."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from types import ModuleType
from typing import Any

import jax.numpy as jnp
import numpy as np
import optax
import pytest
import torch

import jaxport.train
import torchref.train
from compare.arrays.images import Images, load_images
from compare.errors import UsageError
from compare.frameworks.devices import Device
from compare.measure import trainees
from compare.measure.training import distance, train
from compare.measure.trajectory import Training, TrainingPlan
from compare.pair import pairs
from compare.pair.pair import Pair
from compare.verdict.verdict import Verdict

PLAN = TrainingPlan(epochs=1, batch=64)
STEPS = 4


Given = list[tuple[np.ndarray, np.ndarray]]  # images and labels of one call after the other
Sound = tuple[Training, Given, Given]


def _recorded(monkeypatch: pytest.MonkeyPatch, side: ModuleType) -> Given:
    """What ``train_step`` of one side is given from now on."""
    given: Given = []

    def recording(step: Callable[..., Any]) -> Callable[..., Any]:
        def recorded(*arguments: Any) -> Any:
            given.append(tuple(np.array(array.__array__()) for array in arguments[-2:]))
            return step(*arguments)

        return recorded

    if side is torchref.train:
        monkeypatch.setattr(side, "train_step", recording(side.train_step))
    else:
        _step_by(monkeypatch, recording)
    return given


def _step_by(monkeypatch: pytest.MonkeyPatch, around: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
    """The port's compiled step goes through ``around`` from now on."""
    compiled = trainees.compiled

    def wrapped(model: Any, optimizer: Any) -> tuple[Callable[..., Any], Callable[..., Any]]:
        step, evaluate = compiled(model, optimizer)
        return around(step), evaluate

    monkeypatch.setattr(trainees, "compiled", wrapped)


@pytest.fixture(scope="module")
def images() -> Images:
    """Four batches of real images, and a partial one."""
    every = load_images()
    return Images(
        "a few", every.train_images[:300], every.train_labels[:300], every.test_images[:50], every.test_labels[:50]
    )


@pytest.fixture(scope="module")
def pair() -> Pair:
    """The MLP's."""
    return pairs.find("mlp")


@pytest.fixture(scope="module")
def sound(pair: Pair, images: Images, cpu: Device) -> Sound:
    """A run of the pair as it is, and what both sides were given in it."""
    with pytest.MonkeyPatch.context() as patch:
        given = _recorded(patch, torchref.train), _recorded(patch, jaxport.train)
        return train(pair, images, cpu, PLAN), *given


def _matched(run: Training) -> list[bool]:
    return [step.verdict is Verdict.MATCH for step in run.steps]


def test_every_step_of_a_sound_pair_matches(sound: Sound) -> None:
    """Losses and updates of each; the verdict is theirs, and no failure is named."""
    run = sound[0]
    assert _matched(run) == [True] * STEPS
    assert (run.verdict, run.first_failure) == (Verdict.MATCH, "")
    assert all(0 < step.used <= 1 for step in run.steps)


def test_the_last_partial_batch_is_left_out(sound: Sound, images: Images) -> None:
    """300 images are four batches of 64, as the plan says beforehand."""
    assert [step.step for step in sound[0].steps] == [1, 2, 3, 4]
    assert PLAN.steps(len(images.train_labels)) == STEPS


def test_the_numbers_are_those_of_a_sound_run(sound: Sound) -> None:
    """Float64 drifts far less than float32, the port no more than reordering does, and each step would see 1e-10."""
    run, last = sound[0], sound[0].steps[-1]
    assert 0 < last.drift_64 < 1e-6 * last.drift_32 < 1e-12
    assert last.drift_32 < 30 * last.envelope
    assert all(step.sees < 1e-10 for step in run.steps)
    assert list(run.drift_by_parameter) == ["net.1.weight", "net.1.bias", "net.3.weight", "net.3.bias"]
    assert run.epochs[0].port_64 == run.epochs[0].reference_64


def _decaying(learning_rate: float, momentum: float) -> optax.GradientTransformation:
    return optax.chain(optax.add_decayed_weights(1e-4), optax.sgd(learning_rate, momentum))


def _slowing(learning_rate: float, momentum: float) -> optax.GradientTransformation:
    return optax.sgd(lambda step: learning_rate * jnp.where(step < 2, 1.0, 0.99), momentum)


FAULTS: dict[str, tuple[Callable[..., optax.GradientTransformation], int]] = {
    "the wrong sign": (lambda learning_rate, momentum: optax.sgd(-learning_rate, momentum), 1),
    "weight decay 1e-4": (_decaying, 1),
    "momentum 1e-6 too large": (lambda learning_rate, momentum: optax.sgd(learning_rate, momentum * (1 + 1e-6)), 2),
    "a schedule that sets in": (_slowing, 3),
}


@pytest.mark.parametrize(("make", "acts"), FAULTS.values(), ids=FAULTS)
def test_a_fault_of_the_optimizer_fails_from_its_step_on(
    pair: Pair, images: Images, cpu: Device, make: Callable[..., Any], acts: int
) -> None:
    """Matched before, not after: momentum acts from the second step, a schedule when it sets in."""
    run = train(replace(pair, optimizers=replace(pair.optimizers, port=make)), images, cpu, PLAN)
    assert _matched(run) == [number < acts for number in range(1, STEPS + 1)]
    assert run.verdict is Verdict.MISMATCH
    assert run.first_failure.startswith(f"step {acts}, update/net.")


def test_a_dropped_row_fails_on_its_step(
    pair: Pair, images: Images, cpu: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The port loses one row of 64 in the second step only: the loss and every update say so there."""
    calls = iter(range(100))

    def around(step: Callable[..., Any]) -> Callable[..., Any]:
        def short(params: Any, state: Any, batch: Any, labels: Any) -> Any:
            last = -1 if next(calls) // 2 == 1 else None  # float32 and float64 are one step
            return step(params, state, batch[:last], labels[:last])

        return short

    _step_by(monkeypatch, around)
    run = train(pair, images, cpu, PLAN)
    assert _matched(run)[:2] == [True, False]
    assert run.first_failure.startswith("step 2, ")
    assert "gap" in run.first_failure


def _rows(batch: np.ndarray, labels: np.ndarray) -> list[bytes]:
    return [image.astype(np.float32).tobytes() + bytes([label]) for image, label in zip(batch, labels, strict=True)]


def test_both_sides_see_the_same_batches_in_the_same_order(sound: Sound, images: Images) -> None:
    """Each step's batch goes to all five runs, to the last with its rows permuted; no image comes twice."""
    _, reference, port = sound
    used: list[bytes] = []
    assert (len(reference), len(port)) == (3 * STEPS, 2 * STEPS)
    for step in range(STEPS):
        first, oracle, permuted = (_rows(*given) for given in reference[3 * step : 3 * step + 3])
        assert [first] * 3 == [oracle, *(_rows(*given) for given in port[2 * step : 2 * step + 2])]
        assert first != permuted
        assert sorted(first) == sorted(permuted)
        used += first
    assert len(used) == len(set(used)) == STEPS * PLAN.batch
    assert set(used) <= set(_rows(images.train_images, images.train_labels))


@pytest.mark.parametrize("stops_at", [2, None], ids=["interrupted", "to its end"])
def test_the_threads_of_torch_are_given_back(pair: Pair, images: Images, cpu: Device, stops_at: int | None) -> None:
    """One thread while it trains; afterwards as many as the user has set, also after an exception in the middle."""
    threads, during = torch.get_num_threads(), list[int]()

    def progress(step: int, accuracy: float) -> None:
        during.append(torch.get_num_threads())
        if step == stops_at:
            raise KeyboardInterrupt

    torch.set_num_threads(2)
    try:
        with pytest.raises(KeyboardInterrupt) if stops_at else nullcontext():
            train(pair, images, cpu, PLAN, progress)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)
    assert during == [1] * (stops_at or STEPS)


@pytest.mark.parametrize("batch", [0, -1, 301])
def test_a_batch_beyond_the_images_is_refused(pair: Pair, images: Images, cpu: Device, batch: int) -> None:
    """In one line that says how many there are."""
    with pytest.raises(UsageError, match=f"--batch {batch}: expected 1 to 300 rows"):
        train(pair, images, cpu, TrainingPlan(epochs=1, batch=batch))


def test_a_run_that_leaves_the_numbers_is_judged_to_its_end(pair: Pair, images: Images, cpu: Device) -> None:
    """A learning rate at which float32 overflows and float64 does not: every step is there, the first ones match."""
    wild = replace(pair, optimizers=replace(pair.optimizers, hyper={"learning_rate": 1e10, "momentum": 0.9}))
    run = train(wild, images, cpu, PLAN)
    assert _matched(run)[:2] == [True, True]
    assert not np.isfinite([run.steps[-1].loss_reference, run.steps[-1].drift_32]).any()
    assert np.isfinite([run.steps[-1].loss_gap_64, run.steps[-1].drift_64]).all()


def test_a_run_that_moves_nothing_is_no_match(pair: Pair, images: Images, cpu: Device) -> None:
    """As one shorter than what it gathers for a step, or one whose every step is skipped: its losses alone agree."""
    still = replace(pair, optimizers=replace(pair.optimizers, hyper={"learning_rate": 0.0, "momentum": 0.9}))
    run = train(still, images, cpu, PLAN)
    assert _matched(run) == [True] * STEPS
    assert run.verdict is Verdict.INCOMPLETE
    assert run.first_failure == f"no step of {STEPS} moved a parameter: expected more of them (--epochs)"


def test_the_distance_is_relative_over_all_parameters() -> None:
    """|(3, 0, 4)| over |(0, 2, 0)| is 2.5; a parameter of zeros on both sides, as a bias may stay, has not drifted."""
    left, right = {"a": np.array([3.0, 2.0]), "b": np.array([4.0])}, {"a": np.array([0.0, 2.0]), "b": np.zeros(1)}
    assert distance(left, right) == 2.5
    assert distance({"b": right["b"]}, {"b": right["b"]}) == 0.0


def test_the_full_recipe_trains_both_alike(pair: Pair, cpu: Device) -> None:
    """The project's main claim, at full length (about 20 s): SGD 0.1, momentum 0.9, batches of 64, 15 epochs of the
    shipped images. Both sides reach 93 % on the test images, and every single step matches."""
    assert dict(pair.optimizers.hyper) == {"learning_rate": 0.1, "momentum": 0.9}
    images = load_images()
    run = train(pair, images, cpu, TrainingPlan())
    assert len(run.steps) == 15 * (len(images.train_labels) // 64)
    assert all(_matched(run)), run.first_failure
    last = run.epochs[-1]
    assert min(last.reference_32, last.port_32, last.reference_64, last.port_64) >= 0.93
