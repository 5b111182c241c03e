"""Processes that end before their time: one clear line, and nothing of what was started is left."""

import os
import socket
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from compare.cli.many.child import Child
from compare.cli.many.task import PYTHON, RESULT, Ended, Task
from compare.cli.processes import launching
from compare.cli.processes.launching import PORT, trained_port, trained_reference, waited_for
from compare.errors import UsageError

KILLED = """
import os, signal, time
open(f"{os.environ['WHERE']}/{os.getpid()}", "w").close()
if os.environ["RANK"] == "1":
    os.kill(os.getpid(), signal.SIGKILL)
time.sleep(600)
"""


def there(number: str) -> bool:
    """Whether a process still runs."""
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def none_is_left(folder: Path) -> bool:
    """Of the processes that have left a file of their number; each is given a moment to end."""
    numbers = [file.name for file in folder.iterdir()]
    for _ in range(100):
        if not any(map(there, numbers)):
            return len(numbers) > 1
        time.sleep(0.05)
    return False


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="no /proc, by which processes are looked at")
def test_a_worker_of_torchrun_that_is_killed_ends_all_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """By the system, at a moment of its own; the others wait for it, and are ended by their launcher."""
    (tmp_path / "pids").mkdir()
    monkeypatch.setenv("WHERE", str(tmp_path / "pids"))
    (tmp_path / "own.py").write_text(KILLED)
    words = ["train", str(tmp_path / "own.py"), "--processes", "2", "--steps", "1", "--device", "cpu"]
    with pytest.raises(UsageError) as raised:
        trained_reference(words, 2, 300)
    assert str(raised.value).startswith("one of the reference's 2 processes was ended by SIGKILL")
    assert "\n" not in str(raised.value)
    assert none_is_left(tmp_path / "pids")


def script(number: int, folder: Path, act: str) -> tuple[Task, dict[str, str]]:
    """A process that leaves its number and then does something."""
    note = f"import os, signal, sys, time; open(os.path.join({str(folder)!r}, str(os.getpid())), 'w').close(); "
    return Task(f"port {number}", (PYTHON, "-c", note + act, RESULT)), {}


@pytest.mark.parametrize(
    ("act", "limit", "why"),
    [
        ("os.kill(os.getpid(), signal.SIGKILL)", 60, "one of the port's 2 processes was ended by SIGKILL"),
        ("sys.exit('jaxport: own.py: is no pair')", 60, "own.py: is no pair"),
        ("sys.exit('what the library says')", 60, "ended with exit code 1: what the library says"),
        ("time.sleep(600)", 1, "the port's 2 processes had not ended after 1 s"),
    ],
)
def test_one_that_ends_early_ends_the_others(tmp_path: Path, act: str, limit: float, why: str):
    """Whatever ended it: it would be waited for."""
    tasks = [script(0, tmp_path, "time.sleep(600)"), script(1, tmp_path, f"time.sleep(0.3); {act}")]
    with pytest.raises(UsageError) as raised:
        waited_for(tasks, PORT, 2, limit)
    assert why in str(raised.value)
    assert none_is_left(tmp_path)


def test_who_says_why_is_told_before_who_was_ended_by_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Both have failed at the same look: the first by what became of the second."""
    said = {"port 0": "coordinator: a process is gone", "port 1": "jaxport: own.py: is no pair"}

    class Failed(Child):
        def ended(self) -> Ended | None:
            self.process.wait()
            self._holder.cleanup()
            return Ended(1, 0.0, None, said[self.name])

        def __init__(self, task: Task, *rest: object) -> None:
            super().__init__(task, 60)
            self.name = task.name

    monkeypatch.setattr("compare.cli.processes.launching.Child", Failed)
    with pytest.raises(UsageError, match=r"^own\.py: is no pair$"):
        waited_for([script(number, tmp_path, "sys.exit(1)") for number in range(2)], PORT, 2, 60)


def test_threads_are_as_many_as_the_user_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """And a part of the processors' where nobody says."""
    act = "import json; json.dump({'own': os.environ['OMP_NUM_THREADS']}, open(sys.argv[1], 'w'))"
    tasks = [script(number, tmp_path, act) for number in range(2)]
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert waited_for(tasks, PORT, 2, 60) == {"own": "3"}


@pytest.mark.parametrize("stops", [KeyboardInterrupt, UsageError])
def test_whoever_is_interrupted_has_ended_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stops: type[BaseException]
):
    """As by Ctrl-C, while both run."""

    class Stopped(Child):
        def ended(self) -> Ended | None:
            if len([*tmp_path.iterdir()]) > 1:
                raise stops
            return super().ended()

    monkeypatch.setattr("compare.cli.processes.launching.Child", Stopped)
    tasks = [script(number, tmp_path, "time.sleep(600)") for number in range(2)]
    with pytest.raises(stops):
        waited_for(tasks, PORT, 2, 60)
    assert none_is_left(tmp_path)


def test_a_port_that_another_program_took_meanwhile_is_exchanged(monkeypatch: pytest.MonkeyPatch):
    """JAX's coordinator ends by a signal there: the processes meet at another one."""
    tried = list[int]()

    def waited(tasks: Sequence[tuple[Task, Mapping[str, str]]], *rest: object) -> dict[str, str]:
        tried.append(int(tasks[0][1]["JAX_COORDINATOR_ADDRESS"].rpartition(":")[2]))
        if tried[-1] == taken:
            raise UsageError("one of the port's 2 processes was ended by SIGSEGV; the others were ended too")
        return {"verdict": "match"}

    with socket.socket() as other:
        other.bind(("localhost", 0))
        other.listen()
        taken = other.getsockname()[1]
        ports = iter([taken, 1])
        monkeypatch.setattr(launching, "_free_port", lambda: next(ports))
        monkeypatch.setattr(launching, "waited_for", waited)
        assert trained_port(["train"], 2, 60) == {"verdict": "match"}
        assert tried == [taken, 1]
        monkeypatch.setattr(launching, "_free_port", lambda: taken)
        with pytest.raises(UsageError, match="no port of this machine's stays free"):
            trained_port(["train"], 2, 60)


def test_what_ends_for_another_reason_is_not_tried_again(monkeypatch: pytest.MonkeyPatch):
    """Its own line is said, once."""
    calls = list[int]()

    def waited(*rest: object) -> dict[str, str]:
        calls.append(1)
        raise UsageError("own.py: is no pair")

    monkeypatch.setattr(launching, "waited_for", waited)
    with pytest.raises(UsageError, match="is no pair"):
        trained_port(["train"], 2, 60)
    assert calls == [1]
