"""The house rules of the project: who may import whom, and how plain the core files stay."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FRAMEWORKS = {"torch", "jax", "flax", "optax"}

# Inside compare, ideas build on each other in one direction: a module imports only from modules listed before it.
ORDER = [
    "first", "errors", "blame", "checkpoints", "precision", "norms", "verdict", "arrays", "views", "weights",
    "batch", "pair", "by_hand", "idx", "images", "devices", "environment", "pairs", "models", "dropout", "islands",
    "mapping", "prepare", "shelf", "sides", "variance", "probes", "mutants", "quartet", "quantity", "witnesses",
    "judging", "doctor", "locate", "explain", "envelope", "records", "bits", "certificates", "verification", "contrast",
    "trajectory", "trainees", "training", "drift", "lessons", "bench", "report", "book", "convert", "pair_file", "api",
    "commands", "cli", "__main__",
]  # fmt: skip


def sources(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def imported(path: Path, everywhere: bool = True) -> set[str]:
    """The modules that ``path`` imports; only at its top level unless ``everywhere``."""
    tree = ast.parse(path.read_text())
    nodes = ast.walk(tree) if everywhere else tree.body
    names: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            names |= {f"{node.module}.{alias.name}" for alias in node.names} | {str(node.module)}
    return names


def tops(names: set[str]) -> set[str]:
    return {name.split(".")[0] for name in names}


@pytest.mark.parametrize(
    ("side", "foreign"),
    [("torchref", {"jax", "flax", "optax", "jaxport", "compare"}), ("jaxport", {"torch", "torchref", "compare"})],
)
def test_neither_side_imports_the_other_or_compare(side, foreign):
    """Each side is its own framework's code."""
    assert sources(side)
    assert {path.name: found for path in sources(side) if (found := tops(imported(path)) & foreign)} == {}


def test_both_sides_have_the_same_files_and_public_names():
    """What is written on one side is written on the other, under the same name."""

    def public(path: Path) -> set[str]:
        body = ast.parse(path.read_text()).body
        named = {node.name for node in body if isinstance(node, ast.ClassDef | ast.FunctionDef)}
        return {name for name in named if not name.startswith("_")}

    reference, port = ({path.name: public(path) for path in sources(side)} for side in ("torchref", "jaxport"))
    assert port.pop("mlp_nnx.py") == {"MLP"}  # the same perceptron in Flax's other style, which torch has no twin of
    assert reference == port


@pytest.mark.parametrize(("file", "lines"), [("torchref/mlp.py", 40), ("jaxport/mlp.py", 40), ("compare/first.py", 60)])
def test_the_core_files_stay_short(file, lines):
    """A student reads these three first."""
    assert len((ROOT / file).read_text().splitlines()) <= lines


def test_first_needs_no_fourth_file_of_ours():
    """NumPy, the two frameworks and the two sides; nothing else of compare."""
    assert tops(imported(ROOT / "compare" / "first.py")) == {"numpy", "torch", "jax", "torchref", "jaxport"}


@pytest.mark.parametrize("module", ["verdict", "norms", "precision", "bits"])
def test_the_judge_knows_neither_framework(module):
    """Importing it imports no framework, directly or through anything else."""
    program = f"import sys, compare.{module}; print(sorted({FRAMEWORKS!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


def test_compare_builds_in_one_direction():
    """No module imports one that stands after it; every module has its place in the order."""
    rank = {name: place for place, name in enumerate(ORDER)}
    for path in sources("compare"):
        parts = path.relative_to(ROOT / "compare").with_suffix("").parts
        if parts == ("__init__",):
            continue
        own = parts[0]
        inner = {name.split(".")[1] for name in imported(path) if name.startswith("compare.")}
        late = {name for name in inner & set(rank) if rank[name] > rank[own]}
        assert not late, f"{path.name} imports {late}, which stand after it"


@pytest.mark.parametrize(
    "file",
    ["cli", "commands", "pairs", "devices", "environment", "pair", "batch", "views", "weights", "pair_file", "api"],
)
def test_frameworks_are_imported_where_they_are_used(file):
    """The command line and the registry know the pairs without loading either framework."""
    found = tops(imported(ROOT / "compare" / f"{file}.py", everywhere=False))
    assert not found & (FRAMEWORKS | {"torchref", "jaxport", "matplotlib"})


def test_every_source_file_says_what_it_is():
    """A docstring at its head, unless it is empty."""
    for folder in ("torchref", "jaxport", "compare", "scripts"):
        for path in sources(folder):
            text = path.read_text()
            assert not text.strip() or ast.get_docstring(ast.parse(text)), path


def test_the_tests_mirror_the_tree():
    """Each module of a side or of compare has its test file, at the same place."""
    untested = {
        "__init__",
        "__main__",
        "first",
        "errors",
        "quantity",
        "precision",
        "trainees",
        "trajectory",
        "scene",
        "diagnosis",
        "row",
    }
    for folder in ("torchref", "jaxport", "compare"):
        for path in sources(folder):
            if path.stem in untested or ("ROWS" in path.read_text() and path.parent.name == "lessons"):
                continue  # each lesson's row is run by tests/compare/lessons/test_lessons.py
            inside = path.relative_to(ROOT).parent
            assert (ROOT / "tests" / inside / f"test_{path.stem}.py").exists(), path
