"""The same number of threads on both sides: asked for in time, and measured."""

import ast
import os
import re
import subprocess
import sys

import pytest

from compare.errors import UsageError
from compare.measure.bench import threads

PROGRAM = """
from compare.measure.bench.threads import pin, verify_threads
pin(1)
from compare.errors import UsageError
from compare.frameworks.devices import choose
print(verify_threads(1, choose("cpu")), flush=True)
import torch
torch.set_num_threads(2)
torch.set_num_threads = lambda count: None
try:
    verify_threads(1, choose("cpu"))
except UsageError as error:
    print(error)
"""


@pytest.fixture(scope="module")
def process() -> list[str]:
    """What a process finds that asked for one thread, and then when torch is told to take two after all."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_one_thread_is_one_thread(process):
    """Pinned before the frameworks start, a product of each is the work of one thread."""
    used = ast.literal_eval(process[0])
    assert set(used) == {"torch", "jax"}
    assert all(1 <= count < threads.TOLERANCE for count in used.values())


@pytest.mark.parametrize(("shared", "asked"), [(1.9, 1), (1.0, 4)], ids=["more", "fewer"])
def test_other_threads_than_asked_for_are_refused(cpu, monkeypatch, shared, asked):
    """A side that runs two where one was asked for; and one where four were, which is another benchmark."""
    monkeypatch.setattr(threads, "_sharing", lambda run: shared)
    monkeypatch.setattr(threads, "cores", lambda: 8)
    import torch

    line = f"torch shared a product among {shared} threads where {asked} were asked for"
    before = torch.get_num_threads()
    try:
        with pytest.raises(UsageError, match=re.escape(line)):
            threads.verify_threads(asked, cpu)
    finally:
        torch.set_num_threads(before)


def test_of_all_processors_none_is_taken_beside(cpu, monkeypatch):
    """More threads than there are processors take turns on a busy machine: nothing is refused for it."""
    import torch

    before = torch.get_num_threads()
    monkeypatch.setattr(threads, "_sharing", lambda run: 3.2)
    monkeypatch.setattr(threads, "cores", lambda: 2)
    try:
        assert threads.verify_threads(2, cpu) == {"torch": 3.2, "jax": 3.2}
    finally:
        torch.set_num_threads(before)


def test_a_side_that_takes_more_threads_is_found(process):
    """It is named, and how many threads share its work, on however many processors."""
    assert re.match(r"torch shared a product among (1\.[4-9]|2\.0) threads where 1 were asked for", process[1])


def test_more_threads_than_sharing_are_refused():
    """Before anything is set."""
    before = dict(os.environ)
    with pytest.raises(UsageError, match="--threads 99999: expected at most"):
        threads.pin(99999)
    assert dict(os.environ) == before
