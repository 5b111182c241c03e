#!/usr/bin/env bash
# torch 2.13.0, torch.optim.SGD(fused=True) on the CPU: parameters in bfloat16 or float16 stay as they are, but for a
# tail that fills no vector. A good guess would be wrong: fused=True is accepted for them without a word, is documented
# as the same update in one kernel, and is right in float32; Adam, AdamW and Adagrad with fused=True are right in
# bfloat16. The processor's instruction set does not matter.
#
# Seen: 64 zeros after a step of learning rate 1 with gradients of 1: -1 in float32, 0 in bfloat16 and in float16;
# without fused -1 in each.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q torch==2.13.0 numpy==2.4.6
"$folder/env/bin/python" - <<'PY'
import torch


def stepped(dtype, fused):
    parameter = torch.nn.Parameter(torch.zeros(64, dtype=dtype))
    parameter.grad = torch.ones(64, dtype=dtype)
    torch.optim.SGD([parameter], lr=1.0, fused=fused).step()
    return set(parameter.tolist())


assert torch.__version__.split("+")[0] == "2.13.0"
print(torch.__version__, torch.backends.cpu.get_cpu_capability())
for dtype, moved in ((torch.float32, {-1.0}), (torch.bfloat16, {0.0}), (torch.float16, {0.0})):
    fused, plain = stepped(dtype, True), stepped(dtype, False)
    print(dtype, "fused", fused, "plain", plain)
    assert plain == {-1.0}
    assert fused == moved, f"fused SGD in {dtype} now gives {fused}"
PY
