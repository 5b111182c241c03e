"""A folder of results, one JSON file a task, each written whole: what has not changed since need not run again."""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from compare.checkpoints.atomic import writable_folder
from compare.checkpoints.json_file import read_json, write_json
from compare.cli.many.depends import OPTIONS, changed
from compare.cli.many.task import Ended
from compare.cli.written import unlike
from compare.report.many_contract import KeptForm, OutcomeWord, PastForm

FOLDER = Path(".jaxport")
RESULTS = "results"
PAST = 60  # runs of a task that are remembered


class Store:
    """The results in ``folder``, which is made if need be."""

    def __init__(self, folder: Path) -> None:
        """
        Raises:
            UsageError: the folder cannot be written to.
        """
        self.folder = writable_folder(folder)
        self.results = writable_folder(folder / RESULTS)
        ignore = folder / ".gitignore"
        if folder.name == FOLDER.name and not ignore.exists():
            ignore.write_text("*\n", encoding="utf-8")  # nobody's repository

    def place(self, name: str, options: str) -> Path:
        """Of what is kept of a task: by its name, and by what is asked of it."""
        spelled = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")[-80:]
        unlike_others = hashlib.sha256(f"{name}\0{options}".encode("utf-8", "surrogateescape")).hexdigest()[:10]
        return self.results / f"{spelled or 'task'}-{unlike_others}.json"

    def kept(self, name: str, options: str) -> KeptForm | None:
        """What is kept of a task; None where that is nothing, or nothing that this version wrote."""
        return _read(self.place(name, options))

    def every(self, options: str) -> Iterator[KeptForm]:
        """All that is kept of whatever was asked the same."""
        for path in sorted(self.results.glob("*.json")):
            if (form := _read(path)) and form["depends"].get(OPTIONS) == options:
                yield form

    def keep(
        self,
        name: str,
        depends: Mapping[str, str],
        ended: Ended,
        outcome: OutcomeWord,
        code: int,
        text: str,
        loaded: Sequence[str] = (),
    ) -> KeptForm:
        """What the task came to, on the disk when this returns; ``loaded``: files whose digest is among the facts, and
        of which only the task knew.

        Raises:
            UsageError: it cannot be written.
        """
        path = self.place(name, depends[OPTIONS])
        before = _read(path)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        run: PastForm = {
            "ended": now,
            "outcome": outcome,
            "seconds": round(ended.seconds, 2),
            "changed": changed(before["depends"], depends) if before else [],
        }
        form: KeptForm = {
            "schema": 1,
            "name": name,
            "depends": dict(depends),
            "loaded": list(loaded),
            "outcome": outcome,
            "code": code,
            "seconds": run["seconds"],
            "ended": now,
            "text": text,
            "said": ended.said,
            "result": ended.result,
            "past": [*(before["past"] if before else []), run][-PAST:],
        }
        write_json(path, form)
        return form


def _read(path: Path) -> KeptForm | None:
    try:
        form = read_json(path)
    except (OSError, ValueError):
        return None
    return None if unlike(form, KeptForm) else cast(KeptForm, form)
