"""What does the test suite cost, and what did it cost before? Processor time by file and phase, trees side by side.

    python -m benchmarks.suite [TREE ...] [--json results/cpu/suite.json]

Each TREE is a checkout (`git worktree add ../before COMMIT`); without one, this one. Every tree runs what its
`make test` runs, one after the other, on the same machine, with the interpreter that runs this, with empty caches: no
byte code, no compiled programs, no test cache. Of several trees the first is the one that the last is held against.
"""

import argparse
import json
import os
import platform
import re
import resource
import shlex
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

PLUGIN = Path(__file__).parent
SHOWN = 25  # files of the table
PHASES = ("trace", "lower", "compile")


def commands(tree: Path) -> list[list[str]]:
    """The pytest calls of a tree's `make test`, as arguments."""
    recipe = re.search(r"^test:.*\n((?:\t.*\n)+)", (tree / "Makefile").read_text(), re.MULTILINE)
    assert recipe, f"{tree}: its Makefile has no `test`"
    lines = [line.strip().lstrip("@") for line in recipe[1].splitlines()]
    return [shlex.split(line.replace("$(BIN)/python", sys.executable)) for line in lines if "pytest" in line]


def environment(profile: Path, caches: Path) -> dict[str, str]:
    """This process's, without its caches, with the plugin."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("JAX_", "PYTEST"))}
    return kept | {
        "PYTHONPATH": str(PLUGIN),
        "PYTHONPYCACHEPREFIX": str(caches / "pycache"),
        "XDG_CACHE_HOME": str(caches),
        "TORCHINDUCTOR_CACHE_DIR": str(caches / "inductor"),
        "TMPDIR": str(caches),
        "SUITE_PROFILE": str(profile),
    }


def run(tree: Path, extra: list[str]) -> dict:
    """One whole run: processor seconds, the closing lines, and the costs by file."""
    with tempfile.TemporaryDirectory() as scratch:
        profile, caches = Path(scratch, "profile"), Path(scratch, "caches")
        profile.mkdir()
        caches.mkdir()
        before, told = resource.getrusage(resource.RUSAGE_CHILDREN), []
        for words in commands(tree):
            settings = dict(word.split("=", 1) for word in words if re.match(r"^[A-Z_]+=", word))
            call = [*words[len(settings) :], "-p", "plugin", "-p", "no:cacheprovider", *extra]
            done = subprocess.run(
                call, cwd=tree, env=environment(profile, caches) | settings, capture_output=True, text=True
            )
            told += [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
            told.append(done.stdout.strip().splitlines()[-1] if done.stdout.strip() else done.stderr[-300:])
            print(f"{tree}: {told[-1]}", file=sys.stderr)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        files: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
        for part in profile.glob("*.json"):
            for name, costs in json.loads(part.read_text()).items():
                for phase, seconds in costs.items():
                    files[name][phase] += seconds
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"processor_seconds": seconds, "told": told, "files": files}


def table(result: dict) -> str:
    """The dearest files, and all of them together, in processor seconds."""
    files = result["files"]
    rows = sorted(files.items(), key=lambda row: -row[1].get("processor", 0.0))
    total = {phase: sum(costs.get(phase, 0.0) for costs in files.values()) for phase in ("processor", "tests", *PHASES)}
    lines = [f"{'file':60s} {'tests':>6s} {'processor':>10s} {'trace':>7s} {'lower':>7s} {'compile':>8s}"]
    for name, costs in [*rows[:SHOWN], (f"all {len(rows)} files", total)]:
        shown = [costs.get(phase, 0.0) for phase in ("tests", "processor", *PHASES)]
        lines.append(
            "{:60s} {:6.0f} {:10.1f} {:7.1f} {:7.1f} {:8.1f}".format(name.removeprefix("tests/")[-60:], *shown)
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("trees", nargs="*", type=Path, default=[Path(__file__).parents[2]])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--pytest", default="", help="more arguments for pytest, as one text")
    options = parser.parse_args()
    results = {str(tree): run(tree.resolve(), shlex.split(options.pytest)) for tree in options.trees}
    for tree, result in results.items():
        print(f"{tree}: {result['processor_seconds']:.0f} processor seconds; {'; '.join(result['told'])}")
        print(table(result), end="\n\n")
    first, *_, last = [*results.values()] * 2 if len(results) == 1 else [*results.values()]
    ratio = last["processor_seconds"] / first["processor_seconds"]
    if len(results) > 1:
        print(f"the last takes {ratio:.2f} of the first's processor time")
    if options.json:
        machine = {"cores": os.cpu_count(), "machine": platform.machine(), "python": platform.python_version()}
        options.json.write_text(json.dumps({"machine": machine, "ratio": ratio, "trees": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
