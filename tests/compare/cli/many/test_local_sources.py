"""Of which files a file is made: what it imports from here, wherever that lies on Python's path, and no library."""

import sys
from pathlib import Path

import pytest

from compare.cli.many import local_sources
from compare.cli.many.local_sources import digest, names_pair, own_digest, sources

CACHED = ("_read", "_bytes", "_modules", "_top", "_on_path")


def read_anew() -> None:
    """Files are read once in a command: here they change."""
    for name in CACHED:
        getattr(local_sources, name).cache_clear()
    sys.path_importer_cache.clear()


@pytest.fixture(autouse=True)
def unread():
    """No file is known from another test."""
    read_anew()


def write(folder: Path, **files: str) -> None:
    """Files by their names, a double underscore for each folder."""
    for name, text in files.items():
        path = folder / f"{name.replace('__', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def names(folder: Path, file: str = "pair.py") -> set[str]:
    return {str(path.relative_to(folder.resolve())) for path in sources(folder / file)}


def test_what_is_imported_directly_and_through_others(tmp_path):
    """Packages with their ``__init__``, submodules by either form of import, relative ones, imports inside functions,
    and two modules that import each other."""
    write(
        tmp_path,
        pair="import numpy, os, torch\nimport layers.attention\nfrom layers import norm\nfrom alone import f\n",
        alone="def f():\n    import late\n",
        late="import alone\n",
        layers__attention="from . import rope\nfrom .deep.table import T\n",
        layers__norm="",
        layers__rope="",
        layers__deep__table="from ..helper import h\n",
        layers__helper="",
        layers__unused="",
        unused="",
    )
    (tmp_path / "layers" / "__init__.py").touch()
    assert names(tmp_path) == {
        "pair.py", "alone.py", "late.py", "layers/__init__.py", "layers/attention.py", "layers/norm.py",
        "layers/rope.py", "layers/deep/table.py", "layers/helper.py",
    }  # fmt: skip


def test_what_lies_elsewhere_on_pythons_path(tmp_path, monkeypatch):
    """A package of the user's own, as PYTHONPATH and an editable installation bring it; what is installed is none."""
    write(tmp_path / "elsewhere", own_package__models="", own_package__other="")
    write(tmp_path / "target", vendored="")
    (tmp_path / "target" / "vendored-1.0.dist-info").mkdir()
    write(tmp_path / "here", pair="import own_package.models, jinja2, vendored\nimport compare.api\n")
    monkeypatch.syspath_prepend(str(tmp_path / "elsewhere"))
    monkeypatch.syspath_prepend(str(tmp_path / "target"))
    found = {str(path.relative_to(tmp_path.resolve())) for path in sources(tmp_path / "here" / "pair.py")}
    assert found == {"here/pair.py", "elsewhere/own_package/models.py"}


def test_what_changes_the_digest(tmp_path):
    """The text of any of its files, and which is which; not where all of them lie."""

    def of(folder: Path) -> str:
        read_anew()
        return digest(sources(folder / "pair.py"), folder.resolve())

    write(tmp_path / "a", pair="import b, c\n", b="x = 1\n", c="x = 2\n")
    write(tmp_path / "moved", pair="import b, c\n", b="x = 1\n", c="x = 2\n")
    before = of(tmp_path / "a")
    assert of(tmp_path / "moved") == before
    write(tmp_path / "a", unused="")
    assert of(tmp_path / "a") == before
    write(tmp_path / "a", b="x = 2\n", c="x = 1\n")
    exchanged = of(tmp_path / "a")
    write(tmp_path / "a", b="x = 1\n", c="x = 3\n")
    assert len({before, exchanged, of(tmp_path / "a")}) == 3


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("from compare import Pair\n", True),
        ("import compare\npair = compare.Pair(1, 2, 3)\n", True),
        ("from makes import made\npair = made()\n", True),
        ("from layers import norm\n", False),
        ('"""A Pair of shoes."""\nclass Pairs: pass\n', False),
        ("def f(:\n", True),
    ],
)
def test_whether_anything_makes_a_pair(text, found, tmp_path):
    """In the file or in what it imports; of what is no Python its run will say so."""
    write(tmp_path, pair=text, makes="from compare import Pair\nmade = Pair\n", layers__norm="")
    assert names_pair(sources(tmp_path / "pair.py")) == found


def test_the_projects_own_code_has_a_digest():
    """The same each time; it is of every file of the packages."""
    assert own_digest() == own_digest()
    assert len(own_digest()) == 64


def test_a_pair_from_a_folder_that_the_file_puts_on_the_path_is_not_passed_over(tmp_path):
    """Nobody can look there before it runs; a file that finds all that it imports is a helper, whatever it says."""
    (tmp_path / "own.py").write_text("import sys\nsys.path.append('deep')\nfrom only_deep_there import *\n")
    (tmp_path / "helper.py").write_text("import sys\nprint(sys.path)\nimport numpy, json\n")
    (tmp_path / "optional.py").write_text("try:\n    import only_deep_there\nexcept ImportError:\n    pass\n")
    read_anew()
    assert [names_pair(sources(tmp_path / f"{name}.py")) for name in ("own", "helper", "optional")] == [
        True,
        False,
        False,
    ]
