"""How fast is one verdict on 50 million entries? Against three warm calls of numpy.testing.assert_allclose.

The four arrays of one quantity: float32 at the working precision, float64 from the oracles, all a match, so that the
worst entry is not looked up. Both are timed in turns in one process; the ratio of the medians is what counts.

    python benchmarks/judge.py [--json results/cpu/judge.json]
"""

import argparse
import json
import statistics
import time
import tracemalloc
from pathlib import Path

import numpy as np

from compare.verdict.precision import FLOAT32
from compare.verdict.verdict import Verdict, judge

ENTRIES = 50_000_000
REPEATS = 5


def seconds(run) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def three_allclose(t64: np.ndarray, j64: np.ndarray) -> None:
    for _ in range(3):
        np.testing.assert_allclose(j64, t64, rtol=1e-7)


def measure() -> dict:
    rng = np.random.default_rng(0)
    t64 = rng.standard_normal(ENTRIES)
    j64 = t64 * (1 + 2.0**-53 * rng.standard_normal(ENTRIES))
    t, j = t64.astype(np.float32), j64.astype(np.float32)
    runs = {"verdict": lambda: judge(t, j, t64, j64, FLOAT32), "three_allclose": lambda: three_allclose(t64, j64)}
    assert judge(t, j, t64, j64, FLOAT32).verdict is Verdict.MATCH
    three_allclose(t64, j64)
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(REPEATS):
        for name, run in runs.items():
            times[name].append(seconds(run))
    tracemalloc.start()
    judge(t, j, t64, j64, FLOAT32)
    peak = tracemalloc.get_traced_memory()[1]
    medians = {name: statistics.median(values) for name, values in times.items()}
    return {
        "entries": ENTRIES,
        "repeats": REPEATS,
        "seconds": medians,
        "times_as_fast": medians["three_allclose"] / medians["verdict"],
        "wanted_at_least": 5.0,
        "verdict_peak_bytes": peak,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    result = measure()
    print(
        f"one verdict on {ENTRIES:,} entries {result['seconds']['verdict']:.2f} s, three assert_allclose "
        f"{result['seconds']['three_allclose']:.2f} s: {result['times_as_fast']:.1f} times as fast; "
        f"it allocates {result['verdict_peak_bytes'] / 1024:.0f} KiB"
    )
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
