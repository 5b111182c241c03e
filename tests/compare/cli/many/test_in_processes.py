"""So many processes at once, each of which may end as it likes."""

import os
import sys

import pytest

from compare.cli.many import in_processes as module
from compare.cli.many.in_processes import THREADS, in_processes, threads_each
from tests.compare.cli.many.small_tasks import MATCH, SLEEP, small
from tests.compare.cli.many.test_child import gone

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="processes end by signals elsewhere")


def test_each_ends_as_it_likes():
    """One that is killed and one that never ends keep no other from its result."""
    tasks = [
        small("good", MATCH),
        small("killed", "import os; os.kill(os.getpid(), 9)"),
        small("hangs", SLEEP),
        small("after", MATCH),
    ]
    names = []
    found = {task.name: ended for task, ended in in_processes(tasks, 2.0, 2, names.append)}
    assert {name: (ended.code, ended.result is not None) for name, ended in found.items()} == {
        "good": (0, True),
        "killed": (-9, False),
        "hangs": (None, False),
        "after": (0, True),
    }
    assert names[0] == ["good", "killed"]
    assert max(map(len, names)) == 2


def test_whoever_stops_to_ask_has_ended_them(monkeypatch):
    """As Ctrl-C does."""
    children = []

    class Watched(module.Child):
        def __init__(self, *given):
            super().__init__(*given)
            children.append(self)

    monkeypatch.setattr(module, "Child", Watched)
    ends = in_processes([small("good", MATCH), small("a", SLEEP), small("b", SLEEP)], 600.0, 3)
    assert next(ends)[0].name == "good"
    ends.close()
    assert len(children) == 3
    assert all(gone(one.process.pid) for one in children)


def test_processors_are_shared_out(monkeypatch):
    """Unless one runs alone, or the user has said how many threads."""
    monkeypatch.delenv(THREADS, raising=False)
    monkeypatch.setattr(module, "cores", lambda: 8)
    assert [threads_each(count).get(THREADS) for count in (1, 2, 3, 16)] == [None, "4", "2", "1"]
    monkeypatch.setenv(THREADS, "5")
    assert threads_each(4) == {}
    assert os.environ[THREADS] == "5"
