"""Programs compiled in warm calls."""

from compare.measure.bench.gates.warm import warm
from tests.compare.measure.bench.gates.made_up import observed


def test_none_passes_and_any_is_told():
    """With the number of calls."""
    assert warm(observed(warm_calls=16), observed()) == ""
    assert "expected 0 in 16 calls after all batches were seen, got 2" in warm(
        observed(warm_calls=16, compiled=2), observed()
    )
