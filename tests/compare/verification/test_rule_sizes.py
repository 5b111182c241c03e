"""A rule that depends on how large parameters are is not judged on small ones: nobody is accused for it."""

import jax
import numpy as np
import optax
import pytest
import torch
from flax import linen as nn
from torch import nn as tnn

from compare import Batch, Pair, verify

USERS_MODELS = True
X = np.random.default_rng(0).standard_normal((4, 32), dtype=np.float32)


class Port(nn.Module):
    @nn.compact
    def __call__(self, x):
        return nn.Dense(3)(nn.relu(nn.Dense(48)(x)))


def reference():
    torch.manual_seed(0)
    return tnn.Sequential(tnn.Linear(32, 48), tnn.ReLU(), tnn.Linear(48, 3))


def large_decay(parameters, amount=0.1):
    """Decay for matrices of more than a thousand entries."""
    large = [one for one in parameters if one.numel() > 1000]
    rest = [one for one in parameters if one.numel() <= 1000]
    groups = [{"params": group, "weight_decay": decay} for group, decay in ((large, amount), (rest, 0.0)) if group]
    return torch.optim.AdamW(groups, lr=1e-2)


def masked(amount=0.1):
    return optax.adamw(1e-2, weight_decay=amount, mask=large)


def rule_of(optimizers):
    pair = Pair(reference(), Port(), Batch.of(X), optimizers=optimizers)
    return verify(pair, device="cpu", quick=True)


def test_a_sound_port_whose_groups_go_by_size_is_not_accused():
    """It is said that the rule was not judged apart, and why; the training steps are."""
    report = rule_of((large_decay, masked()))
    assert report.verdict == "match"
    assert "depends on the size of a parameter" in report.result.update_rule.text
    assert report.result.update_rule.verdict is None


def test_a_fault_of_such_a_port_is_seen_in_its_training_steps():
    """On whole parameters."""
    assert rule_of((large_decay, masked(0.2))).verdict == "mismatch"


def large(params):
    return jax.tree.map(lambda one: one.size > 1000, params)


@pytest.mark.parametrize(
    ("optimizers", "whose"),
    [
        ((large_decay, optax.adamw(1e-2, weight_decay=0.1)), "the reference's"),
        ((torch.optim.Adam, optax.chain(optax.adam(1e-3), optax.masked(optax.scale(1.0), large))), "the port's"),
    ],
    ids=["reference", "port"],
)
def test_it_is_said_whose(optimizers, whose):
    """Of each side by itself."""
    assert f"what {whose} does depends on the size" in rule_of(optimizers).result.update_rule.text


def test_a_rule_that_goes_by_names_or_axes_is_judged():
    """Groups by the number of axes fall as they do in training."""

    def reference_side(parameters):
        parameters = list(parameters)
        groups = [
            {"params": [one for one in parameters if (one.ndim > 1) is many], "weight_decay": 0.1 * many}
            for many in (True, False)
        ]
        return torch.optim.AdamW(groups, lr=1e-2)

    def mask(params):
        return jax.tree.map(lambda one: one.ndim > 1, params)

    report = rule_of((reference_side, optax.adamw(1e-2, weight_decay=0.1, mask=mask)))
    assert (report.verdict, str(report.result.update_rule.verdict)) == ("match", "match")
