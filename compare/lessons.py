"""Pairs to read: the two sources of one idea, found by name in torchref and jaxport. Imports neither framework."""

import ast
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from compare.errors import UsageError

# What is worth reading beside its twin: the file and the name that both sides share.
LESSONS = {
    "mlp": ("mlp", "MLP"),
    "loose": ("autograd", "loose_mlp"),
    "loss": ("losses", "cross_entropy"),
    "optimizer": ("optimizers", "sgd"),
    "train": ("train", "train_step"),
    "evaluate": ("train", "evaluate"),
}


@dataclass(frozen=True)
class Source:
    """One side's source of a lesson: where it stands, and its text."""

    path: str
    line: int
    text: str


def sources(lesson: str) -> tuple[Source, Source]:
    """The reference's and the port's source of ``lesson``.

    Raises:
        UsageError: there is no such lesson.
    """
    if lesson not in LESSONS:
        raise UsageError(f"unknown lesson {lesson!r}: expected one of {', '.join(LESSONS)}")
    file, name = LESSONS[lesson]
    return _source("torchref", file, name), _source("jaxport", file, name)


def summary(lesson: str) -> str:
    """The first line of the reference's docstring, without its closing dot."""
    tree = ast.parse(sources(lesson)[0].text)
    return (ast.get_docstring(tree.body[0]) or "").splitlines()[0].removesuffix(".")  # type: ignore[arg-type]


def _source(package: str, file: str, name: str) -> Source:
    spec = find_spec(package)
    assert spec is not None
    assert spec.submodule_search_locations
    path = Path(next(iter(spec.submodule_search_locations))) / f"{file}.py"
    text = path.read_text(encoding="utf-8")
    node = next(one for one in ast.parse(text).body if getattr(one, "name", None) == name)
    assert isinstance(node, ast.ClassDef | ast.FunctionDef)
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    lines = text.splitlines()[first - 1 : node.end_lineno]
    return Source(f"{package}/{file}.py", first, "\n".join(lines) + "\n")
