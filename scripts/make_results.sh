#!/usr/bin/env bash
# Run the main job and the benchmarks, and keep what they print and write in results/NAME, which the README quotes.
#
#     scripts/make_results.sh cpu && python3 scripts/update_readme.py
set -euo pipefail
cd "$(dirname "$0")/.."
folder="results/${1:?a name for the machine, such as cpu}"
python=${PYTHON:-.venv/bin/python}
mkdir -p "$folder"
COLUMNS=80 "$python" -P jaxport_command.py --out "$folder" | tee "$folder/main-job.txt"
COLUMNS=120 "$python" -P jaxport_command.py bench mlp --json "$folder/bench.json" | tee "$folder/bench.txt"
COLUMNS=110 "$python" -P jaxport_command.py bench mlp --sweep "$folder/sweep.json" --processes 1 | tee "$folder/sweep.txt"
"$python" benchmarks/above_floor.py --json "$folder/above_floor.json" | tee "$folder/above_floor.txt"
"$python" benchmarks/verify_time.py --json "$folder/verify_time.json" | tee "$folder/speed.txt"
"$python" benchmarks/judge.py --json "$folder/judge.json" | tee -a "$folder/speed.txt"
for name in encoder quantizer; do
    COLUMNS=100 "$python" -P jaxport_command.py verify "examples/differs/$name.py" --quick \
        | tee "$folder/differs-$name.txt" || true  # they differ on purpose
done
"$python" benchmarks/large.py --full --json "$folder/large.json" | tee "$folder/large.txt"
"$python" -m benchmarks.locate_time --count 40 --json "$folder/locate_time.json" | tee "$folder/locate_time.txt"
COLUMNS=100 "$python" -P jaxport_command.py contrast mlp --costs --capabilities --json "$folder/contrast-mlp.json" \
    | tee "$folder/contrast-mlp.txt"
"$python" benchmarks/contrast_memory.py --json "$folder/contrast_memory.json" | tee "$folder/contrast_memory.txt"
