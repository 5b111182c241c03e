"""What code says when it is refused or warned."""

import warnings

import pytest

from compare.lessons.judged.said import refused, warned


def test_a_refusal_is_its_message():
    """Of the kinds asked for; another goes through, and none is said to be none."""
    assert "invalid literal" in refused(lambda: int("x"), TypeError, ValueError)
    with pytest.raises(ValueError, match="invalid literal"):
        refused(lambda: int("x"), TypeError)
    with pytest.raises(RuntimeError, match="expected TypeError or ValueError, and nothing was raised"):
        refused(lambda: int("3"), TypeError, ValueError)


def test_warnings_are_told_in_order():
    """Each of them, a repeated one too."""

    def told() -> int:
        for _ in range(2):
            warnings.warn("once more", stacklevel=1)
        return 3

    assert warned(told) == (3, ["once more", "once more"])
    assert warned(lambda: 3) == (3, [])
