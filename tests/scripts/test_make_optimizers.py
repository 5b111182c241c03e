"""The page of all recipes: what a row says is what comes of running it."""

import numpy as np
import pytest

from compare.checkpoints.json_file import read_json
from compare.explain.differences.rows import OPTIMIZERS as ROWS
from compare.explain.differences.walked import NAMES, Walked, walked
from compare.weights.twin_recipes import RECIPES
from scripts.make_optimizers import NUMBERS, PAGE, line, plotted, powers, speed

USERS_MODELS = True  # optax's Adam does not run under strict promotion
BY_NAME = {row.name: row for row in ROWS}


@pytest.mark.parametrize("name", ["AdamW", "MultiStepLR", "Muon"])
def test_a_row_of_the_page_is_what_its_codes_do(name):
    """The same step at which the naive form leaves, and the twin stays; the page is as committed."""
    found = walked(BY_NAME[name])
    own = line(BY_NAME[name], found)
    (shown,) = [one for one in PAGE.read_text(encoding="utf-8").splitlines() if one.startswith(f"| {name} |")]
    assert own.split(" | ")[3].split()[1:] == shown.split(" | ")[3].split()[1:]
    assert [own.split(" | ")[at] for at in (0, 1, 2, 5, 6)] == [shown.split(" | ")[at] for at in (0, 1, 2, 5, 6)]


def test_every_row_is_on_the_page_and_every_recipe_has_one():
    """In the table's order."""
    shown = [one.split(" | ")[0].removeprefix("| ") for one in PAGE.read_text(encoding="utf-8").splitlines()]
    assert [name for name in shown if name in BY_NAME] == [row.name for row in ROWS]
    assert {row.torch for row in RECIPES} <= {row.torch.split("(")[0] for row in ROWS}
    assert {row.torch.split("(")[0] for row in ROWS} <= set(NAMES)


def test_a_twin_that_is_none_makes_no_page():
    """However small what it is apart."""
    with pytest.raises(ValueError, match="SGD: the twin is 1e-09 apart"):
        line(BY_NAME["SGD"], Walked(np.zeros(3), np.array([0.0, 1e-9, 0.0])))


def test_the_numbers_that_the_site_draws_are_those_of_the_page():
    """Each row's, by step; they begin where the page says."""
    found = read_json(NUMBERS)
    assert [*found["apart"]] == [row.name for row in ROWS]
    assert found["apart"]["AdamW"] == pytest.approx(powers(walked(BY_NAME["AdamW"])), abs=0.11)


def test_what_a_step_costs_is_what_was_measured():
    """As the committed result has it."""
    assert speed() in PAGE.read_text(encoding="utf-8")


def test_the_bars_are_powers_of_ten():
    """From rounding to all of the way."""
    assert plotted(np.array([0.0, 1e-16, 1.0, 10.0]))[:1] == "▁"
    assert plotted(np.full(5, 1.0)) == "█" * 20
