"""What one worker has made, the next one finds."""

import pytest

from tests.once import once


class Worker:
    """A run's folders, as a worker sees them."""

    def __init__(self, own):
        self.getbasetemp = lambda: own


def test_a_second_worker_makes_nothing(tmp_path):
    """It has the same folder and the same words; alone, a run has its own."""
    made = []

    def make(folder):
        made.append(folder)
        return {"number": len(made)}

    first, second = (Worker(tmp_path / f"popen-{name}") for name in ("gw0", "gw1"))
    assert once(first, "a thing", make) == once(second, "a thing", make) == ({"number": 1}, made[0])
    assert made == [tmp_path / "once" / "a thing"]
    assert once(Worker(tmp_path / "alone"), "a thing", make)[0] == {"number": 2}


def test_what_fails_is_tried_again(tmp_path):
    def fails(folder):
        raise OSError("no room")

    worker = Worker(tmp_path / "popen-gw0")
    with pytest.raises(OSError, match="no room"):
        once(worker, "a thing", fails)
    assert once(worker, "a thing", lambda folder: [])[0] == []
