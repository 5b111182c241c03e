"""The port's program at the working precision, in float64: what it says of a port that refuses float64."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import torch
from jax import lax

from compare.frameworks.integers import without_x64
from compare.sides.side import STEPS, SideError
from tests.compare.sides.judged import together
from tests.compare.small import dense_pair, loose_pair

USERS_MODELS = True


def only32(x):
    if x.dtype != jnp.float32:
        raise TypeError(f"this kernel is for float32, and {x.dtype} came")
    return x


def carried(p, x):
    """A scan whose carry is float32, whatever the rest is; constants, integers and a branch inside."""

    def step(carry, row):
        scaled = lax.cond(row.sum() > 0, lambda: row * 0.1, lambda: row / 3)
        return jnp.tanh(carry + scaled * p["w"]), carry.sum() * jnp.arange(4)[1:].sum()

    last, sums = lax.scan(step, jnp.zeros(4, jnp.float32), only32(x))
    return last, sums


def by_hand(p, x):
    carry, sums = np.zeros(4), []
    for row in x:
        sums.append(carry.sum() * 6)
        carry = np.tanh(carry + (row * 0.1 if row.sum() > 0 else row / 3) * p["w"])
    return carry, np.array(sums)


def test_it_is_what_the_port_would_compute_exactly(cpu):
    """To float64's rounding: constants are the decimals that they were written as."""
    quartet, entering = together(cpu, loose_pair(lambda p, x: x * p["w"], carried))
    with pytest.raises(SideError, match="this kernel is for float32"):
        quartet.oracle_port(entering)
    found = quartet.traced_port(entering)
    x, w = entering.batches[0].inputs["input0"].astype(np.float64), entering.weights["w"].astype(np.float64)
    for name, wanted in zip(("output", "output/1"), by_hand({"w": w}, x), strict=True):
        if name not in found:
            name = {"output": "output/0"}[name]
        assert found[name].dtype == np.float64
        np.testing.assert_allclose(found[name], wanted, rtol=1e-14)
    assert not quartet.port_as_traced.outside


def test_gradients_are_too(cpu):
    """Those of the oracle of a port that takes float64, to its rounding; in training steps as well."""
    optimizers = (lambda p: torch.optim.Adam(p, lr=0.01), optax.adam(0.01))
    quartet, entering = together(cpu, dense_pair(optimizers=optimizers), 2)
    for what in (None, STEPS):
        exact, found = quartet.oracle_port(entering, what), quartet.traced_port(entering, what)
        assert list(found) == list(exact)
        for name, array in exact.items():
            np.testing.assert_allclose(found[name], array, rtol=1e-9, atol=1e-12, err_msg=name)


def test_what_is_below_the_working_precision_has_no_exact_run(cpu):
    """A cast to bfloat16 is no rounding of the working precision's: raised, it would hide in the error."""

    def low(p, x):
        return only32(x).astype(jnp.bfloat16).astype(jnp.float32) * p["w"]

    quartet, entering = together(cpu, loose_pair(lambda p, x: x * p["w"], low))
    with pytest.raises(SideError, match="convert_element_type goes below float32"):
        quartet.traced_port(entering)


def test_what_is_not_jaxs_is_noted(cpu):
    """A callback gets the dtypes that it was written for."""

    def outside(p, x):
        def doubled(array):
            assert array.dtype == np.float32
            return array * 2

        shape = jax.ShapeDtypeStruct(x.shape, np.float32)
        called = jax.pure_callback(doubled, shape, lax.stop_gradient(only32(x)))
        return called * p["w"]

    quartet, entering = together(cpu, loose_pair(lambda p, x: x * p["w"], outside))
    found = quartet.traced_port(entering)
    x, w = entering.batches[0].inputs["input0"].astype(np.float64), entering.weights["w"].astype(np.float64)
    np.testing.assert_allclose(found["output"], 2 * x * w, rtol=1e-14)
    assert quartet.port_as_traced.outside


def test_within_it_jax_is_as_without_x64():
    """What is made there is the user's process's own."""
    with jax.enable_x64(True):
        with without_x64():
            assert (jnp.zeros(2).dtype, jnp.arange(2).dtype, (jnp.arange(2) / 3).dtype) == (
                "float32",
                "int32",
                "float32",
            )
        assert jnp.zeros(2).dtype == "float64"
