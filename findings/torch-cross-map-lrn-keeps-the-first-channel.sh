#!/usr/bin/env bash
# torch 2.13.0: nn.CrossMapLRN2d(size) and nn.LocalResponseNorm(size) are both the normalisation across channels, by
# the same arguments with the same defaults, and are two functions: once the window of the former has moved past the
# first channel, that channel's square stays in the sum, for all channels to come. A good guess (the sum over the size
# channels around each) would be wrong; and the gradient, written by hand too, is not that of the module's own output.
#
# Seen, size 3, all inputs 1, so that the sum is the number of channels in it: CrossMapLRN2d 2 3 4 4 4 3,
# LocalResponseNorm 2 3 3 3 3 2; with only the first channel not zero, its square is in all six sums of CrossMapLRN2d.
# torch.autograd.gradcheck accepts LocalResponseNorm and refuses CrossMapLRN2d.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q torch==2.13.0 numpy==2.4.6
"$folder/env/bin/python" - <<'PY'
import torch
from torch import nn

assert torch.__version__.split("+")[0] == "2.13.0"
SIZE, CHANNELS = 3, 6
# alpha = size and beta = 1 make the divisor k + the sum of the window's squares.
given = {"size": SIZE, "alpha": float(SIZE), "beta": 1.0, "k": 1.0}
cross, local = nn.CrossMapLRN2d(**given), nn.LocalResponseNorm(**given)


def sums(module, squares):
    """How large the sum of squares is that each channel is divided by."""
    x = torch.tensor(squares, dtype=torch.float64).sqrt().reshape(1, -1, 1, 1)
    probe = x + (x == 0) * 1e-9  # a channel that is zero shows no divisor
    return [round(value - 1) for value in (probe / module(probe)).flatten().tolist()]


ones = [1.0] * CHANNELS
print("all ones:      CrossMapLRN2d", sums(cross, ones), "LocalResponseNorm", sums(local, ones))
first = [100.0] + [0.0] * (CHANNELS - 1)
print("the first 100: CrossMapLRN2d", sums(cross, first), "LocalResponseNorm", sums(local, first))
assert sums(local, ones) == [2, 3, 3, 3, 3, 2]
assert sums(cross, ones) == [2, 3, 4, 4, 4, 3], "the first channel leaves the window now"
assert sums(local, first) == [100, 100, 0, 0, 0, 0]
assert sums(cross, first) == [100] * CHANNELS
torch.manual_seed(0)
x = torch.randn(1, CHANNELS, 1, 1, dtype=torch.float64, requires_grad=True)
right = [torch.autograd.gradcheck(module, x, raise_exception=False) for module in (local, cross)]
print("gradcheck: LocalResponseNorm", right[0], "CrossMapLRN2d", right[1])
assert right == [True, False], "CrossMapLRN2d's gradient is that of its output now"
PY
