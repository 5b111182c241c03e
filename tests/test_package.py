"""What an installation brings: every package with its data, and the mark that its types are meant for others."""

import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SETUPTOOLS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
PACKAGES = ("compare", "jaxport", "torchref")


def test_every_file_that_is_no_python_is_in_the_package_data():
    """Read from the patterns, as setuptools reads them: the images, the book's templates, ``py.typed``."""
    brought = {
        path
        for package, patterns in SETUPTOOLS["package-data"].items()
        for pattern in patterns
        for path in (ROOT / package.replace(".", "/")).glob(pattern)
    }
    there = {path for package in PACKAGES for path in (ROOT / package).rglob("*") if path.is_file()}
    assert brought == {path for path in there if path.suffix not in (".py", ".pyc")}


@pytest.mark.parametrize("package", PACKAGES)
def test_each_package_says_that_it_has_types(package):
    """Without this mark a type checker takes every name from it as Any."""
    assert (ROOT / package / "py.typed").is_file()


def test_every_folder_of_the_packages_is_found():
    """Each has its ``__init__.py``: setuptools passes over the others."""
    include = {pattern.split(".")[0] for pattern in SETUPTOOLS["packages"]["find"]["include"]}
    assert include == set(PACKAGES)
    folders = {path.parent for package in PACKAGES for path in (ROOT / package).rglob("*.py")}
    assert {folder for folder in folders if not (folder / "__init__.py").is_file()} == set()


def tracked():
    """Every file of the repository; a test that needs them is skipped where this is none."""
    ran = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if ran.returncode or not (ROOT / ".git").exists():
        pytest.skip("no git repository here: nothing to hold the distribution against")
    return {name for name in ran.stdout.split("\0") if name and (ROOT / name).is_file()}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A wheel and a source distribution, by the build backend itself, from a copy that has been worked in."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("dist")
    for name in tracked():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, source / name)
    for litter in ("compare/__pycache__/x.cpython-311.pyc", "tests/__pycache__/y.pyc", ".venv/bin/z.py", "book/i.html",
                   "report/verify.json", ".pytest_cache/v", "torchref/scratch.txt", ".versions/a/b.py"):  # fmt: skip
        (source / litter).parent.mkdir(parents=True, exist_ok=True)
        (source / litter).write_text("")
    builds = [f"build_meta.build_{kind}({str(out)!r})" for kind in ("sdist", "wheel")]
    command = [sys.executable, "-c", "; ".join(["from setuptools import build_meta", *builds])]
    ran = subprocess.run(command, cwd=source, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "would be ignored" not in ran.stdout + ran.stderr
    return out


def test_a_source_distribution_is_the_repository(built):
    """Whatever its tests and make targets read is there, and nothing that a working folder gathers."""
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames() if archive.getmember(name).isfile()}
    made = {name for name in names if name.startswith("jaxport.egg-info/")} | {"PKG-INFO", "setup.cfg"}
    assert names - made == tracked()


def test_a_wheel_has_the_packages_and_nothing_else(built):
    """Every module and data file of the packages, both modules beside them, types and licences, and the two entries."""
    (path,) = built.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        names = set(archive.namelist())
        info = next(name.split("/")[0] for name in names if ".dist-info/" in name)
        entries = archive.read(f"{info}/entry_points.txt").decode()
    ours = {name for name in tracked() if name.split("/")[0] in PACKAGES}
    beside = {f"{module}.py" for module in SETUPTOOLS["py-modules"]}
    assert {name for name in names if not name.startswith(info)} == ours | beside
    assert {f"{package}/py.typed" for package in PACKAGES} <= names
    assert {f"{info}/licenses/LICENSE", f"{info}/licenses/compare/arrays/data/README.md"} <= names
    lines = [line for line in entries.splitlines() if line]
    assert lines == [
        "[console_scripts]",
        "jaxport = jaxport_command:main",
        "[pytest11]",
        "pytest_jaxport = pytest_jaxport",
    ]
