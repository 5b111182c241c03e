"""The fastest of a few calls, on a clock that is made up."""

from compare.measure.contrast import fastest as module
from compare.measure.contrast.fastest import fastest


def test_the_shortest_call_counts_and_the_last_result(monkeypatch):
    """Calls of 3, 1 and 2 seconds."""
    moments, results = iter([0.0, 3.0, 3.0, 4.0, 4.0, 6.0]), iter("abc")
    monkeypatch.setattr(module.time, "process_time", lambda: next(moments))
    assert fastest(lambda: next(results), 3) == ("c", 1.0)
