"""Whole training runs: sound ones match at every step, faulty ones from the very step on which the fault acts."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import optax
import pytest
import torch

import jaxport.train
import torchref.train
from compare import pairs
from compare.devices import Device
from compare.errors import UsageError
from compare.images import Images, load_images
from compare.pair import Pair
from compare.training import Plan, Training, distance, train
from compare.verdict import Verdict

PLAN = Plan(epochs=1, batch=64)
STEPS = 4


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
def recorded(pair: Pair, images: Images, cpu: Device) -> tuple[Training, "Recorder"]:
    """A run of the pair as it is, and what both sides were given in it."""
    with pytest.MonkeyPatch.context() as patch:
        seen = Recorder(patch)
        return train(pair, images, cpu, PLAN), seen


@pytest.fixture(scope="module")
def sound(recorded: tuple[Training, "Recorder"]) -> Training:
    """That run alone."""
    return recorded[0]


@pytest.fixture
def two_threads() -> Iterator[None]:
    """torch on two threads, as the user may have set it."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


class Recorder:
    """Stands in for both sides' ``train_step`` and keeps the batches they are given."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reference: list[tuple[np.ndarray, np.ndarray]] = []
        self.port: list[tuple[np.ndarray, np.ndarray]] = []
        self.threads: set[int] = set()
        steps = torchref.train.train_step, jaxport.train.train_step

        def reference(model: Any, optimizer: Any, batch: Any, labels: Any) -> Any:
            self.threads.add(torch.get_num_threads())
            self.reference.append((batch.numpy().copy(), labels.numpy().copy()))
            return steps[0](model, optimizer, batch, labels)

        def port(model: Any, optimizer: Any, params: Any, state: Any, batch: Any, labels: Any) -> Any:
            self.port.append((np.array(batch), np.array(labels)))
            return steps[1](model, optimizer, params, state, batch, labels)

        monkeypatch.setattr(torchref.train, "train_step", reference)
        monkeypatch.setattr(jaxport.train, "train_step", port)


def _matched(run: Training) -> list[bool]:
    return [step.verdict is Verdict.MATCH for step in run.steps]


def test_every_step_of_a_sound_pair_matches(sound: Training) -> None:
    """Losses and updates of four steps; the verdict is theirs, and no failure is named."""
    assert _matched(sound) == [True] * STEPS
    assert (sound.verdict, sound.first_failure) == (Verdict.MATCH, "")
    assert all(0 < step.used <= 1 for step in sound.steps)


def test_the_last_partial_batch_is_left_out(sound: Training, images: Images) -> None:
    """300 images are four batches of 64, as the plan says beforehand."""
    assert [step.step for step in sound.steps] == [1, 2, 3, 4]
    assert PLAN.steps(len(images.train_labels)) == STEPS


def test_the_numbers_are_those_of_a_sound_run(sound: Training) -> None:
    """Float64 drifts far less than float32, the port no more than reordering does, and each step would see 1e-10."""
    last = sound.steps[-1]
    assert 0 < last.drift_64 < 1e-6 * last.drift_32 < 1e-12
    assert last.drift_32 < 30 * last.envelope
    assert all(step.sees < 1e-10 for step in sound.steps)
    assert list(sound.drift_by_parameter) == ["net.1.weight", "net.1.bias", "net.3.weight", "net.3.bias"]
    assert sound.epochs[0].port_64 == pytest.approx(sound.epochs[0].reference_64, abs=1e-6)


FAULTS: dict[str, tuple[Callable[..., Any], int]] = {
    "the wrong sign": (lambda learning_rate, momentum: optax.sgd(-learning_rate, momentum), 1),
    "weight decay 1e-4": (
        lambda learning_rate, momentum: optax.chain(
            optax.add_decayed_weights(1e-4), optax.sgd(learning_rate, momentum)
        ),
        1,
    ),
    "momentum 1e-6 too large": (lambda learning_rate, momentum: optax.sgd(learning_rate, momentum * (1 + 1e-6)), 2),
    "a schedule that sets in": (
        lambda learning_rate, momentum: optax.sgd(
            optax.join_schedules([optax.constant_schedule(learning_rate), optax.constant_schedule(0.099)], [2]),
            momentum,
        ),
        3,
    ),
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
    step, calls = jaxport.train.train_step, iter(range(100))

    def short(model: Any, optimizer: Any, params: Any, state: Any, batch: Any, labels: Any) -> Any:
        last = -1 if next(calls) // 2 == 1 else None  # float32 and float64 are one step
        return step(model, optimizer, params, state, batch[:last], labels[:last])

    monkeypatch.setattr(jaxport.train, "train_step", short)
    run = train(pair, images, cpu, PLAN)
    assert _matched(run)[:2] == [True, False]
    assert run.first_failure.startswith("step 2, ")
    assert "gap" in run.first_failure


def test_both_sides_see_the_same_batches_in_the_same_order(recorded: tuple[Training, Recorder], images: Images) -> None:
    """Each step's batch goes to all five runs, to the last with its rows permuted; no image comes twice."""
    seen = recorded[1]
    assert (len(seen.reference), len(seen.port)) == (3 * STEPS, 2 * STEPS)
    used = []
    for step in range(STEPS):
        (batch, labels), oracle, permuted = seen.reference[3 * step : 3 * step + 3]
        for other, whose in (oracle, *seen.port[2 * step : 2 * step + 2]):
            np.testing.assert_array_equal(other, batch)
            np.testing.assert_array_equal(whose, labels)
        rows = [[_row(image, label) for image, label in zip(*one, strict=True)] for one in ((batch, labels), permuted)]
        assert rows[0] != rows[1]
        assert sorted(rows[0]) == sorted(rows[1])
        used += rows[0]
    given = {_row(image, label) for image, label in zip(images.train_images, images.train_labels, strict=True)}
    assert len(used) == len(set(used)) == STEPS * PLAN.batch
    assert set(used) <= given


