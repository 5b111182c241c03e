"""The loss's scale beside ``torch.amp.GradScaler``: step by step, whatever overflows."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

from jaxport.optimizers.scaling import LossScale, choose

OVERFLOWS = [1, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0]


@pytest.mark.parametrize(("scale", "interval"), [(2.0**10, 3), (2.0**126, 1)])
def test_it_moves_as_torchs_does(scale, interval):
    """Halved after an overflow, doubled after so many sound steps, and never to infinity; gradients come back whole."""
    weight = torch.nn.Parameter(torch.tensor([2.0]))
    optimizer = torch.optim.SGD([weight], 0.5)
    scaler = torch.amp.GradScaler("cpu", scale, growth_interval=interval)
    own, params = LossScale.of(scale, interval), jnp.float32(2.0)
    for overflow in OVERFLOWS:
        factor = float("inf") if overflow else 0.25
        optimizer.zero_grad()
        scaler.scale((weight * factor).sum()).backward()
        scaler.step(optimizer)
        scaler.update()
        scaled = jax.grad(lambda p, by=factor, scaling=own: scaling.scaled(p * by))(params)
        grads, finite = own.unscaled(scaled)
        params, own = choose(finite, params - 0.5 * grads, params), own.adjusted(finite)
        assert (float(own.scale), int(own.sound)) == (scaler.get_scale(), scaler._get_growth_tracker())
        np.testing.assert_array_equal(params, weight.item())
    assert np.isfinite(own.scale)


def test_one_gradient_that_overflows_holds_all_back():
    """Of many."""
    grads, finite = LossScale.of(4.0).unscaled({"a": jnp.ones(3), "b": jnp.array([1.0, jnp.nan])})
    assert not finite
    np.testing.assert_array_equal(grads["a"], 0.25)


def test_a_loss_in_float16_is_scaled_too() -> None:
    """As torch does it, in float32: 2^16 is infinite in float16."""
    scale = LossScale.of()
    assert scale.scaled(jnp.float16(0.5)) == 2.0**15
    grads, finite = scale.unscaled({"w": jnp.full(2, 2.0**10, jnp.float16)})
    assert bool(finite)
    assert grads["w"].dtype == jnp.float16
    assert grads["w"].tolist() == [2.0**-6] * 2
