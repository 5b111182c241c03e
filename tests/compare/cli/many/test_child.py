"""One process: what it wrote, how it ended, and that nothing of it is left."""

import os
import signal
import sys
import time

import pytest

from compare.cli.many import child
from compare.cli.many.child import PAUSE, Child, run
from tests.compare.cli.many.small_tasks import MATCH, SLEEP, WRITE, small

LONG = 60.0

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="processes end by signals elsewhere")


def alive(pid: int) -> bool:
    """Whether a process is there, and is not one that has ended and waits to be looked at."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def gone(pid: int) -> bool:
    """Whether it has ended soon."""
    for _ in range(200):
        if not alive(pid):
            return True
        time.sleep(PAUSE)
    return False


def test_its_result_and_its_exit_code():
    """As it wrote it; what it said is kept, and no process but the tests' own reads its standard input."""
    code = (
        f"{WRITE.format({'verdict': 'mismatch'})}; print('told', file=sys.stderr); sys.exit(1 + len(sys.stdin.read()))"
    )
    ended = run(small("a", code), LONG)
    assert (ended.code, ended.result, ended.said) == (1, {"verdict": "mismatch"}, "told\n")
    assert ended.seconds > 0


@pytest.mark.parametrize(
    ("code", "exit_code"),
    [
        ("import os; os._exit(0)", 0),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL),
        ("import sys; open(sys.argv[1], 'w').write('{\"verdict\": '); sys.exit(1)", 1),
        ("import sys; open(sys.argv[1], 'w').write('[1]')", 0),
    ],
    ids=["nothing", "killed", "half of it", "another kind"],
)
def test_what_is_no_result(code, exit_code):
    """None, whatever the exit code says."""
    ended = run(small("a", code), LONG)
    assert (ended.code, ended.result) == (exit_code, None)


def test_one_that_is_out_of_time_is_ended_with_what_it_started(tmp_path, monkeypatch):
    """Though it does not end when it is asked to."""
    monkeypatch.setattr(child, "GRACE", 0.3)
    told = tmp_path / "pids"
    code = (
        "import os, signal, subprocess, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        f"below = subprocess.Popen([sys.executable, '-I', '-S', '-c', {SLEEP!r}]); "
        f"open({str(told)!r}, 'w').write(f'{{os.getpid()}} {{below.pid}}'); time.sleep(600)"
    )
    running = Child(small("a", code), LONG)
    while not (told.exists() and len(told.read_text().split()) == 2):
        assert running.ended() is None
        time.sleep(PAUSE)
    running.limit = 0
    ended = running.ended()
    assert ended is not None
    assert (ended.code, ended.result) == (None, None)
    assert all(gone(int(pid)) for pid in told.read_text().split())


def test_an_interrupted_wait_leaves_nothing(monkeypatch):
    """Ctrl-C while it is waited for."""
    started, sleep = [], time.sleep

    def interrupt(seconds):
        monkeypatch.setattr(child.time, "sleep", sleep)
        raise KeyboardInterrupt

    class Watched(Child):
        def __init__(self, *given, **named):
            super().__init__(*given, **named)
            started.append(self)

    monkeypatch.setattr(child, "Child", Watched)
    monkeypatch.setattr(child.time, "sleep", interrupt)
    with pytest.raises(KeyboardInterrupt):
        run(small("a", SLEEP), LONG)
    monkeypatch.undo()
    assert gone(started[0].process.pid)
    assert not started[0]._folder.exists()


def test_only_the_end_of_what_it_said_is_kept():
    """A user's model may print for hours."""
    ended = run(small("a", "import sys; sys.stderr.write('x' * 100_000 + 'the end')"), LONG)
    assert len(ended.said) == child.TAIL
    assert ended.said.endswith("the end")


def test_it_works_in_a_folder(tmp_path):
    """And with variables of its own."""
    code = WRITE.format("{'at': __import__('os').getcwd(), 'x': __import__('os').environ['X_OF_A_TEST']}")
    running = Child(small("a", code), LONG, {"X_OF_A_TEST": "1"}, str(tmp_path))
    while (ended := running.ended()) is None:
        time.sleep(PAUSE)
    assert ended.result == {"at": os.path.realpath(tmp_path), "x": "1"}


def test_a_result_is_read_once(tmp_path):
    """A result that is there and a process that has been ended: nothing remains on the disk."""
    running = Child(small("a", MATCH), LONG)
    running.process.wait()
    assert running._folder.exists()
    assert running.ended() is not None
    assert not running._folder.exists()
