"""A task's process: started, looked at, ended with all that it started itself."""

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from compare.checkpoints.json_file import read_json
from compare.cli.itself import BEGUN_BY, RAN
from compare.cli.many.ran import read_it
from compare.cli.many.task import Ended, Task, filled
from compare.report.contract import Form

GRACE = 5.0  # seconds between asking a process to end and ending it
PAUSE = 0.05  # seconds between two looks
LEFT = "ran.json"
TAIL = 8000  # bytes of what it said that are kept
GROUPS = hasattr(os, "killpg")


class Child:
    """One task that runs, in a group of processes of its own: what ends it ends what it started."""

    def __init__(self, task: Task, limit: float, variables: Mapping[str, str] = {}, folder: str | None = None) -> None:
        """
        Args:
            limit: seconds after which it is ended.
            variables: of its environment, beside those that this process has.
            folder: in which it works, where that is not this process's own.
        """
        self.limit, self.began = limit, time.monotonic()
        self._holder = tempfile.TemporaryDirectory(prefix="jaxport-")
        self._folder = Path(self._holder.name)
        try:
            with (self._folder / "said").open("wb") as said:
                self.process = subprocess.Popen(
                    filled(task.command, self._folder / "result.json"),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=said,
                    env={**os.environ, RAN: str(self._folder / LEFT), BEGUN_BY: str(os.getpid()), **variables},
                    cwd=folder,
                    start_new_session=GROUPS,
                )
        except BaseException:
            self._holder.cleanup()
            raise

    def ended(self) -> Ended | None:
        """How it ended; None while it runs. One that is out of time is ended here."""
        code = self.process.poll()
        seconds = time.monotonic() - self.began
        if code is None and seconds < self.limit:
            return None
        if code is None:
            self.ask()
            self._wait()
        with self._holder:
            result = self._result() if code is not None else None
            said, ran = self._said(), read_it(self._folder / LEFT)
            self._end_group()
        return Ended(code, seconds, result, said, ran=ran)

    def ask(self) -> None:
        """Ask it to end."""
        self._signal(signal.SIGTERM)

    def end(self) -> None:
        """End it, whatever it is at; nothing of it is left."""
        if self.process.poll() is None:
            self.ask()
            self._wait()
        self._end_group()
        self._holder.cleanup()

    def _wait(self) -> None:
        try:
            self.process.wait(GRACE)
        except subprocess.TimeoutExpired:
            self._end_group()
            self.process.wait()

    def _end_group(self) -> None:
        self._signal(signal.SIGKILL if GROUPS else signal.SIGTERM)

    def _signal(self, number: int) -> None:
        with suppress(ProcessLookupError, PermissionError):  # it has ended
            if GROUPS:
                os.killpg(self.process.pid, number)
            else:
                self.process.terminate()

    def _result(self) -> Form | None:
        try:
            form = read_json(self._folder / "result.json")
        except (OSError, ValueError):
            return None
        return form if isinstance(form, dict) else None

    def _said(self) -> str:
        with (self._folder / "said").open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - TAIL))
            return file.read().decode("utf-8", "replace")


def run(task: Task, limit: float, folder: str | None = None) -> Ended:
    """How the task ended, run here and waited for; whoever is interrupted meanwhile has ended it."""
    child = Child(task, limit, folder=folder)
    try:
        while True:
            if (ended := child.ended()) is not None:
                return ended
            time.sleep(PAUSE)
    except BaseException:
        child.end()
        raise
