#!/usr/bin/env bash
# torchax 0.0.13 (PyPI), torch 2.11.0 (CPU), jax 0.12.0.1: a torch.nn.BatchNorm2d in training mode never moves its running
# statistics. The operation computes the new ones into local names and returns without them, so that neither the module's
# buffers nor those that a functional call was given change. A good guess (a converter that runs torch's own module keeps
# torch's side effects, as it does for num_batches_tracked, which goes on counting) would be wrong: a model trained so
# evaluates by mean 0 and variance 1, whatever it saw. Outputs and gradients of training agree with torch's to rounding.
#
# Seen: after a training step torch's running_mean has moved by 1.1e-01, torchax's by 0; the counter is 1 on both.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q torch==2.11.0 jax==0.12.0.1 torchax==0.0.13 numpy==2.4.6
JAX_PLATFORMS=cpu "$folder/env/bin/python" - <<'PY'
import numpy as np
import torch
import torchax
from torchax.interop import JittableModule

x = np.random.default_rng(0).standard_normal((4, 3, 5, 5)).astype(np.float32) * 2 + 1
module, like = torch.nn.BatchNorm2d(3), torch.nn.BatchNorm2d(3)
wanted = like(torch.from_numpy(x)).detach().numpy()

env = torchax.default_env()
held = JittableModule(module)
params, buffers = env.t2j_copy(dict(held.params)), env.t2j_copy(dict(held.buffers))
params, buffers, given = env.j2t_iso((params, buffers, env.t2j_copy(torch.from_numpy(x))))
with env:
    made = held.functional_call("forward", params, buffers, given)
after = env.t2j_iso(buffers)
apart = float(np.abs(np.asarray(env.t2j_iso(made)) - wanted).max())
moved = float(np.abs(np.asarray(after["running_mean"])).max()), float(like.running_mean.abs().max())
counted = int(after["num_batches_tracked"]), int(like.num_batches_tracked)
print(f"outputs in training: {apart:.0e} apart")
print(f"running_mean moved by {moved[1]:.1e} in torch, {moved[0]:.0e} in torchax; counters {counted[1]} and {counted[0]}")
assert apart < 1e-5
assert moved[1] > 0.05
assert moved[0] == 0, "torchax's running statistics move now"
PY
