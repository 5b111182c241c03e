"""A process whose beginner is gone ends too, through a launcher in between as well."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from compare.cli.begun_by import end_with_it
from compare.cli.itself import BEGUN_BY

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/stat").exists(), reason="no /proc, by which processes are looked at"
)

# The one that is killed begins a launcher, which begins, in a group of its own, the one that works.
WORKS = "from compare.cli.begun_by import end_with_it; import os, time; end_with_it(); print(os.getpid(), flush=True); time.sleep(60)"  # fmt: skip # noqa: E501
LAUNCHES = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]], start_new_session=True)"
BEGINS = "import os, subprocess, sys; os.environ[sys.argv[3]] = str(os.getpid()); subprocess.run([sys.executable, '-c', sys.argv[1], sys.argv[2]])"  # fmt: skip # noqa: E501


def is_there(number: int) -> bool:
    stat = Path(f"/proc/{number}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


def test_it_ends_when_the_one_that_began_all_is_killed():
    """The launcher is not told, and lives on: what it waits for ends."""
    first = subprocess.Popen([sys.executable, "-c", BEGINS, LAUNCHES, WORKS, BEGUN_BY], stdout=subprocess.PIPE)
    assert first.stdout is not None
    works = int(first.stdout.readline())
    assert is_there(works)
    first.send_signal(signal.SIGKILL)
    first.wait()
    for _ in range(200):
        if not is_there(works):
            break
        time.sleep(0.05)
    first.stdout.close()
    assert not is_there(works)


def test_who_was_begun_by_nobody_is_not_watched(monkeypatch: pytest.MonkeyPatch):
    """No thread is started in an ordinary command."""
    monkeypatch.delenv(BEGUN_BY, raising=False)
    assert end_with_it() is None


def test_a_number_that_nobody_has_ends_it(monkeypatch: pytest.MonkeyPatch):
    """At the first look."""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    ended = list[int]()
    monkeypatch.setenv(BEGUN_BY, str(gone.pid))
    watching = end_with_it(ended.append)
    assert watching is not None
    watching.join(10)
    assert ended == [130]
