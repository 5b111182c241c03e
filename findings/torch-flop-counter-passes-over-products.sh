#!/usr/bin/env bash
# torch 2.13.0 (CPU): torch.utils.flop_counter.FlopCounterMode counts nothing for a matrix product that is added in
# place (addmm_, baddbmm_), and nothing for a product with a vector (mv, addmv) or for addbmm. A good guess (each is a
# product of known sizes, and addmm, baddbmm, mm, bmm and the forms with out= are counted) would be wrong: a training
# step by hand that adds its gradients to the momentum in place shows a fraction of its operations, without a warning.
#
# Seen, for (2, 3) @ (3, 5): mm, addmm, addmm(out=), linear and einsum 60 each, baddbmm of one batch 60;
# addmm_, baddbmm_ and addbmm 0; (2, 3) @ (3,): mv and addmv 0.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q torch==2.13.0 numpy==2.4.6
"$folder/env/bin/python" - <<'PY'
import torch
from torch.utils.flop_counter import FlopCounterMode

assert torch.__version__.split("+")[0] == "2.13.0"
a, b, total = torch.ones(2, 3), torch.ones(3, 5), torch.zeros(2, 5)
calls = {
    "mm": lambda: a @ b,
    "linear": lambda: torch.nn.functional.linear(a, b.T),
    "einsum": lambda: torch.einsum("ij,jk->ik", a, b),
    "addmm": lambda: torch.addmm(total, a, b),
    "addmm(out=)": lambda: torch.addmm(total, a, b, out=torch.empty(2, 5)),
    "baddbmm": lambda: torch.baddbmm(total[None], a[None], b[None]),
    "addmm_": lambda: torch.zeros(2, 5).addmm_(a, b),
    "baddbmm_": lambda: torch.zeros(1, 2, 5).baddbmm_(a[None], b[None]),
    "addbmm": lambda: torch.addbmm(total, a[None], b[None]),
    "mv": lambda: a @ b[:, 0],
    "addmv": lambda: torch.addmv(torch.zeros(2), a, b[:, 0]),
}
counted = {}
for name, call in calls.items():
    with FlopCounterMode(display=False) as counter:
        call()
    counted[name] = counter.get_total_flops()
    print(f"{name:12s} {counted[name]}")
uncounted = {"addmm_", "baddbmm_", "addbmm", "mv", "addmv"}
for name, flops in counted.items():
    assert flops == (0 if name in uncounted else 60), f"{name} is counted as {flops} now"
PY
