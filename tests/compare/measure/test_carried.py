"""One side's state on the other: parameters, moments and counts, and the next step from there."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from compare.errors import UsageError
from compare.measure.carried import to_port, to_reference
from compare.measure.trainees import PortTrainee, ReferenceTrainee
from compare.pair import pairs
from compare.pair.pair import Optimizers
from compare.pair.prepare import prepare
from compare.pair.training_recipes import with_recipe
from compare.verdict.precision import FLOAT64

IMAGES = np.random.default_rng(0).random((4, 8, 1, 28, 28), np.float32)
LABELS = np.arange(32, dtype=np.int32).reshape(4, 8) % 10


def _both(pair, cpu):
    weights = pair.weights(np.random.default_rng(0))
    prepared = prepare(pair, 0)
    return ReferenceTrainee(prepared, weights, FLOAT64, cpu), PortTrainee(prepared, weights, FLOAT64, cpu)


def _apart(reference, port):
    one, other = reference.parameters(), port.parameters()
    return max(float(np.abs(one[name] - other[name]).max()) for name in one)


@pytest.fixture(scope="module")
def trained(cpu):
    """AdamW on two groups, masked in optax, with clipping and a schedule; each side two steps on other images."""
    reference, port = _both(with_recipe(pairs.find("mlp"), "adamw-cosine", 20), cpu)
    for at in (0, 1):
        reference.step(IMAGES[at], LABELS[at])
        port.step(IMAGES[at + 2], LABELS[at + 2])
    return reference, port


def test_each_goes_on_where_the_other_stands(trained):
    """First the port at the reference's place, and from another place of the port's own the way back."""
    reference, port = trained
    assert _apart(reference, port) > 1e-4
    to_port(reference, port, 2)
    assert _apart(reference, port) == 0
    reference.step(IMAGES[2], LABELS[2])
    port.step(IMAGES[2], LABELS[2])
    assert 0 < _apart(reference, port) < 1e-14
    port.step(IMAGES[3], LABELS[3])
    to_reference(port, reference)
    assert _apart(reference, port) == 0
    steps = {float(state["step"]) for state in reference.optimizer.state.values()}
    assert steps == {4.0}


def test_what_does_not_move_is_said(cpu):
    """An optimizer without a twin, and gradients that wait for their step."""
    reference, port = _both(with_recipe(pairs.find("mlp"), "accumulated", 20), cpu)
    reference.step(IMAGES[0], LABELS[0])
    with pytest.raises(UsageError, match="gradients that are gathered"):
        to_port(reference, port, 1)
    pair = pairs.find("mlp")
    other = Optimizers(
        lambda p: torch.optim.Muon([one for one in p if one.ndim == 2]),
        lambda: pair.optimizers.port(learning_rate=0.1, momentum=0),
    )
    reference, port = _both(replace(pair, optimizers=other), cpu)
    with pytest.raises(UsageError, match="the state of Muon has no twin"):
        to_reference(port, reference)


def test_the_scale_of_a_loss_goes_along(cpu):
    """With how many steps were sound since it changed."""
    pair = with_recipe(pairs.find("mlp"), "float16", 20)
    own = replace(pair.optimizers, scale=4.0, growth_interval=2)
    reference, port = _both(replace(pair, optimizers=own), cpu)
    for at in range(3):
        reference.step(IMAGES[at], LABELS[at])
    to_port(reference, port, 3)
    assert (float(port.scaling.scale), int(port.scaling.sound)) == (8.0, 1)
    port.step(IMAGES[3], LABELS[3])
    to_reference(port, reference)
    assert reference.scale() == port.scale() == 16.0
    assert _apart(reference, port) == 0
