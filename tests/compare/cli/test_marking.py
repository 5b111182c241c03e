"""A lesson that a student wrote, marked by ``jaxport verify``."""

import json

from compare.cli.cli import main
from compare.cli.marking import lesson_files
from compare.lessons.sources import source
from tests.compare.schemas import faults

USERS_MODELS = True


def test_a_written_side_is_marked(tmp_path, capsys):
    """Unwritten: one clear line. Right: exit code 0. Wrong: exit code 1, and the cause is named, in JSON too."""
    path = tmp_path / "mine.py"
    assert main(["new", str(path), "--lesson", "broadcasting"]) == 0
    assert main(["verify", str(path), "--device", "cpu"]) == 2
    assert "write this body" in capsys.readouterr().err
    answer = source("jaxport", "tensors", "broadcasting").text
    head = path.read_text().split("def broadcasting")[0]
    path.write_text(head + answer)
    assert main(["verify", str(path), "--device", "cpu"]) == 0
    path.write_text(head + answer.replace("added = table + bias", "added = 2 * (table + bias)"))
    capsys.readouterr()
    assert main(["verify", str(path), "--device", "cpu", "--json", "-"]) == 1
    form = json.loads(capsys.readouterr().out)
    assert faults("mark", form) == []
    assert (form["verdict"], form["marked"]) == ("mismatch", "port")
    assert form["first_difference"]["name"] == "added"
    assert "2 times the reference's" in form["first_difference"]["reason"]


def test_more_than_one_at_a_time_and_options_that_mean_nothing_are_refused(tmp_path, capsys):
    """One line each; every option of ``verify`` that a lesson knows nothing of, not those of a list of ours."""
    paths = [str(tmp_path / name) for name in ("a.py", "b.py")]
    for path in paths:
        assert main(["new", path, "--lesson", "tape"]) == 0
    assert main(["verify", *paths]) == 2
    assert "one file at a time" in capsys.readouterr().err
    for option in (
        ["--dtype", "bfloat16"],
        ["--no-locate"],
        ["--record", str(tmp_path / "r.npz")],
        ["--strict"],
        ["--batch", "3"],
        ["--data", paths[1]],
    ):
        assert main(["verify", paths[0], *option]) == 2
        assert f"{option[0]} means nothing where a lesson is marked" in capsys.readouterr().err


def test_which_files_are_a_lessons(tmp_path):
    """Those that name a lesson and a side; a pair's name and another file are none."""
    mine, other = tmp_path / "mine.py", tmp_path / "other.py"
    assert main(["new", str(mine), "--lesson", "tape"]) == 0
    other.write_text("pair = 3")
    assert lesson_files(["mlp", str(mine), str(other)]) == {str(mine): ("tape", "port")}
