"""What JAX's profiler shows of calls."""

import jax
import numpy as np

from compare.frameworks.steps.jax_profile import jax_profile
from compare.frameworks.steps.step_event import CALLING, WAITING
from compare.frameworks.steps.xla_program import xla_program


def test_kernels_are_called_as_in_the_program(cpu):
    """Each instruction that runs, as often as it does, within the block."""
    x = jax.device_put(np.ones((256, 256), np.float32), cpu.jax)
    program = jax.jit(lambda x: (x @ x) @ x).lower(x).compile()
    results = [program(x).block_until_ready()]
    events = jax_profile(lambda: results.append(program(x)), lambda: jax.block_until_ready(results))
    kernels = [event for event in events if event.name in xla_program(program.as_text()).products]
    (calling,), (waiting,) = ([event for event in events if event.name == name] for name in (CALLING, WAITING))
    assert len(kernels) == 2
    assert all(calling.start <= event.start < event.end <= waiting.end for event in kernels)
