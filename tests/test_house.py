"""The house rules of the project: who may import whom, and how plain the core files stay."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FRAMEWORKS = {"torch", "jax", "flax", "optax"}

# The rooms of compare, from the ground up: a module imports only from its own room and those before it. In front of
# them stand the error that all raise, and the whole idea on one page.
ROOMS = [
    "verdict", "arrays", "frameworks", "weights", "pair", "checkpoints", "sides", "explain", "measure", "verification",
    "lessons", "report", "api", "cli",
]  # fmt: skip
DOORS = ["first", "errors"]


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
    assert port.pop("train_nnx.py") == port["train.py"]  # and its training, by the same names
    assert "downhill" in port.pop("parts.py")  # what every optimizer of torch's does inside itself, and optax chains
    assert "checked" in port.pop("checks.py")  # what torch's own constructors refuse
    assert "LossScale" in port.pop("scaling.py")  # torch.amp.GradScaler, which torch has
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
    program = f"import sys, compare.verdict.{module}; print(sorted({FRAMEWORKS!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


def room_of(module: str) -> str:
    """ "arrays" of ``compare.arrays.batch``."""
    return module.split(".")[1]


def modules() -> dict[str, Path]:
    """Every module of compare by its dotted name."""
    found = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in sources("compare")}
    return {name.removesuffix(".__init__"): path for name, path in found.items()}


def arrows() -> set[tuple[str, str]]:
    """Which module of compare imports which, wherever in its text: a package only for a name of its own."""
    known = modules()
    found: set[tuple[str, str]] = set()
    for name, path in known.items():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {(name, alias.name) for alias in node.names if alias.name in known}
            elif isinstance(node, ast.ImportFrom) and node.module in known:
                below = {f"{node.module}.{alias.name}" for alias in node.names}
                found |= {(name, other if other in known else node.module) for other in below}
    return {(one, other) for one, other in found if "compare" not in (one, other) and one != "compare.__main__"}


def test_the_rooms_are_those_of_the_plan():
    """Nothing stands in the corridor but the doors."""
    inside = {path.stem for path in (ROOT / "compare").iterdir() if path.suffix == ".py" or path.is_dir()}
    assert inside - {"__init__", "__main__", "__pycache__"} == {*ROOMS, *DOORS}


def test_compare_builds_in_one_direction():
    """No module imports from a room that stands after its own."""
    rank = {room: place for place, room in enumerate([*DOORS, *ROOMS])}
    upwards = {(one, other) for one, other in arrows() if rank[room_of(other)] > rank[room_of(one)]}
    assert upwards == set()


def test_no_two_modules_import_each_other():
    """Not on any path: what is imported can be read first, whatever is imported where it is used."""
    below: dict[str, set[str]] = {}
    for one, other in arrows():
        below.setdefault(one, set()).add(other)
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, " -> ".join([*path[path.index(module) :], module])
        if module not in done:
            for other in sorted(below.get(module, ())):
                visit(other, (*path, module))
            done.add(module)

    for module in sorted(below):
        visit(module, ())


# The same name at two places is the same thing there: what is done on either side, what is shown of a result, the
# command for it, and the numbers by which a room decides.
SAME = {"reference", "port", "bench", "contrast", "convert", "own_weights", "attention", "losses", "thresholds"}


def test_a_file_name_means_one_thing():
    """A reader who knows one file of a name knows what the other is."""
    names = [path.stem for path in sources("compare") if path.stem != "__init__"]
    assert {name for name in names if names.count(name) > 1} == SAME


@pytest.mark.parametrize(
    "file",
    [
        "cli/cli",
        *(f"cli/commands/{path.stem}" for path in sources("compare/cli/commands")),
        "cli/options",
        "checkpoints/formats",
        "pair/pairs",
        "frameworks/devices",
        "frameworks/environment",
        "pair/pair",
        "arrays/batch",
        "arrays/views",
        "weights/weights",
        "pair/pair_file",
        "api",
    ],
)
def test_frameworks_are_imported_where_they_are_used(file):
    """The command line and the registry know the pairs without loading either framework."""
    found = tops(imported(ROOT / "compare" / f"{file}.py", everywhere=False))
    assert not found & (FRAMEWORKS | {"torchref", "jaxport", "matplotlib"})


BROAD = {"Exception", "BaseException"}


def _names_side(raised: ast.Raise) -> bool:
    return raised.cause is not None and ast.unparse(raised.exc).startswith("SideError(")


def _suppresses_all(manager: ast.expr) -> bool:
    called = isinstance(manager, ast.Call) and ast.unparse(manager.func).split(".")[-1] == "suppress"
    return called and any(isinstance(part, ast.Name) and part.id in BROAD for part in ast.walk(manager))


def test_what_a_broad_except_swallows_can_be_shown():
    """``JAXPORT_TRACEBACK=1`` shows it: the handler hands it to ``errors.swallowed``, or raises it, as it is or as the
    cause of one that names its side. ``suppress`` shows nothing."""
    silent = []
    for path in sources("compare"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.With | ast.AsyncWith):
                silent += [f"{path}:{node.lineno}" for item in node.items if _suppresses_all(item.context_expr)]
            if not isinstance(node, ast.ExceptHandler):
                continue
            caught = {part.id for part in ast.walk(node.type) if isinstance(part, ast.Name)} if node.type else BROAD
            inside = list(ast.walk(node))
            says = any(isinstance(part, ast.Call) and ast.unparse(part.func) == "swallowed" for part in inside)
            raises = any(isinstance(part, ast.Raise) and (part.exc is None or _names_side(part)) for part in inside)
            if caught & BROAD and not says and not raises:
                silent.append(f"{path}:{node.lineno}")
    assert silent == []


# Where users' models are written, and the one room that looks into their libraries.
WITHIN = ("frameworks", "lessons", "measure/bench/runners")
MODEL_LIBRARIES = {"flax", "equinox"}


def test_one_room_looks_into_the_libraries_that_ports_are_written_in():
    """Everybody else asks the kind's file: a new kind of port touches no other module."""
    outside = [path for path in sources("compare") if not str(path.relative_to(ROOT / "compare")).startswith(WITHIN)]
    assert len(outside) > 100
    assert {str(path): found for path in outside if (found := tops(imported(path)) & MODEL_LIBRARIES)} == {}


