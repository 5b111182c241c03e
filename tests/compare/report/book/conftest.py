"""A small book made of forms alone, and one of every lesson for the browser."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from compare import lessons
from compare.cli.cli import command_line
from compare.cli.described import described
from compare.frameworks.devices import Device
from compare.measure.programs import Curve
from compare.report.book import build, folder
from compare.report.form import part_form
from compare.verdict.verdict import Judgement, Verdict
from tests.once import once

from .drawing.sample import EVERY_KIND

RUN = ("broadcasting", "tape")  # run in the browser's book; the other lessons only have their sources there
ENVIRONMENT = {
    "device": "cpu",
    "device_name": "a processor",
    "python": "3.11.0",
    "system": "Linux x86_64",
    "versions": {"torch": "2.99.0", "jax": "0.99.0"},
}


CURVES = [
    Curve("PyTorch", "torch", (0.9, 0.3), (0.81, 0.925)),
    Curve("Linen", "jax", (0.8, 0.2), (0.86, 0.93)),
    Curve("NNX", "jax", (0.7, 0.25), (0.84, 0.91)),
]


def quantity(name: str, **given: Any) -> dict[str, Any]:
    """One quantity of a lesson's form."""
    told = {"reference": "1", "port": "1", "verdict": "match", "reason": "", "gap": 0.0, "allowed": 0.0}
    return {"name": name, **told, **given}


def lesson(name: str, **given: Any) -> dict[str, Any]:
    """A lesson's form, with two sources of three lines."""
    reference, port = ({"path": f"{side}/x.py", "line": 4, "text": SOURCES[side]} for side in SOURCES)
    return {
        "lesson": name,
        "title": f"Title of {name}",
        "summary": "Adds ``one``",
        "same": "Both add.",
        "different": "torch.add() is not jax.lax.add.",
        "prevents": "Nothing at all.",
        "question": "How much is one?",
        "text": "Just one.",
        "ideas": [{"line": "return jax", "text": "It adds."}, {"line": "y = 1", "text": "The one."}],
        "asks": [{"question": "How much?", "answer": "Just one."}],
        "sources": [{"name": "add", "reference": reference, "port": port}],
        "verdict": "match",
        "quantities": [quantity("sum")],
        "failure": "",
        "picture": None,
        **given,
    }


SOURCES = {
    "torchref": 'def add(x):\n    """Adds one."""\n    return torch.add(x, 1)\n',
    "jaxport": 'def add(x):\n    """Adds one."""\n    y = 1\n    return jax.lax.add(x, y)\n',
}


def small(*forms: dict[str, Any]) -> dict[str, Any]:
    """A book's form."""
    parts = [build._part(name) for name in ("mlp", "train")]
    shared = {
        "schema": 1,
        "verdict": "match",
        "seed": 0,
        "environment": ENVIRONMENT,
        "parts": parts,
        "curves": [asdict(curve) for curve in CURVES],
    }
    return {**shared, "lessons": list(forms)}


@pytest.fixture
def write(tmp_path: Path):
    """Write a book of these lessons' forms, and read its pages by name."""

    def written(*forms: dict[str, Any]):
        folder.replace(tmp_path / "book", lambda made: build.write(small(*forms), made))
        return lambda page: (tmp_path / "book" / page).read_text(encoding="utf-8")

    return written


@pytest.fixture(scope="session")
def book(cpu: Device, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A book of every lesson, built once for all workers; a few of them are run, the others shown unrun, with
    a drawing of every kind."""
    name = "the book of every lesson"  # with blanks: a page's address is escaped
    return once(tmp_path_factory, name, lambda out: _build(out, cpu))[1]


def _build(out: Path, cpu: Device) -> None:
    from compare.lessons import run

    def some(lesson: Any, device: Device, seed: int) -> run.LessonReport:
        if lesson.name in RUN:
            return whole(lesson, device, seed)
        told = run.Returned("a quantity", "[[1. 2.]\n [3. 4.]]", "x" * 300, Judgement(Verdict.MATCH))
        return run.LessonReport(lesson.name, device.name, (told,))

    whole, drawn = run.run, build.picture_of
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "run", some)
        patch.setattr(build, "curves", lambda: CURVES)
        patch.setattr(build, "picture_of", lambda report: drawn(report) or EVERY_KIND)
        form = build.build(out, cpu, 0, lessons.LESSONS.values(), commands=described(command_line()))
    (out / "form.json").write_text(json.dumps(form))


@pytest.fixture
def rows():
    """A quick way to a source's form."""
    from compare.lessons.sources import Source

    return lambda left, right: part_form("f", Source("torchref/x.py", 1, left), Source("jaxport/x.py", 1, right))
