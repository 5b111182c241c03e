"""The bytes alive, drawn: they are those that are kept."""

import re
from xml.etree import ElementTree

import pytest

from compare.measure.contrast.contrast import contrast
from compare.pair.pairs import find
from compare.report.contrast_timeline import timeline_picture
from compare.report.form import contrast_form


@pytest.fixture(scope="module")
def form(cpu):
    """The small case's."""
    return contrast_form(contrast(find("loose"), cpu), {})


def test_the_timeline_holds_what_is_kept(form):
    """The tape rises to its bytes and is given back; the residuals stay."""
    picture = timeline_picture(form)
    tape, kept = re.findall(r'<path class="(?:tape|kept)" d="([^"]+)"', picture)
    heights = [[140 - float(one) for one in re.findall(r"V ([\d.]+)", line)] for line in (tape, kept)]
    most = form["residual_bytes"] + form["copied_bytes"]
    assert max(heights[1]) == heights[1][-1] == 110
    assert max(heights[0]) == pytest.approx(110 * form["tape_bytes"] / most, abs=0.1)
    assert heights[0][-1] == 0
    hidden = 110 * 16 * 32 * 4 / most  # the activation, which the product and the ReLU hold: until the ReLU has run
    relu = next(at for at, node in enumerate(form["tape"]) if node["name"] == "ReluBackward0")
    backward = heights[0][len(form["tape"]) :]
    assert backward[relu - 1] == pytest.approx(hidden, abs=0.2)
    assert backward[relu] == 0


def test_it_is_as_wide_as_a_phone_and_needs_nothing(form):
    """Nothing is fetched."""
    picture = timeline_picture(form)
    assert ElementTree.fromstring(picture).get("viewBox").startswith("0 0 360 ")
    assert "http" not in picture.replace("http://www.w3.org/2000/svg", "")
