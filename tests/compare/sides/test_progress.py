"""What a log is told of a stage that takes long."""

from compare.sides import progress
from compare.sides.progress import Log, Within


def test_a_log_has_every_stage_and_now_and_then_what_it_is_at(monkeypatch):
    """From when nothing was said for a while, whatever it was that was said last."""
    clock = iter([0.0, 1.0, 20.0, 31.0, 32.0, 33.0, 63.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    log = Log()
    said = ["stage", Within("piece 1"), Within("piece 2"), "stage", Within("piece 3"), Within("piece 4")]
    assert [log.has(one) for one in said] == [True, False, True, True, False, True]
