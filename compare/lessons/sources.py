"""The two sources of one idea, found by name in torchref and jaxport. Imports neither framework."""

import ast
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from compare.errors import UsageError


@dataclass(frozen=True)
class Source:
    """One side's source: where it stands, and its text as the file has it."""

    path: str
    line: int
    text: str


SIDES = {"reference": "torchref", "port": "jaxport"}


def file_text(package: str, file: str) -> str:
    """What ``package/file.py`` holds. Imports nothing of it."""
    spec = find_spec(package)
    assert spec is not None
    assert spec.submodule_search_locations
    return (Path(next(iter(spec.submodule_search_locations))) / f"{file}.py").read_text(encoding="utf-8")


def source(package: str, file: str, name: str) -> Source:
    """The function or class ``name`` of ``package/file.py``, decorators included.

    Raises:
        UsageError: the file has no such name.
    """
    text = file_text(package, file)
    for node in ast.parse(text).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name:
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            lines = text.splitlines()[first - 1 : node.end_lineno]
            return Source(f"{package}/{file}.py", first, "\n".join(lines) + "\n")
    raise UsageError(f"{package}/{file}.py has no {name}")


def both(file: str, name: str) -> tuple[Source, Source]:
    """The reference's and the port's source of one name."""
    return source(SIDES["reference"], file, name), source(SIDES["port"], file, name)


def summary(text: str) -> str:
    """The first line of a source's docstring, without its closing dot."""
    (node,) = ast.parse(text).body
    return (ast.get_docstring(node) or "").splitlines()[0].removesuffix(".")  # type: ignore[arg-type]
