"""Values that are made when they are asked for, and not before."""

import pytest

from compare.arrays.made import Made


def test_a_value_is_made_each_time_it_is_asked_for():
    """Looking at the names makes none; a name that is not there is none to make."""
    asked: list[str] = []

    def make(name: str) -> str:
        asked.append(name)
        return name.upper()

    made = Made(["b", "a", "b"], make)
    assert (list(made), len(made), "a" in made, "c" in made) == (["b", "a"], 2, True, False)
    assert asked == []
    assert (made["a"], made["a"], dict(made)) == ("A", "A", {"b": "B", "a": "A"})
    assert asked == ["a", "a", "b", "a"]
    with pytest.raises(KeyError):
        made["c"]
