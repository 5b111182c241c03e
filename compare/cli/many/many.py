"""``jaxport verify`` over many files: what has not changed is taken from the store, the others each run in a process of
their own, and all of them are one table, one page and one exit code."""

import argparse
import os
import shlex
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, get_args

from compare.cli.many.depends import as_ran, changed, depends, loaded_as
from compare.cli.many.in_processes import in_processes
from compare.cli.many.local_sources import read_again
from compare.cli.many.on_ray import check_ray, on_ray
from compare.cli.many.pages import ready, write_pages
from compare.cli.many.ran import beside
from compare.cli.many.store import FOLDER, Store
from compare.cli.many.task import JAXPORT, RESULT, Ended, Task
from compare.cli.many.task_outcome import STAYS, UNUSABLE, outcome, pairs_in
from compare.cli.many.wanted import Wanted, wanted
from compare.cli.many_options import JOBS, LIMIT, check_many, passed_on
from compare.cli.not_overwritten import check_not_read
from compare.cli.streams import emit, remark
from compare.pair.pairs import REGISTRY
from compare.report.contract import VerdictWord
from compare.report.many_contract import KeptForm, ManyForm, RowForm
from compare.report.many_pairs import counts, show_many
from compare.report.many_progress import filling

if TYPE_CHECKING:
    Engine = Callable[[Sequence[Task], float], Iterator[tuple[Task, Ended]]]

TAKEN_AS = ("SIGTERM", "SIGHUP")  # signals that end the processes too, as Ctrl-C does


def verify_many(options: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    """Verify them, show the table, and return the exit code: the worst of the files'.

    Args:
        parser: of the command, whose other options each file's process is given.

    Raises:
        UsageError: there is nothing to verify, an option means nothing here, or a folder cannot be written to.
    """
    began = time.monotonic()
    check_many(options, parser)
    if options.engine == "ray":
        check_ray()
    found = wanted(options.pairs or list(REGISTRY))
    _check_written(options, found)
    store = Store(options.store or FOLDER)
    folder = ready(options.html or store.folder)
    words = passed_on(options, parser)
    asked = shlex.join(words)
    where = {"engine": f"{options.engine} {options.address or ''}".strip()} if options.engine else {}
    data = [options.data] * bool(options.data)

    def facts_of(name: str) -> dict[str, str]:
        return depends(found.sources[name], asked, data) | where

    rows = _verified(options, found, store, words, facts_of)
    others = [
        _row(kept, store, asked, found, taken=True)
        for kept in store.every(asked)
        if kept["name"] not in found.sources and (kept["name"] in REGISTRY or os.path.exists(kept["name"]))
    ]
    index = write_pages(store, [*rows, *others], asked, folder)
    form: ManyForm = {
        "schema": 1,
        "verdict": _worst(rows),
        "code": max(row["code"] for row in rows),
        "counts": {str(word): count for word, count in counts(rows).items()},
        "engine": options.engine or "processes",
        "at_once": options.jobs or (None if options.engine == "ray" else JOBS),
        "seconds": round(time.monotonic() - began, 2),
        "store": str(store.folder),
        "index": str(index),
        "rows": rows,
        "skipped": found.skipped,
    }
    emit(options, form, lambda out: show_many(form, out))
    return form["code"]


def _verified(
    options: argparse.Namespace,
    found: Wanted,
    store: Store,
    words: list[str],
    facts_of: Callable[[str], dict[str, str]],
) -> list[RowForm]:
    """The row of each, in the order in which they are wanted; each is in the store as soon as it has ended, with what
    it depends on: ``facts_of`` it, before it was run and after."""
    facts = {name: facts_of(name) for name in found.sources}
    asked, limit = shlex.join(words), options.timeout or LIMIT
    kept = {name: store.kept(name, asked) for name in found.sources}
    stays = {name: form for name, form in kept.items() if form and not options.again and _stands(form, facts[name])}
    tasks = [task_of(name, words) for name in found.sources if name not in stays]
    rows = dict[str, RowForm]()
    with filling(len(found.sources)) as shown, ended_by_signals():
        try:
            for name, form in stays.items():
                rows[name] = _row(form, store, asked, found, taken=True)
                shown.ended(rows[name])
            for task, ended in _engine(options, shown.at_work)(tasks, limit):
                word, code, text = outcome(ended, limit, task.name in found.named)
                before, name = kept[task.name], task.name
                files = found.sources[name]
                loaded = beside(ended.ran, files) if files else []
                read_again()
                versions = (ended.ran.versions if ended.ran else None) or {}
                known = as_ran(facts[name], facts_of(name), versions, loaded)
                form = store.keep(name, known, ended, word, code, text, loaded)
                rows[name] = _row(form, store, asked, found, why=_why(before, facts[name]))
                shown.ended(rows[name])
        except KeyboardInterrupt:
            done = f"{len(rows):,} of {len(found.sources):,} are done and kept in {store.folder}"
            remark(f"{done}: the same command goes on from there")
            raise
    return [rows[name] for name in found.sources]


def task_of(name: str, words: Sequence[str]) -> Task:
    """The ordinary command for one file: the judge's word is what that says."""
    return Task(name, (JAXPORT, "verify", name, *words, "--json", RESULT))


def _engine(options: argparse.Namespace, at_work: Callable[[list[str]], None]) -> "Engine":
    if options.engine == "ray":
        gpus = float(options.device == "gpu")
        return partial(on_ray, at_once=options.jobs, at_work=at_work, address=options.address, gpus=gpus)
    return partial(in_processes, at_once=options.jobs or JOBS, at_work=at_work)


def _stands(kept: KeptForm, facts: dict[str, str]) -> bool:
    """Whether running again would say the same."""
    return kept["outcome"] in STAYS and kept["depends"] == facts | loaded_as(kept.get("loaded", []))


def _why(before: KeptForm | None, facts: dict[str, str]) -> str:
    """Why a file is run."""
    if before is None:
        return "new"
    now = facts | loaded_as(before.get("loaded", []))
    return ", ".join(changed(before["depends"], now)) or f"{before['outcome']} before"


def _worst(rows: Sequence[RowForm]) -> VerdictWord | None:
    """Of those that came to a verdict."""
    found = {row["outcome"] for row in rows}
    return next((word for word in reversed(get_args(VerdictWord)) if word in found), None)


def _row(kept: KeptForm, store: Store, asked: str, found: Wanted, taken: bool = False, why: str = "") -> RowForm:
    name, code = kept["name"], kept["code"]
    if kept["outcome"] == "no pair":
        code = UNUSABLE if name in found.named else 0
    return {
        "name": name,
        "outcome": kept["outcome"],
        "code": code,
        "seconds": kept["seconds"],
        "ended": kept["ended"],
        "taken": taken,
        "why": why,
        "text": kept["text"],
        "pairs": pairs_in(kept["result"]),
        "past": kept["past"],
        "kept": str(store.place(name, asked)),
    }


def _check_written(options: argparse.Namespace, found: Wanted) -> None:
    """Refuse to write the result over a file that is verified.

    Raises:
        UsageError: it is named for both.
    """
    if options.json:
        check_not_read(options.json, (files[0] for files in found.sources.values() if files))


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Until the end of it, what asks this process to end interrupts it: nothing that it started is left."""
    numbers = [getattr(signal, name) for name in TAKEN_AS if hasattr(signal, name)]
    main = threading.current_thread() is threading.main_thread()
    ours = [number for number in numbers if main and signal.getsignal(number) is signal.SIG_DFL]
    try:
        for number in ours:
            signal.signal(number, signal.default_int_handler)
        yield
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)
