#!/usr/bin/env bash
# torch2jax 0.1.0 (PyPI), torch 2.13.0 (CPU), jax 0.10.2: a torch.nn.GELU() that goes through t2j is the tanh approximation
# of GELU, since torch.nn.functional.gelu is implemented by jax.nn.gelu, whose default is approximate=True where torch's
# is 'none'. The package's own words are "a JAX-native computation graph that follows exactly your PyTorch code, down to
# the last epsilon", and its other activations do: a good guess (a converter keeps torch's defaults) would be wrong for
# every transformer with an exact GELU. The gap is small enough (5e-4) for a tolerance of 1e-3.
#
# Seen: GELU through t2j is 4.7e-04 from torch's and 5e-07 from torch's approximate='tanh'; Tanh and Sigmoid are within 2e-07.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q torch==2.13.0 jax==0.10.2 torch2jax==0.1.0 numpy==2.4.6
JAX_PLATFORMS=cpu "$folder/env/bin/python" - <<'PY'
import jax.numpy as jnp
import numpy as np
import torch
from torch2jax import t2j

assert torch.__version__.split("+")[0] == "2.13.0"
x = np.linspace(-4, 4, 801, dtype=np.float32)


def gap(module, like):
    """The largest difference between a module that was converted and one of torch's."""
    return float(np.max(np.abs(np.asarray(t2j(module)(jnp.asarray(x), state_dict={})) - like(torch.from_numpy(x)).numpy())))


exact, tanh = torch.nn.GELU(), torch.nn.GELU(approximate="tanh")
found = {"GELU": gap(exact, exact), "the tanh approximation": gap(exact, tanh)}
others = {name: gap(module, module) for name, module in (("Tanh", torch.nn.Tanh()), ("Sigmoid", torch.nn.Sigmoid()))}
print(f"GELU() through t2j: {found['GELU']:.1e} from torch's GELU(), "
      f"{found['the tanh approximation']:.0e} from torch's GELU(approximate='tanh')")
print(", ".join(f"{name}: {size:.0e}" for name, size in others.items()))
assert 1e-4 < found["GELU"] < 1e-3, "torch2jax's GELU is torch's now"
assert found["the tanh approximation"] < 1e-6
assert max(others.values()) < 1e-6
PY
