"""What does it cost to find where and why a port differs, against the verdict on the same pair without its fault?

Of every planted fault of the tests, or of a seeded sample of them, the faulty pair and the sound one are verified by
turns, each in a process of its own, as ``jaxport verify FILE --quick`` does it: what is imported counts, and what is
compiled. Processor time of the whole process, which other work on the machine hardly touches.

    python -m benchmarks.locate_time [--count 40] [--seed 0] [--json results/cpu/locate_time.json]
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

SIDES = ("sound", "faulty")
WANTED = {"median": 2.5, "90th percentile": 4.0}  # of the ratios, at most
SHOWN = 10  # of the faults that cost the most


def one(name: str, side: str) -> dict[str, object]:
    """The verdict on one pair of the table, and the processor seconds of this process until it is there."""
    from compare.api import verify
    from tests.compare.planted.reports import ROWS

    row = next(row for row in ROWS if row.name == name)
    report = verify((row.pair if side == "faulty" else row.sound)(), device="cpu", quick=row.probe == "batch")
    said = [cause["setting"] for cause in report.form["pairs"][0]["causes"] if cause["certain"]]
    return {"verdict": report.verdict, "certain": said, "seconds": time.process_time()}


def apart(name: str, side: str) -> dict[str, object]:
    """``one`` in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.locate_time", "--one", name, side]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    answer: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return answer


def chosen(count: int | None, seed: int) -> list[str]:
    """The names of the rows, all or a sample of them, in an order of its own."""
    from tests.compare.planted.reports import ROWS

    names = [row.name for row in ROWS]
    order = np.random.default_rng(seed).permutation(len(names))
    return [names[at] for at in order[:count]]


def measure(names: Sequence[str]) -> Iterator[dict[str, object]]:
    """Both sides of each row, and the ratio."""
    for name in names:
        both = {side: apart(name, side) for side in SIDES}
        seconds = {side: float(str(both[side]["seconds"])) for side in SIDES}
        ratio = seconds["faulty"] / seconds["sound"]
        yield {"name": name, **seconds, "ratio": ratio, "certain": both["faulty"]["certain"]}


def summary(rows: Sequence[Mapping[str, object]]) -> dict[str, float]:
    """Of the ratios and of the seconds that locating adds."""
    ratios = np.array([row["ratio"] for row in rows], float)
    added = np.array([float(str(row["faulty"])) - float(str(row["sound"])) for row in rows])
    return {
        "median": float(np.median(ratios)),
        "90th percentile": float(np.percentile(ratios, 90)),
        "most": float(ratios.max()),
        "median added seconds": float(np.median(added)),
        "most added seconds": float(added.max()),
    }


def said(rows: Sequence[Mapping[str, object]], of: int) -> Iterator[str]:
    """The result in lines."""
    found = summary(rows)
    yield f"{len(rows)} of {of} planted faults, processor time of the faulty pair's process over the sound one's:"
    yield f"  median {found['median']:.2f} (wanted at most {WANTED['median']})"
    yield f"  90th percentile {found['90th percentile']:.2f} (wanted at most {WANTED['90th percentile']})"
    yield f"  most {found['most']:.2f}"
    yield f"  locating adds {found['median added seconds']:.1f} s (median), {found['most added seconds']:.1f} s at most"
    for row in sorted(rows, key=lambda row: -float(str(row["ratio"])))[:SHOWN]:
        causes = ", ".join(map(str, row["certain"])) or "none"  # type: ignore[call-overload]
        yield f"  {row['ratio']:6.2f}  {row['name']}: {row['sound']:.1f} s, {row['faulty']:.1f} s; certain: {causes}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, help="planted faults, drawn by the seed; by default all of them")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--one", nargs=2, metavar=("NAME", "SIDE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(one(*options.one)))
        return
    from compare.frameworks.devices import choose
    from compare.frameworks.environment import fingerprint

    names, every, rows = chosen(options.count, options.seed), len(chosen(None, options.seed)), list[dict[str, object]]()
    for row in measure(names):
        rows.append(row)
        print(f"{len(rows)} of {len(names)}: {row['ratio']:.2f}  {row['name']}", file=sys.stderr, flush=True)
        if options.json:  # after each, so that a run which is cut off leaves what it has
            form = {
                "environment": fingerprint(choose("cpu")),
                "seed": options.seed,
                "of": every,
                "wanted_at_most": WANTED,
                "summary": summary(rows),
                "rows": rows,
            }
            options.json.write_text(json.dumps(form, indent=1) + "\n")
    print(*said(rows, every), sep="\n", flush=True)


if __name__ == "__main__":
    main()
