"""When weights count."""

import argparse
from pathlib import Path

import pytest

from compare.cli.weight_options import add_weights, asked_in

PARSER = argparse.ArgumentParser()
add_weights(PARSER)


@pytest.mark.parametrize(
    ("typed", "asked", "original"),
    [
        ([], False, "reference"),
        (["--port-weights", "a.npz"], True, "reference"),
        (["--reference-weights", "a.npz"], True, "reference"),
        (["--original", "port"], True, "port"),
    ],
)
def test_a_file_or_a_side_asks_for_them(typed, asked, original):
    found = asked_in(PARSER.parse_args(typed))
    assert (found.asked, found.original) == (asked, original)
    assert asked_in(PARSER.parse_args(typed), always=True).asked
    assert found.port == (Path("a.npz").absolute() if "--port-weights" in typed else None)
