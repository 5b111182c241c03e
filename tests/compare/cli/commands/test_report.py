"""``jaxport report``: one file made of what lies in a folder, or one line."""

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
    """With what would write it."""
    assert "jaxport --out nowhere writes them" in refused(jaxport("report", "nowhere"))


def test_a_file_of_another_command_under_its_name(tmp_path):
    """Half a page would look like a whole one."""
    shutil.copy(RESULTS / "contrast.json", tmp_path / "train.json")
    assert "train.json: expected what jaxport train --json of this version writes" in refused(jaxport("report", "."))
    assert not (tmp_path / "report.html").exists()
