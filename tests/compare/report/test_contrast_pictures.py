"""Tape and program drawn: what aligns is level, in either half."""

from xml.etree import ElementTree

import pytest

from compare.measure.contrast.contrast import contrast
from compare.pair.pairs import find
from compare.report import contrast_pictures as pictures
from compare.report.contrast import layers_of
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
    assert [text for text in ("b1", "W1", "b2", "W2") if f">{text}.grad<" in picture] == ["b1", "W1", "b2", "W2"]


def test_beyond_many_nodes_a_layer_is_one_box(form, monkeypatch):
    """With the path of the layer, and what its nodes keep together."""
    monkeypatch.setattr(pictures, "MANY", 5)
    assert list(boxes(facing_picture(form), "torch").values()) == ["(outside the layers)"]


def test_they_are_as_wide_as_a_phone_and_need_nothing(form):
    """No text is longer than its box, and nothing is fetched."""
    for picture in (facing_picture(form), facing_picture(form, "gradient")):
        assert ElementTree.fromstring(picture).get("viewBox").startswith("0 0 360 ")
        assert "http" not in picture.replace("http://www.w3.org/2000/svg", "")
        drawn = ElementTree.fromstring(picture)
        assert max(len(one.text) for one in drawn.iter(f"{SVG}text")) <= 22


def node(path, *loss, gives=(), why=""):
    """One of a tape, which faces these equations of the loss."""
    named = {"name": "TanhBackward0", "leaf": "", "path": path, "why": why}
    return {**named, "saved": [], "gives": list(gives), "loss": list(loss), "gradient": []}


def equation(name, times=1, *takes):
    """One of the program, as the body of a loop lists it."""
    return {"name": name, "times": times, "takes": list(takes)}


def test_what_a_loop_runs_stands_beside_each_trip():
    """Its body is listed once and runs beside each layer's node; a trip takes what the one before it made, and nothing
    of what entered the first."""
    equations = [equation("exp"), equation("tanh", 2, 0), equation("sin", 2, 1), equation("sum", 1, 2)]
    tape = [node("", 3, gives=[1]), *(node("", 2 - at % 2, gives=[at + 2]) for at in range(4)), node("", 0)]
    picture = facing_picture({"tape": tape, "equations": equations})
    assert list(boxes(picture, "jax").values()) == ["exp", "tanh", "sin", "tanh", "sin", "sum"]
    drawn = ElementTree.fromstring(picture)
    plain = [one for one in drawn.iter(f"{SVG}line") if not one.get("class") and float(one.get("x1")) > 180]
    curved = [one for one in drawn.iter(f"{SVG}path") if one.get("d").startswith("M 345 ")]
    assert (len(plain), len(curved)) == (5, 0)


def test_of_a_long_path_its_last_parts_stay():
    """Two layers' parameters of one name are told apart; a path of one long part is cut in it."""
    assert pictures._short("blocks.3.down.weight.grad") == "\N{HORIZONTAL ELLIPSIS}3.down.weight.grad"
    assert pictures._short("encoder.layer.10.output.dense") == "\N{HORIZONTAL ELLIPSIS}layer.10.output.dense"
    for text in ("a_parameter_of_a_long_name.grad", "MkldnnRnnLayerBackward0", "one.a_parameter_of_a_long_name"):
        assert len(pictures._short(text)) == 22
    assert pictures._short("net.1.weight.grad") == "net.1.weight.grad"


def test_what_torch_adds_is_of_the_layer_that_it_runs_in():
    """It has no path, and does not cut a layer in two; what computes outside the layers stands for itself."""
    tape = [node("a"), node("", why="layout"), node("a"), node("", 0), node("b")]
    assert layers_of({"tape": tape}) == [("a", [0, 1, 2]), ("", [3]), ("b", [4])]
