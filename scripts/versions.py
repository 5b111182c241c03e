"""Run the quick tests in each tested set of versions, each in a virtual environment of its own, in .versions/.

    make versions                            # every set for the CPU
    make versions SETS=py312-newest-cpu      # this one

A set is a file of constraints/; the first two digits of its name are its Python's. Exit code 0: all pass; 1: some tests
fail; 2: a set could not be run, since its Python is not there or the index serves torch's CUDA build alone.
"""

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
GPU = re.compile(r"nvidia-|cuda-|triton$")  # what only the CUDA build of torch asks for
PYTEST = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "auto", "--dist", "worksteal")


class CannotRunError(Exception):
    """A set cannot be run here; the message says why, in one line."""


def cpu_sets(root: Path) -> dict[str, str]:
    """The sets for the CPU, and each one's Python: {"py312-cpu": "3.12"}."""
    names = sorted(path.stem for path in (root / "constraints").glob("py*-cpu.txt"))
    return {name: f"{name[2]}.{name[3:5]}" for name in names}


def pins(file: Path) -> dict[str, str]:
    """The versions that a file of constraints pins, by package."""
    return dict(line.split("==") for line in file.read_text().split())


def interpreter(version: str) -> str:
    """A Python of this version.

    Raises:
        CannotRunError: none is found on PATH.
    """
    for name in (f"python{version}", "python3", "python", sys.executable):
        ran = _run([name, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"], capture_output=True, text=True)
        if ran is not None and ran.returncode == 0 and ran.stdout.strip() == version:
            return name
    raise CannotRunError(f"no Python {version} on PATH")


def environment(root: Path, name: str, version: str) -> Path:
    """The set's Python, with the project and what its tests need installed at the set's pins.

    Raises:
        CannotRunError: no Python, an install that fails, or one that would fetch a GPU build.
    """
    folder = root / ".versions" / name
    python = folder / "bin" / "python"
    if not python.exists():
        _must([interpreter(version), "-m", "venv", str(folder)], "venv")
    constraints = root / "constraints" / f"{name}.txt"
    wanted = hashlib.sha256(constraints.read_bytes() + (root / "pyproject.toml").read_bytes()).hexdigest()
    ready = folder / "ready"
    if not ready.exists() or ready.read_text() != wanted:
        install = [str(python), "-m", "pip", "install", "--disable-pip-version-check", "--quiet"]
        asked = ["-e", f"{root}[test]", "-c", str(constraints)]
        planned = folder / "planned.json"
        _must([*install, "--dry-run", "--report", str(planned), *asked], "pip")
        refuse_gpu(json.loads(planned.read_text()))
        _must([*install, *asked], "pip")
        ready.write_text(wanted)
    return python


def refuse_gpu(planned: dict) -> None:
    """Look through what pip would install, of its ``--report``.

    Raises:
        CannotRunError: something of it is for a GPU: gigabytes that no test here uses.
    """
    names = sorted(package["metadata"]["name"].lower() for package in planned["install"])
    if builds := [name for name in names if GPU.match(name)]:
        raise CannotRunError(
            f"pip would install torch's CUDA build ({builds[0]} and {len(builds) - 1} more): "
            "set PIP_EXTRA_INDEX_URL to PyTorch's CPU wheel index"
        )


def main(arguments: list[str] | None = None, root: Path = ROOT) -> int:
    parser = argparse.ArgumentParser(description="Run tests in each tested set of versions.", allow_abbrev=False)
    known = cpu_sets(root)
    parser.add_argument("--set", action="append", choices=sorted(known), dest="sets", help="default: each")
    parser.add_argument("tests", nargs="+", help="what pytest is to run")
    options = parser.parse_args(arguments)
    codes: dict[str, int] = {}
    results: dict[str, str] = {}
    for name in options.sets or known:
        print(f"== {name}", flush=True)
        try:
            python = environment(root, name, known[name])
            ran = _run([str(python), *PYTEST, *options.tests], cwd=root, env={**os.environ, "OMP_NUM_THREADS": "1"})
            codes[name] = int(ran is None or ran.returncode != 0)
            results[name] = "FAILED" if codes[name] else "passed"
        except CannotRunError as error:
            codes[name], results[name] = 2, f"not run: {error}"
    for name, text in results.items():
        pinned = pins(root / "constraints" / f"{name}.txt")
        shown = ", ".join(f"{package} {pinned[package]}" for package in ("torch", "jax", "flax", "numpy"))
        print(f"{name:{max(map(len, results))}}  Python {known[name]}, {shown}: {text}")
    return max(codes.values())


def _must(command: list[str], name: str) -> None:
    ran = _run(command, stderr=subprocess.PIPE, text=True)
    if ran is None or ran.returncode:
        lines = (ran.stderr if ran else "").strip().splitlines()
        raise CannotRunError(f"{name}: {lines[-1] if lines else 'failed'}")


def _run(command: list[str], **settings) -> subprocess.CompletedProcess | None:
    """None where there is no such program."""
    try:
        return subprocess.run(command, check=False, **settings)
    except OSError:
        return None


if __name__ == "__main__":
    sys.exit(main())
