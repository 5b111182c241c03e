"""A sweep over sizes, kept in a file size by size: what was cut off goes on where it stopped."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compare.cli.written import written
from compare.errors import UsageError

if TYPE_CHECKING:
    from compare.measure.bench.bench_result import Bench
    from compare.measure.bench.question import Question
    from compare.report.contract import Form
    from compare.sides.progress import Progress

    Measure = Callable[[Question, int, Progress], Bench]

LAYERS = ", "  # what a title says after it of the perceptron's layers goes with the size
# Of what was asked, what must be as it was for a sweep to go on; of the machine all that two runs have in common, and
# the versions.
ASKED = (
    "pair",
    "data",
    "device",
    "precision",
    "tf32",
    "threads",
    "rounds",
    "seed",
    "names",
    "compiled",
    "sweeps",
    "forced",
)


def swept(path: Path, question: "Question", processes: int, measure: "Measure") -> "Form":
    """Every size of the sweep: those in the file ``path``, and the others measured now, each written as it comes.

    Args:
        measure: what so many processes say of one question.

    Raises:
        UsageError: the file is no sweep, or one of another machine or another question; a size could not be measured.
    """
    from compare.checkpoints.json_file import write_json
    from compare.cli.streams import busy, naming, remark
    from compare.measure.bench.sweep_sizes import asked, sizes
    from compare.report.form import bench_form, sweep_form

    wanted = sizes(question.pair)
    what = {key: _plain(getattr(question, key)) for key in ASKED} | {"processes": processes}
    form = _begun(path, what)
    there = {_key(one): one for one in form["sizes"]} if form else {}
    # A size whose machine was disturbed has no ratio: it is measured again, and stands as it is until then.
    left = [size for size in wanted if (one := there.get(_key(asdict(size)))) is None or one["bench"]["unpublished"]]
    if form and left:
        remark(f"{path.name}: {len(wanted) - len(left)} of {len(wanted)} sizes are there; going on")
    for size in left:
        stage = f"{size} ({wanted.index(size) + 1} of {len(wanted)})"
        with busy(stage) as say:
            one = bench_form(measure(asked(question, size), processes, naming(stage, say)))
        if form:
            _same_as_before(path, form, one)
        there[_key(asdict(size))] = {**asdict(size), "bench": one}
        form = sweep_form(what, wanted, list(there.values()))
        write_json(path, form)
    assert form is not None  # there is no sweep without a size
    return form


def _begun(path: Path, what: Mapping[str, Any]) -> "Form | None":
    """What the file holds; None where there is none yet."""
    from compare.measure.bench.question import Question

    if not path.exists():
        return None
    form = written(path, "bench --sweep")
    # What an older file does not say was not asked for then.
    begun = {key: getattr(Question, key) for key in ASKED if hasattr(Question, key)} | form["asked"]
    differs = [key for key, value in what.items() if begun.get(key) != _plain(value)]
    if differs:
        key = differs[0]
        raise UsageError(
            f"{path}: was begun with {key} {begun.get(key)!r}, now {what[key]!r} is asked for: name another file"
        )
    return form


def _same_as_before(path: Path, begun: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Refuse to put another machine's or another model's figures beside those that are there."""
    from compare.measure.bench.two_runs import MACHINE

    for key in (*MACHINE, "versions"):
        before, here = begun["environment"][key], now["environment"][key]
        if before != here:
            raise UsageError(f"{path}: was begun where {key} is {before}, here it is {here}: name another file")
    titles = {one["bench"]["title"].split(LAYERS)[0] for one in begun["sizes"]}
    if now["title"].split(LAYERS)[0] not in titles:
        raise UsageError(f"{path}: was begun with {titles.pop()!r}, now it is {now['title']!r}: name another file")


def _key(size: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(size[name] for name in ("batch", "width", "depth"))


def _plain(value: object) -> object:
    if isinstance(value, str) and Path(value).is_file():  # a pair's file, however its path is written
        return str(Path(value).resolve())
    return list(value) if isinstance(value, tuple) else str(value) if isinstance(value, Path) else value
