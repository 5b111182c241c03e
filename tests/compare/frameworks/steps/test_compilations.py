"""Programs are counted as they are compiled."""

import jax
import jax.numpy as jnp
import torch

from compare.frameworks.steps.compilations import programs_compiled


def test_a_new_program_counts_and_a_known_one_does_not():
    """A new function is a new program, a new shape another."""
    step, x = jax.jit(lambda x: x * 3 + 1), jnp.ones(3)
    longer = jnp.ones(4)
    before = programs_compiled()
    step(x)
    assert programs_compiled() == before + 1
    step(x)
    assert programs_compiled() == before + 1
    step(longer)
    assert programs_compiled() == before + 2


def test_torch_counts_too():
    """Each frame that its compiler goes over."""
    x, y = torch.ones(3), torch.ones(3, 1)
    step = torch.compile(lambda x: x * 3 + 1, backend="eager", dynamic=False)
    step(x)
    before = programs_compiled()
    step(x)
    assert programs_compiled() == before
    step(y)
    assert programs_compiled() > before
