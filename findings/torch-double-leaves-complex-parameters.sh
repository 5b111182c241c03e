#!/usr/bin/env bash
# torch 2.13.0: module.double() leaves complex64 parameters in complex64, and module.to(torch.float64) makes them real:
# the imaginary parts are gone, with a warning. A good guess (either gives complex128, the complex numbers of that
# precision, since a complex parameter counts as trainable floating data everywhere else) would be wrong. So a model with
# a Fourier layer that is run "in double" is run in single precision where it is complex, or without half its weights.
#
# Seen: double() complex64 beside float64; to(float64) float64, 1+2j became 1.0; half() and bfloat16() complex64;
# to(complex128) is what widens them, and makes every real parameter complex too.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q torch==2.13.0 numpy==2.4.6
"$folder/env/bin/python" - <<'PY'
import warnings

import torch
from torch import nn

assert torch.__version__.split("+")[0] == "2.13.0"


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([1 + 2j]))
        self.bias = nn.Parameter(torch.ones(1))


def kinds(module):
    return module.weight.dtype, module.bias.dtype


with warnings.catch_warnings(record=True) as seen:
    warnings.simplefilter("always")
    cast = Model().to(torch.float64)
print("double():      ", *kinds(Model().double()))
print("to(float64):   ", *kinds(cast), cast.weight.item(), "|", str(seen[0].message).split(" (")[0] if seen else "")
print("bfloat16():    ", *kinds(Model().bfloat16()))
print("to(complex128):", *kinds(Model().to(torch.complex128)))
assert kinds(Model().double()) == (torch.complex64, torch.float64), "double() now widens complex parameters"
assert kinds(cast) == (torch.float64, torch.float64), "to(float64) now keeps complex parameters complex"
assert cast.weight.item() == 1.0
assert any("discards the imaginary part" in str(one.message) for one in seen)
assert kinds(Model().bfloat16())[0] is torch.complex64
assert kinds(Model().to(torch.complex128)) == (torch.complex128, torch.complex128)
PY
