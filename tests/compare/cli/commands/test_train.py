"""``jaxport train``: the form and the picture, and where they are written."""

import re

import pytest

from compare.pair.training_recipes import in_words
from tests.compare.command_line import SHORT, files, jaxport, refused, strictly

pytestmark = pytest.mark.usefixtures("elsewhere")


def test_train(tmp_path):
    """``train`` writes its JSON and its picture, nothing else, and says so on standard error."""
    ran = jaxport("train", *SHORT, "--out", "out")
    form = strictly((tmp_path / "out" / "train.json").read_text())
    assert files(tmp_path) == ["out/train.json", "out/training.png"]
    assert (ran.code, form["verdict"], len(form["steps"]), form["plan"]["batch"]) == (0, "match", 8, 500)
    assert ran.err.splitlines()[1:] == ["wrote out/train.json and out/training.png"]
    assert re.search(r"^verdict +match$", ran.out, re.MULTILINE)


def test_an_unknown_recipe():
    """Before a device is looked for."""
    ran = jaxport("train", "--recipe", "nosuch")
    assert "--recipe nosuch: there is none" in refused(ran)
    assert "device: " not in ran.err


def test_the_recipe_is_named(tmp_path):
    """With what it is, in the JSON and on the terminal."""
    ran = jaxport("train", *SHORT, "--recipe", "sgd-steps", "--json", "train.json")
    form = strictly((tmp_path / "train.json").read_text())
    assert (form["recipe"], form["trained_by"]) == ("sgd-steps", in_words("sgd-steps"))
    assert re.search(r"^recipe +sgd-steps: SGD with momentum, dropped to a tenth", ran.out, re.MULTILINE)