def _row(image: np.ndarray, label: Any) -> bytes:
    return image.astype(np.float32).tobytes() + bytes([int(label)])


def test_the_seed_decides_everything(sound: Training, pair: Pair, images: Images, cpu: Device) -> None:
    """The same plan gives the same run to the last number."""
    assert train(pair, images, cpu, PLAN) == sound


@pytest.mark.usefixtures("two_threads")
def test_the_threads_of_torch_are_given_back(
    pair: Pair, images: Images, cpu: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One thread while it trains, two again after it, and after an exception in the middle of it."""
    seen = Recorder(monkeypatch)

    def stop(step: int, accuracy: float) -> None:
        assert accuracy == 0.0
        if step == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(pair, images, cpu, PLAN, stop)
    assert seen.threads == {1}
    assert len(seen.port) == 2 * 2
    assert torch.get_num_threads() == 2


@pytest.mark.parametrize("batch", [0, -1, 301])
def test_a_batch_beyond_the_images_is_refused(pair: Pair, images: Images, cpu: Device, batch: int) -> None:
    """In one line that says how many there are."""
    with pytest.raises(UsageError, match=f"--batch {batch}: expected 1 to 300 rows"):
        train(pair, images, cpu, Plan(epochs=1, batch=batch))


def test_a_run_that_leaves_the_numbers_is_judged_to_its_end(pair: Pair, images: Images, cpu: Device) -> None:
    """A learning rate at which float32 overflows and float64 does not: every step is there, the first ones match."""
    wild = replace(pair, optimizers=replace(pair.optimizers, hyper={"learning_rate": 1e10, "momentum": 0.9}))
    run = train(wild, images, cpu, PLAN)
    assert _matched(run)[:2] == [True, True]
    assert not np.isfinite([run.steps[-1].loss_reference, run.steps[-1].drift_32]).any()
    assert np.isfinite([run.steps[-1].loss_gap_64, run.steps[-1].drift_64]).all()


def test_the_distance_is_relative_over_all_parameters() -> None:
    """|(3, 0, 4)| over |(0, 2, 0)| is 2.5."""
    left, right = {"a": np.array([3.0, 2.0]), "b": np.array([4.0])}, {"a": np.array([0.0, 2.0]), "b": np.zeros(1)}
    assert distance(left, right) == 2.5
    assert distance(right, right) == 0.0


def test_equal_zeros_are_no_distance_apart() -> None:
    """A parameter that is zero on both sides, as a bias may start and stay, has not drifted."""
    assert distance({"a": np.zeros(2)}, {"a": np.zeros(2)}) == 0.0


def test_the_full_recipe_trains_both_alike(pair: Pair, cpu: Device) -> None:
    """The project's main claim, at full length (about 20 s): SGD 0.1, momentum 0.9, batches of 64, 15 epochs of the
    shipped images. Both sides reach 93 % on the test images, and every single step matches."""
    assert dict(pair.optimizers.hyper) == {"learning_rate": 0.1, "momentum": 0.9}
    images = load_images()
    run = train(pair, images, cpu, Plan())
    assert len(run.steps) == 15 * (len(images.train_labels) // 64)
    assert all(_matched(run)), run.first_failure
    last = run.epochs[-1]
    assert min(last.reference_32, last.port_32, last.reference_64, last.port_64) >= 0.93
