"""Detection and false alarms of the verdict, on random sound and faulty ports, beside plain tolerances.

Each case is one random network with a sound port and a faulty one, each judged on several random draws of weights and
data; see README.md in this folder's parent. What is judged is appended to a file, case by case, so that a run that was
cut off goes on.

    python -m benchmarks.study [--cases 2200] [--workers 2] [--json results/cpu/study.json]
    python -m benchmarks.study --seed commit  # networks that nobody has chosen
    python -m benchmarks.study --case 17      # one case alone, with everything that was found
"""

import argparse
import json
import multiprocessing
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

# XLA's optimisation passes take most of a case's time on programs that run once. They are no part of what is asked:
# ``--optimised`` leaves them on.
XLA = "--xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false --xla_cpu_parallel_codegen_split_count=1"
HERE = Path(__file__).parent
RECYCLED_AFTER = 200  # cases until a worker is given up


def _quiet_start(optimised: bool) -> None:
    """What a worker, or this process, needs set before the frameworks are imported."""
    os.environ["OMP_NUM_THREADS"] = "1"
    os.environ["JAX_PLATFORMS"] = "cpu"
    os.environ["JAX_INCLUDE_FULL_TRACEBACKS_IN_LOCATIONS"] = "0"  # nobody reads the programs
    if not optimised:
        os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {XLA}".strip()


def study(options: argparse.Namespace) -> list[dict[str, Any]]:
    """All cases: those on file, and the others judged now."""
    from benchmarks.study.worker import work

    numbers = numbers_of(options.cases, options.only)
    rows = _on_file(options.out, options.seed, set(numbers))
    known = {number for number, _ in rows}
    left = [(options.seed, number, options.draws, options.named) for number in numbers if number not in known]
    options.out.parent.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    context = multiprocessing.get_context("spawn")
    with (
        context.Pool(options.workers, maxtasksperchild=RECYCLED_AFTER) as pool,
        options.out.open("a") as file,
    ):
        for done, made in enumerate(pool.imap_unordered(work, left), start=1):
            file.write("".join(json.dumps(row) + "\n" for row in made))
            file.flush()
            rows |= {(row["case"], row["draw"]): row for row in made}
            if done % 20 == 0 or done == len(left):
                each = (time.monotonic() - start) / done
                ahead = f"{each:.2f} s each, {each * (len(left) - done) / 60:.0f} min left"
                print(f"{len(known) + done} of {options.cases} networks: {ahead}", file=sys.stderr, flush=True)
    return [rows[key] for key in sorted(rows)]


def numbers_of(cases: int, only: str | None) -> list[int]:
    """The numbers of so many cases: plain networks and those of strangers by turns, or ``only`` either."""
    places = {"plain": (0,), "strangers": (1,), None: (0, 1)}[only]
    return [number for number in range(2 * cases) if number % 2 in places][:cases]


def seed_of(given: str) -> int:
    """A number as it is; ``commit`` is the first eight hexadecimal digits of what is checked out, which nobody chooses.

    Raises:
        ValueError: neither. CalledProcessError: there is no commit.
    """
    if given != "commit":
        return int(given)
    found = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True, cwd=HERE)
    return int(found.stdout[:8], 16)


def _on_file(path: Path, seed: int, numbers: set[int]) -> dict[tuple[int, int], dict[str, Any]]:
    if not path.exists():
        return {}
    rows = [json.loads(line) for line in path.read_text().splitlines() if line.endswith("}")]
    return {(row["case"], row["draw"]): row for row in rows if row["seed"] == seed and row["case"] in numbers}


def alone(options: argparse.Namespace) -> None:
    """One case, with its networks and both reports in full."""
    from benchmarks.study.case import case, judged, run, weight_map_for

    network, name, faulty = case(options.seed, options.case)
    print(network, f"\nfault: {name}\n", faulty, sep="\n")
    carried = None
    for which, one in (("sound", network), ("faulty", faulty)):
        runs = judged(network, one, carried)
        carried = weight_map_for(name, runs)
        print(f"\n{which}: {runs.report.verdict if runs.report else runs.refused}")
        for quantity in runs.report.quantities if runs.report else ():
            found = quantity.judgement
            print(f"  {quantity.name:32} {quantity.verdict:12} gap {found.gap:9.2e}  allowed {found.allowed:9.2e}  "
                  f"size {found.scale:9.2e}  {found.reason}")  # fmt: skip
        for notice in runs.report.notices if runs.report else ():
            print(f"  {notice}")
    print(json.dumps(run(options.seed, options.case, options.draws, options.named), indent=1))


def finished(options: argparse.Namespace, rows: list[dict[str, Any]]) -> None:
    """Print the result, and keep it."""
    from benchmarks.study.tally import tally, text
    from compare.frameworks import devices
    from compare.frameworks.environment import fingerprint

    broken = [row for row in rows if "broken" in row]
    form = tally([row for row in rows if "broken" not in row])
    said = text(form)
    if broken:
        said += f"\n\nbroken: {len(broken)}, first case {broken[0]['case']}: {broken[0]['broken'][:200]}"
    print(said)
    if options.json:
        head = {
            "command": f"python -m benchmarks.study --cases {options.cases} --draws {options.draws} "
            f"--seed {options.seed}"
            + (f" --only {options.only}" if options.only else "")
            + (" --named" if options.named else ""),
            "seed": options.seed,
            "xla_flags": os.environ.get("XLA_FLAGS", ""),
            "broken": [row["case"] for row in broken],
        }
        options.json.write_text(
            json.dumps({**head, **form, "environment": fingerprint(devices.choose("cpu"))}, indent=1) + "\n"
        )
        options.json.with_suffix(".txt").write_text(said + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.study", description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=560, help="random networks, each with a sound and a faulty port")
    parser.add_argument("--draws", type=int, default=4, help="draws of weights and data that each port is judged on")
    parser.add_argument("--case", type=int, help="this one alone, in full")
    parser.add_argument("--seed", type=seed_of, default=0, help="a number, or `commit`: that of what is checked out")
    parser.add_argument("--only", choices=("plain", "strangers"), help="even numbers are plain networks, odd ones not")
    parser.add_argument("--named", action="store_true", help="the causes of faulty ports as well, against the planted")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--out", type=Path, default=Path("/tmp/jaxport-study/cases.jsonl"), help="the cases, appended")
    parser.add_argument("--optimised", action="store_true", help="with all of XLA's optimisation passes")
    parser.add_argument("--json", type=Path, help="where the result goes; its text beside it")
    options = parser.parse_args()
    _quiet_start(options.optimised)
    if options.case is not None:
        alone(options)
    else:
        finished(options, study(options))


if __name__ == "__main__":
    main()
