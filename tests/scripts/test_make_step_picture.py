"""The README's picture is the book's drawing, and needs nothing else."""

import re
from xml.etree import ElementTree

from scripts.make_step_picture import PICTURE, picture

SVG = "{http://www.w3.org/2000/svg}"


def test_the_picture_that_is_committed_is_the_book_s_drawing():
    """After a change of either: python -m scripts.make_step_picture."""
    assert PICTURE.read_text(encoding="utf-8") == picture()


def test_it_has_both_sides_and_every_colour_that_it_names():
    """On a light and on a dark ground, and nothing is fetched."""
    text = picture()
    root = ElementTree.fromstring(text)
    assert [one.text for one in root.iter(f"{SVG}title")][1:] == [
        "A training step in PyTorch",
        "A training step in JAX",
    ]
    light, dark = re.findall(r":root {([^}]*)}", text)
    assert set(re.findall(r"var\((--[\w-]+)\)", text)) <= set(re.findall(r"(--[\w-]+):", light))
    assert "--ink:" in dark
    assert "light-dark(" not in text
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")
