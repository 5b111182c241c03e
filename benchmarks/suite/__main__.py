"""What does the test suite cost, and what did it cost before? Processor time by file and phase, trees side by side.

    python -m benchmarks.suite [TREE ...] [--together] [--json results/cpu/suite.json]

Each TREE is a checkout (`git worktree add ../before COMMIT`); without one, this one. Every tree runs what its
`make test` runs, on the same machine, with the interpreter that runs this, with empty caches: no byte code, no compiled
programs, no test cache. Trees run one after the other, or with `--together` at the same time with one worker each:
whatever else the machine does then disturbs all of them alike. Of several trees the first is the one that the last is
held against.
"""

import argparse
import json
import os
import platform
import re
import shlex
import subprocess
import sys
import tempfile
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
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
    """This process's, without its caches, with the plugin. Byte code is written, whatever is set here, as Python does
    by itself: or every process that a test starts would compile both frameworks from their sources."""
    own = ("JAX_", "PYTEST", "PYTHONDONTWRITEBYTECODE")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(own)}
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
        seconds, told = 0.0, []
        for words in commands(tree):
            settings = dict(word.split("=", 1) for word in words if re.match(r"^[A-Z_]+=", word))
            call = [*words[len(settings) :], "-p", "plugin", "-p", "no:cacheprovider", *extra]
            used, out, err = finished(call, tree, environment(profile, caches) | settings)
            seconds += used
            told += [line for line in out.splitlines() if line.startswith(("FAILED", "ERROR"))]
            told.append(out.strip().splitlines()[-1] if out.strip() else err[-300:])
            print(f"{tree}: {told[-1]}", file=sys.stderr)
        files: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
        for part in profile.glob("*.json"):
            for name, costs in json.loads(part.read_text()).items():
                for phase, cost in costs.items():
                    files[name][phase] += cost
    return {"processor_seconds": seconds, "told": told, "files": files}


def finished(call: list[str], folder: Path, variables: dict[str, str]) -> tuple[float, str, str]:
    """Processor seconds of one call and of all that it started and waited for, and what it wrote to either stream."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        process = subprocess.Popen(call, cwd=folder, env=variables, stdout=out, stderr=err)
        _, status, used = os.wait4(process.pid, 0)  # its own use alone: calls of other trees may run beside it
        process.returncode = os.waitstatus_to_exitcode(status)
        for stream in (out, err):
            stream.seek(0)
        return used.ru_utime + used.ru_stime, out.read(), err.read()


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
    parser.add_argument("--together", action="store_true", help="all trees at the same time, with one worker each")
    options = parser.parse_args()
    extra = [*shlex.split(options.pytest), *(["-n", "1"] if options.together else [])]
    with ThreadPoolExecutor(len(options.trees) if options.together else 1) as calls:
        found = calls.map(lambda tree: run(tree.resolve(), extra), options.trees)
        results = dict(zip(map(str, options.trees), found, strict=True))
    manner = "at the same time, with one worker each" if options.together else "one after the other"
    print(f"{len(results)} checkout{'s' * (len(results) > 1)}, {manner}, with empty caches\n")
    for tree, result in results.items():
        print(f"{tree}: {result['processor_seconds']:.0f} processor seconds; {'; '.join(result['told'])}")
        print(table(result), end="\n\n")
    first, *_, last = [*results.values()] * 2 if len(results) == 1 else [*results.values()]
    ratio = last["processor_seconds"] / first["processor_seconds"]
    if len(results) > 1:
        print(f"the last takes {ratio:.2f} of the first's processor time")
    if options.json:
        machine = {"cores": os.cpu_count(), "machine": platform.machine(), "python": platform.python_version()}
        form = {"machine": machine, "together": options.together, "ratio": ratio, "trees": results}
        options.json.write_text(json.dumps(form, indent=1) + "\n")


if __name__ == "__main__":
    main()
