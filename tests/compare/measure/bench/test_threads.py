"""The same number of threads on both sides: asked for in time, and measured."""

import os
import subprocess
import sys

import pytest

from compare.errors import UsageError
from compare.measure.bench import threads

PROGRAM = """
from compare.measure.bench.threads import pin, verify_threads
pin(1)
from compare.frameworks.devices import choose
print(verify_threads(1, choose("cpu")))
"""


@pytest.mark.alone
def test_one_thread_is_one_thread():
    """Pinned before the frameworks start, a product of each uses one processor."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    used = eval(done.stdout)
    assert set(used) == {"torch", "jax"}
    assert all(0.3 < count < threads.TOLERANCE for count in used.values())


def test_more_threads_than_asked_for_are_refused(cpu, monkeypatch):
    """A side that runs on two processors where one was asked for."""
    monkeypatch.setattr(threads, "_processors", lambda run: 1.9)
    import torch

    before = torch.get_num_threads()
    try:
        with pytest.raises(UsageError, match=r"torch ran a product on 1\.9 processors where 1 were asked for"):
            threads.verify_threads(1, cpu)
    finally:
        torch.set_num_threads(before)


def test_fewer_threads_than_asked_for_are_refused(cpu, monkeypatch):
    """One processor where four were asked for is another benchmark."""
    monkeypatch.setattr(threads, "_processors", lambda run: 1.0)
    import torch

    before = torch.get_num_threads()
    try:
        with pytest.raises(UsageError, match=r"torch ran a product on 1\.0 processors where 4 were asked for"):
            threads.verify_threads(4, cpu)
    finally:
        torch.set_num_threads(before)


@pytest.mark.alone
def test_a_side_that_takes_more_threads_is_found():
    """torch told to take two after all, in a process that asked for one."""
    if (os.cpu_count() or 1) < 2:
        pytest.skip("one processor only")
    late = "import torch; torch.set_num_threads(2); torch.set_num_threads = lambda count: None\n"
    program = PROGRAM.replace("print(", late + "print(")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "torch ran a product on" in done.stderr


def test_more_threads_than_processors_are_refused():
    """Before anything is set."""
    before = dict(os.environ)
    with pytest.raises(UsageError, match="--threads 99999: expected at most"):
        threads.pin(99999)
    assert dict(os.environ) == before
