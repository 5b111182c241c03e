"""Losses: each fault a port makes in one is named."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tests.compare.explain.doctor.scenes import drawn, holds, scene_of, sound

X = drawn(5, 4)
Y = torch.from_numpy(drawn(5, 4, seed=1))
LABELS = torch.tensor([0, 3, 1, -100, 2])
WEIGHTS = torch.tensor([0.5, 2.0, 1.0, 3.0], dtype=torch.float64)
KNOWN = jnp.array([0, 3, 1, 0, 2])
COUNTED = np.array([1, 1, 1, 0, 1])


class Same(nn.Module):
    def forward(self, x):
        return x


def row(loss, port):
    return scene_of(Same(), [X], lambda p, x: port(x), loss=loss)


def entropy(labels=LABELS, **options):
    return lambda out: F.cross_entropy(out, labels, **options)


def picked(x, axis=-1):
    return -jax.nn.log_softmax(x, axis)[jnp.arange(5), KNOWN]


CROSS = [
    ("reduction", "sum", lambda x: (COUNTED * picked(x)).sum()),
    ("ignore_index", "mean over all rows", lambda x: (COUNTED * picked(x)).mean()),
    ("ignore_index", "none", lambda x: picked(x).mean()),
    ("softmax", "before the loss", lambda x: (COUNTED * picked(jax.nn.softmax(x))).sum() / 4),
    ("label_smoothing", "0.1", lambda x: (COUNTED * optax.softmax_cross_entropy(
        x, optax.smooth_labels(jax.nn.one_hot(KNOWN, 4), 0.1))).sum() / 4),
    ("scale", "0.5", lambda x: (COUNTED * picked(x)).sum() / 8),
    ("axis", "0", lambda x: (COUNTED * picked(x, 0)).sum() / 4),
]  # fmt: skip


@pytest.mark.parametrize(("setting", "value", "port"), CROSS, ids=[f"{row[0]} {row[1]}" for row in CROSS])
def test_cross_entropy(setting, value, port):
    """Reduction, rows that do not count, what it takes."""
    sound(row(entropy(), lambda x: (COUNTED * picked(x)).sum() / 4))
    holds(row(entropy(), port), setting, value)


def test_class_weights():
    """Ignored, or divided by the number of rows."""
    loss = entropy(torch.tensor([0, 3, 1, 0, 2]), weight=WEIGHTS)
    own = WEIGHTS.numpy()[np.asarray(KNOWN)]
    sound(row(loss, lambda x: (own * picked(x)).sum() / own.sum()))
    holds(row(loss, lambda x: picked(x).mean()), "weight", "none")
    holds(row(loss, lambda x: (own * picked(x)).mean()), "weight", "by the number of rows")


def test_labels_counted_from_elsewhere():
    """From 1, say."""
    loss = entropy(torch.tensor([0, 3, 1, 0, 2]))
    holds(row(loss, lambda x: -jax.nn.log_softmax(x)[jnp.arange(5), (KNOWN + 1) % 4].mean()), "labels", "y +1")


def test_a_logarithm_that_torch_bounds():
    """Of a probability of zero: -100 there, infinite in the port."""
    p, y = np.array([0.0, 0.3, 0.9]), torch.tensor([0.5, 1.0, 0.0], dtype=torch.float64)

    def port(_, x):
        return -(y.numpy() * jnp.log(x) + (1 - y.numpy()) * jnp.log1p(-x)).mean()

    holds(scene_of(Same(), [p], port, loss=lambda x: F.binary_cross_entropy(x, y)), "clamp", "none")


T = Y.numpy()
PROBABILITY = torch.softmax(Y, -1)
P = PROBABILITY.numpy()
OTHERS = [
    (lambda x: F.mse_loss(x, Y), "scale", "0.5", lambda x: optax.l2_loss(x, T).mean()),
    (lambda x: F.mse_loss(x, Y), "scale", "3.7", lambda x: 3.7 * ((x - T) ** 2).mean()),
    (lambda x: F.mse_loss(x, Y), "scale", "-1", lambda x: -((x - T) ** 2).mean()),
    (lambda x: F.mse_loss(x, Y), "reduction", "sum", lambda x: ((x - T) ** 2).sum()),
    (lambda x: F.mse_loss(x, Y), "reduction", "sum, over the batch", lambda x: ((x - T) ** 2).sum(-1).mean()),
    (lambda x: F.mse_loss(x, Y), "loss", "l1_loss", lambda x: jnp.abs(x - T).mean()),
    (lambda x: F.mse_loss(x, Y), "root", None, lambda x: jnp.sqrt(((x - T) ** 2).mean())),
    (lambda x: F.l1_loss(x, Y), "loss", "mse_loss", lambda x: ((x - T) ** 2).mean()),
    (lambda x: F.huber_loss(x, Y, delta=0.5), "delta", "1", lambda x: optax.huber_loss(x, T).mean()),
    (lambda x: F.smooth_l1_loss(x, Y, beta=0.5), "loss", "huber_loss",
     lambda x: optax.huber_loss(x, T, delta=0.5).mean()),
    (lambda x: F.kl_div(F.log_softmax(x, -1), PROBABILITY, reduction="batchmean"), "reduction", "mean",
     lambda x: optax.losses.kl_divergence(jax.nn.log_softmax(x), P).mean() / 4),
    (lambda x: F.kl_div(F.log_softmax(x, -1), PROBABILITY, reduction="sum"), "direction", None,
     lambda x: (jax.nn.softmax(x) * (jax.nn.log_softmax(x) - jnp.log(P))).sum()),
    (lambda x: F.binary_cross_entropy_with_logits(x, PROBABILITY), "sigmoid", "before the loss",
     lambda x: optax.sigmoid_binary_cross_entropy(jax.nn.sigmoid(x), P).mean()),
    (lambda x: F.binary_cross_entropy_with_logits(x, PROBABILITY, pos_weight=WEIGHTS), "pos_weight", "none",
     lambda x: optax.sigmoid_binary_cross_entropy(x, P).mean()),
]  # fmt: skip


@pytest.mark.parametrize(("loss", "setting", "value", "port"), OTHERS)
def test_another_loss(loss, setting, value, port):
    """Factor, reduction, form."""
    holds(row(loss, port), setting, value)


def test_sound_losses():
    """Nothing is said."""
    sound(row(lambda x: F.mse_loss(x, Y), lambda x: ((x - T) ** 2).mean()))
    sound(row(lambda x: F.huber_loss(x, Y, delta=0.5), lambda x: optax.huber_loss(x, T, delta=0.5).mean()))


def test_a_factor_shows_in_the_arrays_too():
    """A sum for a mean of twenty."""
    found = holds(row(lambda x: F.mse_loss(x, Y), lambda x: ((x - T) ** 2).sum()), "reduction", "sum")
    assert found.causes[0].text == "reduction is sum in the port, mean in the reference"


def smoothed(x):
    """Each row's loss against labels smoothed by a tenth."""
    labels = jax.nn.one_hot(jnp.array([0, 3, 1, 0, 2]), 4)
    return optax.softmax_cross_entropy(x, optax.smooth_labels(labels, 0.1))


