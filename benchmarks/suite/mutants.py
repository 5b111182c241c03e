"""Which faults of the tool itself do its tests catch, and did they catch more in another checkout?

    python -m benchmarks.suite.mutants [BEFORE] [--count 200] [--seed 0] [--jobs 1] [--json results/cpu/mutants.json]

A mutant is this checkout with one point of one function of `compare/` changed: a comparison, a sign, a number, a
branch, or an argument left out. They are drawn evenly over the rooms, from a seed. Each runs against the tests nearest
to it, those that import the changed module and then those of its folder, until one fails. With BEFORE, what survives
the tests that import it is planted there too, in the function of the same name and text wherever it stands, and only
what is caught there meets the folder's tests here: one that survives them is an escape, and makes the exit code 1.
Some mutants are no fault (a tolerance a little larger).
With `--jobs` several are tried at a time, each in checkouts of its own. What is settled is written as it comes, and a
run that was cut off goes on from there.
"""

import argparse
import ast
import json
import multiprocessing
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.suite.points import Point, functions, mutated, points

HERE = Path(__file__).parents[2]
HEAVY = ("numpy", "torch", "torch._dynamo", "jax", "flax.linen", "flax.nnx", "optax", "matplotlib.pyplot", "rich")
PROCESSOR = 300  # processor seconds for the tests of one mutant: load does not change them
LIMIT = 3600  # seconds: a deadlock uses no processor
FIRST, REST = slice(0, 1), slice(1, None)  # of the nearest tests
HANGS = "it does not come to an end"  # which is a failure too
trees: list[Path | None] = []  # of this job: its copy of this checkout, and of the other where there is one


@dataclass
class Mutant:
    """One point changed, and what became of it: ``here`` and ``before`` are the first test file that failed, "" where
    none did, None where it was not run."""

    room: str
    module: str
    function: str
    point: Point
    here: str | None = None
    before: str | None = None

    @property
    def escapes(self) -> bool:
        """Whether it is caught before, and not here."""
        return bool(self.before) and not self.here

    @property
    def key(self) -> str:
        return f"{self.module} {self.function} {asdict(self.point)}"


def drawn(tree: Path, count: int, seed: int) -> Iterator[Mutant]:
    """Mutants of ``tree``, each room in turn."""
    rng = random.Random(seed)
    rooms: dict[str, list[Mutant]] = {}
    for path in sorted((tree / "compare").rglob("*.py")):
        module = path.relative_to(tree)
        room = module.parts[1] if len(module.parts) > 2 else "the doors"
        for name, function in functions(ast.parse(path.read_text())).items():
            rooms.setdefault(room, []).extend(Mutant(room, str(module), name, point) for point in points(function))
    for sites in rooms.values():
        rng.shuffle(sites)
    turns = [rooms[name] for name in sorted(rooms)]
    for number in range(count):
        if sites := turns[number % len(turns)]:
            yield sites.pop()


def nearest(tree: Path, module: str) -> list[list[str]]:
    """Test files in the order in which they are worth running: those that import the module, the one that mirrors it
    first, then its folder's."""
    path = Path(module)
    dotted = ".".join(path.with_suffix("").parts)
    files = sorted((tree / "tests").rglob("test_*.py"))
    parent, _, name = dotted.rpartition(".")
    texts = {file: file.read_text() for file in files}
    direct = [file for file, text in texts.items() if f"{dotted} " in text or f"from {parent} import {name}" in text]
    direct.sort(key=lambda file: file.name != f"test_{name}.py")
    folder = tree / "tests" / path.parent
    beside = folder.glob("test_*.py") if path.parent == Path("compare") else folder.rglob("test_*.py")
    rest = [file for file in sorted(beside) if file not in direct]
    return [[str(file.relative_to(tree)) for file in part] for part in (direct, rest) if part]


def counterpart(tree: Path, mutant: Mutant, function: ast.AST) -> str | None:
    """The module of ``tree`` that holds the same function, imports apart, or None."""
    wanted = _without_imports(function)
    for path in sorted((tree / "compare").rglob("*.py")):
        other = functions(ast.parse(path.read_text())).get(mutant.function)
        if other is not None and _without_imports(other) == wanted:
            return str(path.relative_to(tree))
    return None


def _without_imports(function: ast.AST) -> str:
    tree = ast.parse(ast.unparse(function))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            node.module, node.names = None, []
    return ast.dump(tree)


def caught(tree: Path, module: str, mutant: Mutant, parts: slice = slice(None)) -> str:
    """The first test file that fails with the mutant planted in ``module`` of ``tree``, or nothing; of ``parts`` of the
    nearest tests: those that import the module, then its folder's."""
    path = tree / module
    whole = path.read_text()
    path.write_text(mutated(whole, mutant.function, mutant.point))
    try:
        for files in nearest(tree, module)[parts]:
            if failed := _failing(tree, files):
                return failed
        return ""
    finally:
        path.write_text(whole)


