"""Bars in groups."""

import pytest

from compare.report.book.drawing import bars

from .svg import elements, numbers, texts


def drawn(*values):
    sides = ("torch", "jax")
    made = [bars.Bar(group="bytes", side=sides[at % 2], value=one, told=f"{one:g} B") for at, one in enumerate(values)]
    return bars.draw(bars.Bars(kind="bars", title="Bytes", side="plain", bars=made))


def test_lengths_are_as_the_numbers():
    """Twice the number, twice the length; nothing is still a line; both begin at zero."""
    long, short, none = (numbers(one, "x", "width") for one in elements(drawn(200.0, 100.0, 0.0), "rect", "bar"))
    assert long[0] == short[0] == none[0] == bars.LEFT
    assert long[1] == pytest.approx(2 * short[1], abs=0.2)
    assert 0 < none[1] < 2


def test_each_bar_says_its_side_and_its_number():
    """The group once; a long number keeps inside."""
    assert texts(drawn(2.0, 1.0)) == ["bytes", "PyTorch", "2 B", "JAX", "1 B"]
    assert [one.get("class") for one in elements(drawn(2.0, 1.0), "rect")] == ["bar torch", "bar jax"]


def test_a_length_is_not_below_zero():
    """There is no such bar."""
    with pytest.raises(ValueError, match="zero or more"):
        drawn(1.0, -1.0)