# Underscored modules that torch's own documentation sends its users to, and the classes that layers of one kind share.
OPEN = {
    "torch.utils._pytree", "torch.utils._python_dispatch", "torch._dynamo", "torch.nn.modules.batchnorm._BatchNorm",
    "torch.nn.modules.batchnorm._NormBase", "torch.nn.modules.conv._ConvNd",
}  # fmt: skip
UNDERSCORED = re.compile(r"(torch|jax|flax|optax|orbax|equinox)(\.\w+)*\._[a-z]\w*", re.IGNORECASE)


def insides(path: Path) -> set[str]:
    """What a file uses of the frameworks' undocumented modules and functions: by import, by attribute, by a name in a
    string; and the schema of an operation, which hangs on an object of torch's."""
    tree = ast.parse(path.read_text())
    homes: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            homes |= {alias.asname or tops({alias.name}).pop(): alias.name for alias in node.names if alias.asname}
        elif isinstance(node, ast.ImportFrom):
            homes |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    written = {*homes.values(), *imported(path)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            root, dot, rest = ast.unparse(node).partition(".")
            written.add(f"{homes.get(root, root)}{dot}{rest}")
            written |= {"torch._schema"} if node.attr == "_schema" else set()
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            written.add(node.value)
    return {name for name in written if UNDERSCORED.match(name) and not name.startswith(tuple(OPEN))}


def test_one_room_knows_what_the_frameworks_do_not_promise():
    """A version that changes it is mended in one place."""
    inner = ROOT / "compare" / "frameworks"
    outside = [path for path in sources("compare") if inner not in path.parents]
    assert {str(path): names for path in outside if (names := insides(path))} == {}
    known = set().union(*(insides(path) for path in inner.rglob("*.py")))
    assert {"torch._C._current_graph_task_id", "torch._ops.OpOverload", "torch._schema", "jax._src.dtypes"} <= known


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
        "progress",
        "question",
        "row_insides",
        "bench_result",
        "runner",
    }
    for folder in ("torchref", "jaxport", "compare"):
        for path in sources(folder):
            row = "ROWS" in path.read_text() and path.parent.name in ("lessons", "rows")
            of_lesson = {"judged": "Quantities:", "pictures": "-> Picture:"}.get(path.parent.name)
            if path.stem in untested or row or (of_lesson and of_lesson in path.read_text()):
                continue  # run by tests/compare/lessons/test_lessons.py, tests/compare/explain/differences/test_rows.py
            inside = path.relative_to(ROOT).parent
            assert (ROOT / "tests" / inside / f"test_{path.stem}.py").exists(), path
