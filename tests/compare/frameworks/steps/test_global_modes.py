"""What one sets for all is read."""

import jax
import pytest
import torch

from compare.frameworks.steps.global_modes import global_modes


def changed(before):
    after = global_modes()
    assert after.keys() == before.keys()
    return {name for name in after if after[name] != before[name]}


def test_nothing_changes_by_reading():
    """Twice the same."""
    assert changed(global_modes()) == set()


@pytest.mark.parametrize(
    ("name", "setting", "value", "back"),
    [
        ("torch default dtype", torch.set_default_dtype, torch.float64, torch.float32),
        ("torch deterministic", torch.use_deterministic_algorithms, True, False),
        ("torch anomaly mode", torch.autograd.set_detect_anomaly, True, False),
        ("torch matmul precision", torch.set_float32_matmul_precision, "medium", "highest"),
        ("torch grad mode", torch._C._set_grad_enabled, False, True),
        ("jax_debug_nans", lambda on: jax.config.update("jax_debug_nans", on), True, False),
        ("jax_enable_x64", lambda on: jax.config.update("jax_enable_x64", on), True, False),
    ],
)
def test_each_is_read(name, setting, value, back):
    """By its name, and nothing else changes with it."""
    before = global_modes()
    setting(value)
    try:
        assert changed(before) == {name}
    finally:
        setting(back)
    assert changed(before) == set()


def test_threads_are_read():
    """However many there are."""
    before, count = global_modes(), torch.get_num_threads()
    torch.set_num_threads(count + 1)
    try:
        assert changed(before) == {"torch threads"}
    finally:
        torch.set_num_threads(count)


def test_a_variable_is_read(monkeypatch):
    """What a later process or a lazy library would listen to."""
    before = global_modes()
    monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_enable_fast_math=true")
    assert changed(before) == {"XLA_FLAGS"}