def _failing(tree: Path, files: list[str]) -> str:
    """Of ``files``, the first that does not pass, in a copy of this process, which has the frameworks in it already."""
    noted = tree / "failed.txt"
    noted.unlink(missing_ok=True)
    child = os.fork()
    if not child:
        try:
            _test(tree, files, noted)
        finally:
            os._exit(1)
    until = time.monotonic() + LIMIT
    while time.monotonic() < until:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGXCPU:
                return HANGS
            failed = noted.read_text() if noted.exists() else ""
            return failed or ("" if status == 0 else files[0])
        time.sleep(0.05)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return HANGS


def _test(tree: Path, files: list[str], noted: Path) -> None:
    import pytest

    class Noting:
        def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
            if report.failed:
                noted.write_text(report.nodeid)

    os.chdir(tree)
    sys.path.insert(0, str(tree))
    sys.dont_write_bytecode = True  # a mutant may have the size and the second of what it replaces
    os.environ |= {"PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}
    resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR, PROCESSOR + 5))
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 1)
    os.dup2(silent, 2)
    code = pytest.main(["-x", "-q", "-p", "no:cacheprovider", "--timeout=0", *files], plugins=[Noting()])
    os._exit(0 if code in (0, 5) else 1)


def settled(mutant: Mutant) -> Mutant:
    """The mutant, with what became of it in this job's checkouts."""
    here, before = trees
    if not before:
        mutant.here = caught(here, mutant.module, mutant)
        return mutant
    mutant.here = caught(here, mutant.module, mutant, FIRST)
    if not mutant.here:
        function = functions(ast.parse((here / mutant.module).read_text()))[mutant.function]
        if module := counterpart(before, mutant, function):
            mutant.before = caught(before, module, mutant)
        if mutant.before:
            mutant.here = caught(here, mutant.module, mutant, REST)
    return mutant


def take_copies(whole: list[Path], folder: Path) -> None:
    """This job's own checkouts, in which it plants: here, and before where there is one."""
    own = folder / str(os.getpid())
    copies = [_copied(tree, own / tree.name) for tree in whole]
    trees[:] = [copies[0], copies[1] if len(copies) > 1 else None]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("before", nargs="?", type=Path)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    for name in HEAVY:
        __import__(name)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        whole = [_copied(HERE, folder / "here")]
        if options.before:
            whole.append(_copied(options.before, folder / "before"))
        copied = multiprocessing.get_context("fork").Pool(options.jobs, take_copies, (whole, folder))
        wanted = list(drawn(whole[0], options.count, options.seed))
        known = on_file(options.json, options.seed)
        mutants = [known[mutant.key] for mutant in wanted if mutant.key in known]
        with copied as jobs:
            for mutant in jobs.imap_unordered(settled, [mutant for mutant in wanted if mutant.key not in known]):
                mutants.append(mutant)
                if options.json:
                    options.json.write_text(form(options.seed, mutants))
                print(f"{mutant.module} {mutant.function}: {mutant.point.text}: {mutant.here or 'survives'}"
                      + (f" (before: {mutant.before})" if mutant.before else ""), flush=True)  # fmt: skip
    escapes = [mutant for mutant in mutants if mutant.escapes]
    killed = sum(bool(mutant.here) for mutant in mutants)
    print(f"{killed} of {len(mutants)} are caught; {len(escapes)} are caught in the other checkout alone")
    return bool(escapes)


def form(seed: int, mutants: list[Mutant]) -> str:
    """The result as JSON, complete or not: a run that was cut off goes on from there."""
    caught = sum(bool(mutant.here) for mutant in mutants)
    escapes = sum(mutant.escapes for mutant in mutants)
    told = {"seed": seed, "caught": caught, "escapes": escapes, "mutants": [*map(asdict, mutants)]}
    return json.dumps(told, indent=1) + "\n"


def on_file(path: Path | None, seed: int) -> dict[str, Mutant]:
    """The mutants that an earlier run has settled, by their key."""
    if not path or not path.exists():
        return {}
    told = json.loads(path.read_text())
    rows = told["mutants"] if told["seed"] == seed else []
    mutants = [Mutant(**{**row, "point": Point(**row["point"])}) for row in rows]
    return {mutant.key: mutant for mutant in mutants}


def _copied(tree: Path, where: Path) -> Path:
    unwanted = shutil.ignore_patterns(".git", ".venv", "__pycache__", ".*_cache", ".hypothesis")
    return Path(shutil.copytree(tree.resolve(), where, ignore=unwanted))


if __name__ == "__main__":
    sys.exit(main())
