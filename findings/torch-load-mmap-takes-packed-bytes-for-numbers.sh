#!/usr/bin/env bash
# torch 2.13.0, torch.load(mmap=True): of a checkpoint whose zip archive was packed anew with compression (as archivers
# and some stores of artefacts do), the packed bytes are taken for the numbers, without an error or a warning. A good
# guess would be wrong: the plain torch.load unpacks the very same file and is right, and mmap=True is documented as the
# same values, read when they are needed; it refuses what it cannot map elsewhere (files of the older format).
#
# Seen: 4,096 random float32 before a table of 8,192 random integers, deflated: all equal with mmap=False; with mmap=True
# of the same shape and dtype, and not one of the 4,096 equal. Packed anew without compression they are equal with either.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q torch==2.13.0 numpy==2.4.6
cd "$folder"
"$folder/env/bin/python" - <<'PY'
import zipfile

import torch

assert torch.__version__.split("+")[0] == "2.13.0"
torch.manual_seed(0)
weight = torch.rand(4096)
table = torch.randint(-(2**31), 2**31, (8192,), dtype=torch.int32)  # which no packing makes smaller
torch.save({"weight": weight, "table": table}, "plain.pt")
for name, packing in (("stored", zipfile.ZIP_STORED), ("deflated", zipfile.ZIP_DEFLATED)):
    with zipfile.ZipFile("plain.pt") as plain, zipfile.ZipFile(f"{name}.pt", "w", packing) as packed:
        for part in plain.infolist():
            packed.writestr(part.filename, plain.read(part))
    equal: dict[bool, int] = {}
    for mapped in (False, True):
        loaded = torch.load(f"{name}.pt", weights_only=True, mmap=mapped)["weight"]
        assert loaded.shape == weight.shape
        equal[mapped] = int((loaded == weight).sum())
    print(torch.__version__, name, "equal entries without mmap", equal[False], "with mmap", equal[True])
    assert equal[False] == 4096
    assert equal[True] == (4096 if name == "stored" else 0)
PY
