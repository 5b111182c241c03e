#!/usr/bin/env bash
# torch 2.13.0 (CPU), torch.float64: the gradients of two activations are accurate to float32 only. hardsigmoid's is
# multiplied by 1/6 rounded to float32, celu's divides by an alpha rounded to float32 first. A good guess (double in,
# double out, as for elu, hardswish and every other activation, and as these two compute their own outputs) would be
# wrong; torch.autograd.gradcheck, which compares to 1e-5 or so, passes both.
#
# Seen: hardsigmoid's slope 0.1666666716337204 (1/6 is 0.1666666666666667), relative error 3.0e-08; celu's at
# x = -1, alpha = 0.3: relative error 9.3e-08; elu with the same alpha: below 1e-15; outputs of both: below 1e-15.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q torch==2.13.0 numpy==2.4.6
"$folder/env/bin/python" - <<'PY'
import math

import torch
import torch.nn.functional as F

assert torch.__version__.split("+")[0] == "2.13.0"


def slope(function, at):
    x = torch.tensor([at], dtype=torch.float64, requires_grad=True)
    function(x).backward()
    return x.grad.item()


def error(value, exact):
    return abs(value / exact - 1)


alpha, x = 0.3, -1.0
hard, celu = slope(F.hardsigmoid, x), slope(lambda v: F.celu(v, alpha), x)
elu = slope(lambda v: F.elu(v, alpha), x)
double = torch.tensor([x], dtype=torch.float64)
outputs = [
    error(F.hardsigmoid(double).item(), (x + 3) / 6),
    error(F.celu(double, alpha).item(), alpha * math.expm1(x / alpha)),
]
print(f"hardsigmoid's slope {hard:.16f}, relative error {error(hard, 1 / 6):.1e}")
print(f"celu's slope: relative error {error(celu, math.exp(x / alpha)):.1e}")
print(f"elu's slope: {error(elu, alpha * math.exp(x)):.0e}; outputs of hardsigmoid and celu: {max(outputs):.0e}")
assert 1e-9 < error(hard, 1 / 6) < 1e-7, "hardsigmoid's gradient is accurate to float64 now"
assert 1e-9 < error(celu, math.exp(x / alpha)) < 1e-6, "celu's gradient is accurate to float64 now"
assert error(elu, alpha * math.exp(x)) < 1e-15
assert max(outputs) < 1e-15
given = torch.tensor([x], dtype=torch.float64, requires_grad=True)
assert torch.autograd.gradcheck(lambda v: F.celu(v, alpha) + F.hardsigmoid(v), given)
PY
