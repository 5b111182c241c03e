"""How long does `jaxport verify mlp` take, whole process? Against importing the frameworks that it needs.

The full default: all default probes, certificates, compilation. Both commands run in turns on the same machine; the
ratio of the medians is what counts.

    python benchmarks/verify_time.py [--json results/cpu/verify_time.json]
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

from compare.cli.itself import itself

REPEATS = 7
COMMANDS = {
    "import": [sys.executable, "-c", "import torch, torch._dynamo, jax, flax.linen, optax"],
    "verify": itself("verify", "mlp", "--device", "cpu"),
}


def seconds(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - start


def measure() -> dict:
    for command in COMMANDS.values():
        seconds(command)  # the disk's cache is warm for both
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(REPEATS):
        for name, command in COMMANDS.items():
            times[name].append(seconds(command))
    medians = {name: statistics.median(values) for name, values in times.items()}
    return {
        "repeats": REPEATS,
        "seconds": medians,
        "ratio": medians["verify"] / medians["import"],
        "wanted_at_most": 2.0,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    result = measure()
    verify, imports = result["seconds"]["verify"], result["seconds"]["import"]
    print(f"verify mlp {verify:.1f} s, importing the frameworks {imports:.1f} s: {result['ratio']:.2f} times")
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
