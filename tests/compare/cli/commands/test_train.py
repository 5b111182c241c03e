"""``jaxport train``: the form and the picture, and where they are written."""

import re

import pytest

from tests.compare.command_line import SHORT, files, jaxport, strictly

pytestmark = pytest.mark.usefixtures("elsewhere")


def test_train(tmp_path):
    """``train`` writes its JSON and its picture, nothing else, and says so on standard error."""
    ran = jaxport("train", *SHORT, "--out", "out")
    form = strictly((tmp_path / "out" / "train.json").read_text())
    assert files(tmp_path) == ["out/train.json", "out/training.png"]
    assert (ran.code, form["verdict"], len(form["steps"]), form["plan"]["batch"]) == (0, "match", 8, 500)
    assert ran.err.splitlines()[1:] == ["wrote out/train.json and out/training.png"]
    assert re.search(r"^verdict +match$", ran.out, re.MULTILINE)
