#!/usr/bin/env bash
# Run the main job and keep what it printed and wrote in results/NAME, where the README quotes it from.
#
#     scripts/make_results.sh cpu && python3 scripts/update_readme.py
set -euo pipefail
cd "$(dirname "$0")/.."
folder="results/${1:?a name for the machine, such as cpu}"
python=${PYTHON:-.venv/bin/python}
mkdir -p "$folder"
COLUMNS=80 "$python" -m compare --out "$folder" | sed 's/ *$//' | tee "$folder/main-job.txt"
