"""What a call does beside computing is counted, and what it waits for is seen."""

import sys
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

from compare.frameworks.steps.host_calls import (
    SWITCHED,
    host_calls,
    moved_to_device,
    outputs_left,
    python_lines,
    waited_for,
)

HELD = jnp.ones(2)


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("item", lambda: torch.ones(1).item()),
        ("tolist", lambda: torch.ones(2).tolist()),
        ("numpy", lambda: torch.ones(2).numpy()),
        ("cpu", lambda: torch.ones(2).cpu()),
        ("from_numpy", lambda: torch.from_numpy(np.ones(2))),
        ("asarray", lambda: np.asarray(HELD)),
        ("_value", lambda: float(jnp.ones(()))),
        ("device_get", lambda: jax.device_get(jnp.ones(2))),
        ("device_put", lambda: jax.device_put(1.0)),
        ("block_until_ready", lambda: jax.block_until_ready(jnp.ones(2))),
        ("sleep", lambda: time.sleep(0)),
        ("set_num_threads", lambda: torch.set_num_threads(torch.get_num_threads())),
        ("set_float32_matmul_precision", lambda: torch.set_float32_matmul_precision("highest")),
    ],
)
def test_each_is_counted(name, call):
    """Once for each time."""
    assert host_calls(lambda: (call(), call()))[name] == 2


def test_computing_counts_nothing():
    """Neither does an honest call of either framework."""
    step, x, w = jax.jit(lambda x: x @ x + 1), jnp.ones((4, 4)), torch.ones(4, 4, requires_grad=True)
    step(x)
    assert host_calls(lambda: (step(x), (w @ w).sum().backward())) == {}


def test_the_profiler_of_another_is_put_back():
    """A run under coverage or a debugger goes on."""
    import sys

    before = sys.getprofile()
    host_calls(lambda: None)
    assert sys.getprofile() is before


def test_what_is_waited_for():
    """By the function, by the method, by reading a value."""
    one, two, three, four = (jnp.ones(n) for n in (2, 3, 4, 5))
    waited, _ = waited_for(lambda: (jax.block_until_ready({"a": one}), two.block_until_ready(), three.tolist()))
    assert {id(one), id(two), id(three)} <= waited
    assert id(four) not in waited


def test_what_a_call_leaves_behind():
    """New arrays that somebody holds; what was there, and what is gone, are none."""
    kept = [jnp.ones(3)]
    left = outputs_left(lambda: kept.append(kept[0] + 1) or (kept[0] * 2).sum())
    assert [id(array) for array in left] == [id(kept[1])]


def test_a_copy_to_the_device_is_seen():
    """Silent and spoken; arrays that lie there are no copy."""
    step, x = jax.jit(lambda x: x + 1), np.ones(3, np.float32)
    on_device = jax.device_put(x)
    assert moved_to_device(lambda: step(on_device)) == ""
    assert "float32[3]" in moved_to_device(lambda: step(x))
    assert "float32[3]" in moved_to_device(lambda: step(jax.device_put(x)))


def test_a_mode_that_is_on_within_is_seen():
    """Though it is off before and after."""

    def within():
        with jax.debug_nans(True), torch.autograd.profiler.profile():
            torch.ones(2).sum()

    counts = host_calls(within)
    assert {name for name in counts if name.startswith(SWITCHED)} == {
        f"{SWITCHED}torch profiler", f"{SWITCHED}jax_debug_nans"
    }  # fmt: skip


def test_lines_of_python_are_counted():
    """In whosever code; the tracer of another is put back."""

    def busy():
        for _ in range(100):
            pass

    before = sys.gettrace()
    assert 200 <= python_lines(busy) <= 210
    assert sys.gettrace() is before
