"""What an installation brings: every package with its data, and the mark that its types are meant for others."""

import tomllib
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