def test_class_weights_by_rows():
    """Torch weighs each class of the smoothed label, a port each row."""
    targets, weights = torch.tensor([0, 3, 1, 0, 2]), jnp.asarray(WEIGHTS.numpy())
    rows = weights[jnp.array([0, 3, 1, 0, 2])]
    scene = row(
        entropy(targets, weight=WEIGHTS, label_smoothing=0.1), lambda x: (smoothed(x) * rows).sum() / rows.sum()
    )
    holds(scene, "weight", "by row")


def test_an_ignored_label_that_the_port_gathers():
    """Optax takes an entry that is not there: NaN, in the reference a number."""
    labels = jnp.asarray(LABELS.numpy())
    scene = row(entropy(), lambda x: optax.softmax_cross_entropy_with_integer_labels(x, labels).mean())
    assert np.isnan(scene.port["value"])
    holds(scene, "ignore_index", "NaN")


@pytest.mark.parametrize(("word", "reduce"), [("mean of the rows", jnp.mean), ("sum", jnp.sum)])
def test_ctc(word, reduce):
    """Torch's mean divides each row by the length of its target."""
    logits, labels, lengths = drawn(3, 12, 6, seed=2), np.array([[1, 2, 3, 4], [2, 3, 1, 0], [5, 1, 0, 0]]), [4, 3, 2]

    def loss(out):
        full = torch.full((3,), 12)
        logs = F.log_softmax(out, -1).transpose(0, 1)
        return F.ctc_loss(logs, torch.from_numpy(labels), full, torch.tensor(lengths))

    def rows(x):
        padded = jnp.arange(4)[None] >= jnp.array(lengths)[:, None]
        return optax.ctc_loss(x, jnp.zeros(x.shape[:2]), jnp.asarray(labels), padded.astype(x.dtype))

    def of(port):
        return scene_of(Same(), [logits], lambda p, x: port(x), loss=loss)

    sound(of(lambda x: (rows(x) / jnp.array(lengths)).mean()))
    holds(of(lambda x: reduce(rows(x))), "reduction", word)
