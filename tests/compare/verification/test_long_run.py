"""Many training steps: refused before the first where there is no room, and counted."""

from types import SimpleNamespace

import numpy as np
import pytest

from compare.arrays.batch import Batch
from compare.arrays.several import Batches
from compare.errors import UsageError
from compare.pair.pair import Entering
from compare.verification import long_run
from compare.verification.long_run import check_room, followed

BATCH = Batch.of(np.zeros((4, 3)))


def entering(steps):
    return Entering({"w": np.zeros((2, 3))}, Batches(iter(lambda: BATCH, None), steps), 1.0, {})


def test_more_than_a_report_tells_of_are_refused():
    """Before any but the first batch is drawn."""
    check_room("own", entering(500_000))
    with pytest.raises(UsageError, match="99,999,999 training steps: expected at most 500,000: the loss and every"):
        check_room("own", entering(99_999_999))


def test_more_than_the_disk_takes_are_refused(monkeypatch):
    """528 bytes a step: five times six numbers, three times twelve."""
    monkeypatch.setattr(long_run.shutil, "disk_usage", lambda folder: SimpleNamespace(free=528 * 1000))
    check_room("own", entering(1000))
    with pytest.raises(
        UsageError, match=r"1,001 training steps: expected at most 1,000: .*takes 528 bytes, and .* \(TMPDIR"
    ):
        check_room("own", entering(1001))


def test_steps_are_counted():
    """Each time that somebody goes over them; few are not."""
    said = []
    own = followed(entering(4000), said.append).batches
    assert own[0] is BATCH
    assert (len(own), len([*own]), len([*own])) == (4000, 4000, 4000)
    assert said[0] == "training steps, run 1: 800 of 4,000"
    assert said[-1] == "training steps, run 2: 3,200 of 4,000"
    assert len(said) == 8
    few = entering(999)
    assert followed(few, said.append) is few
