#!/usr/bin/env bash
# Run the main job and keep what it printed and wrote in results/NAME, where the README quotes it from.
#
#     scripts/make_results.sh cpu
set -euo pipefail
cd "$(dirname "$0")/.."
folder="results/${1:?a name for the machine, such as cpu}"
python=.venv/bin/python
[ -x "$python" ] || python=python3
mkdir -p "$folder"
COLUMNS=80 "$python" -m compare --out "$folder" | sed 's/ *$//' | tee "$folder/main-job.txt"
