"""Tape and program drawn: what aligns is level, in either half."""

from xml.etree import ElementTree

import pytest

from compare.measure.contrast.contrast import contrast
from compare.pair.pairs import find
from compare.report import contrast_pictures as pictures
from compare.report.contrast_pictures import facing_picture
from compare.report.form import contrast_form

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def form(cpu):
    """The small case's."""
    return contrast_form(contrast(find("loose"), cpu), {})


def boxes(picture, style):
    """The boxes of one side: their tops, and the first line of each."""
    drawn = ElementTree.fromstring(picture)
    rects = [one for one in drawn.iter(f"{SVG}rect") if one.get("class") == style]
    heads = {(float(one.get("x")), float(one.get("y"))): one.text for one in drawn.iter(f"{SVG}text")}
    return {float(one.get("y")): heads[float(one.get("x")) + 5, float(one.get("y")) + 15] for one in rects}


def test_what_aligns_is_level(form):
    """A product beside a product, a ReLU beside its maximum, from the top to the bottom as the forward pass runs."""
    picture = facing_picture(form)
    left, right = boxes(picture, "torch"), boxes(picture, "jax")
    beside = [(left[top], right.get(top, "")) for top in sorted(left)]
    assert [pair for pair in beside if pair[1]] == [
        ("MmBackward0", "dot_general"), ("AddBackward0", "add"), ("ReluBackward0", "max"),
        ("MmBackward0", "dot_general"), ("AddBackward0", "add"), ("LogSoftmaxBackward0", beside[-1][1]),
    ]  # fmt: skip
    assert "NllLossBackward0" in picture  # in the box of what it is one group with
    assert set(right) <= set(left)


def test_each_takes_what_another_makes(form):
    """There is a line into every box but those that take parameters and inputs alone."""
    drawn = ElementTree.fromstring(facing_picture(form))
    edges = [one for one in drawn.iter() if one.tag in (f"{SVG}line", f"{SVG}path") and not one.get("class")]
    assert len(edges) >= len(boxes(facing_picture(form), "torch"))


def test_the_backward_pass_runs_the_other_way(form):
    """From the loss down to the first layer: a product's two gradients beside its node, and which leaf is filled."""
    picture = facing_picture(form, "gradient")
    left, right = boxes(picture, "torch"), boxes(picture, "jax")
    order = [left[top] for top in sorted(left)]
    assert order[0] == "NllLossBackward0"
    products = [right[top] for top in sorted(right) if left[top] == "MmBackward0"]
    assert products == ["dot_general x 2", "dot_general"]  # the batch has no gradient
    assert [text for text in ("b1", "W1", "b2", "W2") if f".grad of {text}<" in picture] == ["b1", "W1", "b2", "W2"]


def test_beyond_many_nodes_a_layer_is_one_box(form, monkeypatch):
    """With the path of the layer, and what its nodes keep together."""
    monkeypatch.setattr(pictures, "MANY", 5)
    assert list(boxes(facing_picture(form), "torch").values()) == ["(loss)"]


def test_they_are_as_wide_as_a_phone_and_need_nothing(form):
    """No text is longer than its box, and nothing is fetched."""
    for picture in (facing_picture(form), facing_picture(form, "gradient")):
        assert ElementTree.fromstring(picture).get("viewBox").startswith("0 0 360 ")
        assert "http" not in picture.replace("http://www.w3.org/2000/svg", "")
        drawn = ElementTree.fromstring(picture)
        assert max(len(one.text) for one in drawn.iter(f"{SVG}text")) <= 22
