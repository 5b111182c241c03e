#!/usr/bin/env bash
# torch 2.13.0: nn.LazyInstanceNorm2d() is not nn.InstanceNorm2d(C) with the number of channels left to the first
# input: it has weights and running statistics, which InstanceNorm2d has not by default, and so evaluates by the
# running statistics. A good guess (a lazy module becomes its eager twin, as LazyLinear, LazyConv2d and LazyBatchNorm2d
# do) would be wrong: in training both agree to the bit, in evaluation an image of mean 5 comes out with mean 4.5, not
# 0.
#
# Seen: defaults of affine and track_running_stats False and False, lazily True and True; entries of the state dict
# none, lazily five; outputs in training equal; mean of the outputs in evaluation, straight after: 0.000, lazily 4.544.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q torch==2.13.0 numpy==2.4.6
"$folder/env/bin/python" - <<'PY'
import inspect

import torch
from torch import nn

assert torch.__version__.split("+")[0] == "2.13.0"


def defaults(module):
    own = inspect.signature(module).parameters
    return {name: own[name].default for name in ("affine", "track_running_stats")}


eager, lazy = nn.InstanceNorm2d(3), nn.LazyInstanceNorm2d()
torch.manual_seed(0)
x = 5 + torch.randn(4, 3, 8, 8)
alike = torch.equal(eager(x), lazy(x))
print("defaults:", defaults(nn.InstanceNorm2d), "lazily", defaults(nn.LazyInstanceNorm2d))
print("entries of the state dict:", list(eager.state_dict()), "lazily", list(lazy.state_dict()))
means = [module.eval()(x).mean().item() for module in (eager, lazy)]
print(f"outputs in training equal: {alike}; means in evaluation: {means[0]:.3f}, lazily {means[1]:.3f}")
assert type(lazy) is nn.InstanceNorm2d, "the lazy module has become its eager twin by name"
assert alike
assert list(eager.state_dict()) == []
assert len(lazy.state_dict()) == 5, "the lazy module has no state now"
assert abs(means[0]) < 1e-4
assert means[1] > 4, "the lazy module normalises by the input's own statistics in evaluation now"
for one, other in ((nn.BatchNorm2d(3), nn.LazyBatchNorm2d()), (nn.Linear(8, 2), nn.LazyLinear(2))):
    other(x)
    assert list(one.state_dict()) == list(other.state_dict())
PY
