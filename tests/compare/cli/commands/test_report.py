"""``jaxport report``: one file made of what lies in a folder, or one line."""

import json
import shutil
from pathlib import Path

import pytest

from tests.compare.command_line import jaxport, refused

RESULTS = Path(__file__).parents[4] / "results" / "cpu"

pytestmark = pytest.mark.usefixtures("elsewhere")


def test_it_is_made_of_what_lies_there(tmp_path):
    """And says which sections it has."""
    (tmp_path / "report").mkdir()
    for name in ("contrast", "bench"):
        shutil.copy(RESULTS / f"{name}.json", tmp_path / "report")
    ran = jaxport("report")
    assert (ran.code, ran.out, ran.err) == (0, "", "wrote report/report.html (contrast, bench)\n")
    assert (tmp_path / "report" / "report.html").read_text().startswith("<!doctype html>")


def test_nothing_to_show_is_said():
    """A folder that is not there, and one without results: with what would write them."""
    assert "nowhere: expected a folder of results (No such file" in refused(jaxport("report", "nowhere"))
    assert "jaxport --out . writes them" in refused(jaxport("report", "."))


def test_what_differs_is_the_page_s_title_and_the_exit_code(tmp_path):
    """A training run that does not match, beside pairs that do."""
    for name in ("verify", "train"):
        form = json.loads((RESULTS / f"{name}.json").read_text())
        (tmp_path / f"{name}.json").write_text(json.dumps(form | ({"verdict": "mismatch"} if name == "train" else {})))
    assert jaxport("report", ".").code == 1
    assert "<title>jaxport: mlp, loose: mismatch</title>" in (tmp_path / "report.html").read_text()


def test_a_file_of_another_command_under_its_name(tmp_path):
    """Half a page would look like a whole one."""
    shutil.copy(RESULTS / "contrast.json", tmp_path / "train.json")
    assert "train.json: expected what jaxport train --json of this version writes, but the whole has no" in refused(
        jaxport("report", ".")
    )
    assert not (tmp_path / "report.html").exists()
