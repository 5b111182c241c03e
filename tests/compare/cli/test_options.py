"""Options that several commands take."""

import argparse

import pytest

from compare.cli.options import add_data, add_epochs, add_pair, add_shared, json_path, whole


@pytest.mark.parametrize("text", ["", "-1", "1.5", "0", "³", "1e3", " 2"])
def test_whole_numbers_only(text):
    """From the least on, in plain digits."""
    with pytest.raises(argparse.ArgumentTypeError, match="expected a whole number from 1, got"):
        whole(1)(text)
    assert whole(1)("12") == 12


def test_a_path_for_json(tmp_path):
    """A file of a folder that is there, or ``-``; a folder, or a file below a file, is none."""
    assert json_path("-") == "-"
    assert json_path(str(tmp_path / "x.json")) == str(tmp_path / "x.json")
    (tmp_path / "file").write_text("")
    for path in ("", str(tmp_path), str(tmp_path / "no" / "x.json"), str(tmp_path / "file" / "x.json")):
        with pytest.raises(argparse.ArgumentTypeError, match="expected a file in a folder"):
            json_path(path)


def test_defaults():
    """What a command gets of which nothing was said."""
    parser = argparse.ArgumentParser()
    for add in (add_shared, add_data, add_epochs, add_pair):
        add(parser)
    found = vars(parser.parse_args([]))
    assert found == {
        "device": "auto", "seed": 0, "json": None, "data": None, "batch": None, "epochs": 15, "pair": "mlp"
    }  # fmt: skip
