"""The benchmark of many recipes: its rows run, and what is too far apart counts."""

import pytest

from benchmarks import twin_recipes
from benchmarks.twin_recipe_rows import NO_TWIN, SGD
from compare.errors import UsageError

USERS_MODELS = True  # optax's schedules do not run under strict promotion


def test_a_row_is_run_three_ways():
    """A schedule with a momentum of its own, there and back, in two groups: no more than rounding."""
    optimizer = "groups(SGD, {}, dict(weight_decay=0.1), lr=0.02, momentum=0.9)"
    assert max(twin_recipes.distances(optimizer, "OneCycleLR(o, [0.1, 0.02], 120)")) < twin_recipes.EQUAL


@pytest.mark.parametrize("optimizer", NO_TWIN)
def test_what_has_no_twin_says_so(optimizer):
    """In one sentence."""
    with pytest.raises(UsageError, match="no twin of"):
        twin_recipes.distances(optimizer)


@pytest.mark.parametrize(("found", "code"), [((1e-9, 0.0, 0.0, 1e-16), 1), ((1e-9, 0.0, 0.0, 1e-8), 0)])
def test_a_row_that_is_too_far_counts(monkeypatch, capsys, found, code):
    """Unless torch is as far from itself."""
    monkeypatch.setattr(twin_recipes, "distances", lambda *_: found)
    assert twin_recipes.main(["StepLR(o, 49)"]) == code
    assert (f"{SGD} | StepLR(o, 49)" in (said := capsys.readouterr().out), "TOO FAR" in said) == (True, bool(code))


def test_there_are_many():
    """And none twice."""
    assert len(set(twin_recipes.ROWS)) == len(twin_recipes.ROWS) >= 80
