"""Whole models: the same function under replay, and every fault in a dropout seen."""

import jax
import jax.numpy as jnp
import pytest
import torch
from flax import linen
from torch import nn

from compare.frameworks.dropout.port import DropoutMismatch
from tests.compare.frameworks.dropout import models
from tests.compare.frameworks.dropout.models import (
    CASES,
    gap,
    linen_apply,
    masks_from,
    nnx_apply,
    run_port,
    run_reference,
)

CLOSE = 1e-12
FAR = 1e-3


def legs(case, **kwargs):
    return {"linen": linen_apply(case.linen(**kwargs)), "nnx": nnx_apply(case.nnx(**kwargs))}


@pytest.fixture(params=CASES)
def case(request, cpu):
    return CASES[request.param]


@pytest.mark.parametrize("leg", ["linen", "nnx"])
def test_outputs_and_gradients_agree_under_replay_and_only_there(case, leg):
    wanted, params, drawn = run_reference(case)
    masks, apply = masks_from(drawn), legs(case)[leg]
    assert len(masks) >= 2
    assert drawn.not_compared == []
    found, record = run_port(case, apply, params, masks)
    assert (record.unused, record.not_compared, record.in_order) == ([], [], True)
    assert record.rates_apart(drawn.drawn) == []
    assert gap(wanted, found) < CLOSE
    loose, _ = run_port(case, apply, params, masks, replay=False)
    assert gap(wanted, loose) > FAR


def test_another_seed_is_another_function(case):
    """Or the agreement above would not come from the masks."""
    wanted, params, drawn = run_reference(case)
    found, _ = run_port(case, legs(case)["linen"], params, masks_from(drawn, seed=12))
    assert gap(wanted, found) > FAR


@pytest.mark.parametrize("leg", ["linen", "nnx"])
def test_a_different_rate_is_seen_and_named(case, leg):
    wanted, params, drawn = run_reference(case)
    rates = (case.linen().rates[0], 0.25)
    found, record = run_port(case, legs(case, rates=rates)[leg], params, masks_from(drawn))
    assert gap(wanted, found) > FAR
    [line] = record.rates_apart(drawn.drawn)
    assert line.startswith(f"dropout {len(drawn.drawn) - 1}: rate ")
    assert ", 0.25 at tests/compare/frameworks/dropout/models.py:" in line


@pytest.mark.parametrize("leg", ["linen", "nnx"])
def test_a_missing_dropout_is_left_over_or_shifts_the_next(leg):
    case = CASES["mlp"]
    _, params, drawn = run_reference(case)
    _, record = run_port(case, legs(case, rates=(0.3, 0.0))[leg], params, masks_from(drawn))
    assert record.unused == [1]
    with pytest.raises(DropoutMismatch, match=r"dropout 0: .*\(4, 5\).*the reference has a mask of shape \(4, 8\)"):
        run_port(case, legs(case, rates=(0.0, 0.5))[leg], params, masks_from(drawn))


def test_one_dropout_too_many_is_a_mismatch():
    case = CASES["mlp"]
    _, params, drawn = run_reference(case)
    with pytest.raises(DropoutMismatch, match="met no more") as caught:
        run_port(case, legs(case)["linen"], params, masks_from(drawn)[:1])
    assert (caught.value.index, caught.value.reference_shape, caught.value.port_shape) == (1, None, (4, 5))


class Branches(nn.Module):
    def __init__(self):
        super().__init__()
        self.l1, self.l2 = nn.Linear(6, 8), nn.Linear(6, 5)
        self.drop = nn.Dropout(0.5)

    def forward(self, x):
        return torch.cat([self.drop(self.l1(x)), self.drop(self.l2(x))], 1)


class SwappedBranches(linen.Module):
    @linen.compact
    def __call__(self, x):
        drop = linen.Dropout(0.5, deterministic=False)
        second = drop(linen.Dense(5, name="l2")(x))
        return jnp.concatenate([drop(linen.Dense(8, name="l1")(x)), second], 1)


def test_a_swapped_order_is_a_mismatch():
    case = models.Case(Branches, None, None, lambda state: {n: models.dense(state, n) for n in ("l1", "l2")}, (4, 6))
    _, params, drawn = run_reference(case)
    with pytest.raises(DropoutMismatch) as caught:
        run_port(case, linen_apply(SwappedBranches()), params, masks_from(drawn))
    assert (caught.value.index, caught.value.reference_shape, caught.value.port_shape) == (0, (4, 8), (4, 5))


def test_attention_that_returns_its_weights_pairs_with_heads_apart():
    """Torch's mask is (N * H, L, S) there, Flax's is (N, H, L, S)."""

    class Attends(nn.Module):
        def __init__(self):
            super().__init__()
            self.self_attn = nn.MultiheadAttention(8, 2, dropout=0.3, batch_first=True)

        def forward(self, x):
            return self.self_attn(x, x, x)[0]

    def tree(state):
        norms = {f"{part}.{kind}": state["self_attn.out_proj.bias"] for part in ("norm1", "norm2", "linear1", "linear2")
                 for kind in ("weight", "bias")}  # fmt: skip
        return models.block_tree(state | norms)["attention"]

    case = models.Case(Attends, None, None, tree, (3, 5, 8))
    wanted, params, drawn = run_reference(case)
    assert [dropout.shape for dropout in drawn.drawn] == [(6, 5, 5)]
    port = linen.MultiHeadDotProductAttention(2, dropout_rate=0.3, broadcast_dropout=False, deterministic=False)
    found, record = run_port(case, linen_apply(port), params, masks_from(drawn))
    assert gap(wanted, found) < CLOSE
    assert record.unused == []


def test_the_keys_values_do_not_matter(monkeypatch):
    case = CASES["mlp"]
    _, params, drawn = run_reference(case)
    one, _ = run_port(case, legs(case)["linen"], params, masks_from(drawn))
    monkeypatch.setattr(models, "KEYS", {"dropout": jax.random.key(99)})
    other, _ = run_port(case, legs(case)["linen"], params, masks_from(drawn))
    assert gap(one, other) == 0.0
