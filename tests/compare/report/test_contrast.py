"""The contrast on a terminal: every node with what it keeps and faces, and the figures in words."""

import io

import pytest
from rich.console import Console

from compare.measure.contrast.contrast import contrast
from compare.pair.pairs import find
from compare.report import contrast as shown
from compare.report.contrast import show_contrast, summary
from compare.report.form import contrast_form


@pytest.fixture(scope="module")
def form(cpu):
    """The small case's."""
    return contrast_form(contrast(find("loose"), cpu), {})


def text_of(form, width=130, **options):
    """What is printed."""
    out = Console(file=io.StringIO(), width=width)
    show_contrast(form, out, **options)
    return out.file.getvalue()


@pytest.mark.parametrize("width", [40, 80, 130])
def test_it_fits_any_terminal(form, width):
    """No line is longer than the terminal is wide."""
    assert max(map(len, text_of(form, width).splitlines())) <= width


def test_a_narrow_terminal_shows_every_node_too(form):
    """At 80 columns, where node names are long: in the table with fewer columns."""
    long = {**form, "tape": [{**node, "name": "Convolution" + node["name"]} for node in form["tape"]]}
    rows = text_of(long, 80).split("what faces nothing")[0]
    assert "own bytes" in rows
    assert "keeps" not in rows
    assert rows.count("dot_general") == 4
    assert rows.count("adds to .grad") == 4


def test_every_node_is_shown(form):
    """In the order of the engine."""
    text = text_of(form, 200)
    places = [text.index(f"{node['name']} {node['leaf']}".strip()) for node in form["tape"] if node["leaf"]]
    assert len(places) == 4
    assert places == sorted(places)


def test_what_is_kept_and_what_it_faces(form):
    """An array with its bytes, whose memory it is, and the equations beside it."""
    text = text_of(form, 200)
    assert "float32[16,20] is x" in text
    assert "dot_general x 2" in text
    assert "adds to .grad" in text


def test_every_equation_on_demand(form):
    """And the nodes that it faces; without ``every`` they are counted."""
    text = text_of(form, 200, every=True)
    assert all(f"{number} {one['name']}" in text for number, one in enumerate(form["equations"]))
    assert f"0 {form['equations'][0]['name']}" not in text_of(form, 200)


def test_a_long_tape_is_folded_by_layer(form, monkeypatch):
    """One line for the nodes of a layer that follow each other; leaves are told by the layer's gradient."""
    monkeypatch.setattr(shown, "MANY", 5)
    text = text_of(form, 200)
    assert "(outside the layers): " in text
    assert "AccumulateGrad W1" not in text
    assert "AccumulateGrad W1" in text_of(form, 200, every=True)


def test_the_summary_says_both_sizes(form):
    """What the main job prints."""
    tape, function = summary(form)
    assert f"{form['tape_bytes'] / 1024:.1f} KiB" in tape
    assert f"{form['residual_bytes'] / 1024:.1f} KiB" in function


def test_what_is_said_of_small_things(form):
    """A title that is empty leaves no comma; one entry is no number over and over; one kind is one kind."""
    kept = {**form["residuals"][0], "constant": True, "same_as": "", "copy_of": "", "earlier": None, "shape": [1]}
    text = text_of({**form, "title": "", "residuals": [kept], "words": []}, 200)
    assert text.startswith("loose: cpu\n")
    assert "over and over" not in text
    assert shown._list("abcde") == "a, b, c, d, and 1 more kind"
