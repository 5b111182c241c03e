"""Settings of the process, before and after."""

import pytest

from compare.frameworks.steps.global_modes import global_modes
from compare.measure.bench.gates.settings import EXPECTED, settings
from tests.compare.measure.bench.gates.made_up import observed

MODES = {"torch threads": "1", "XLA_FLAGS": ""}


def test_what_stays_passes():
    """However it is set."""
    assert settings(observed(modes=(MODES,) * 4), observed()) == ""


@pytest.mark.parametrize(("place", "stage"), [(1, "after it was built"), (3, "after its calls")])
def test_what_changes_is_told_with_its_stage(place, stage):
    """Both values, a variable that was not set among them."""
    modes = [MODES] * 4
    modes[place] = {**MODES, "torch threads": "2"}
    assert settings(observed(modes=tuple(modes)), observed()) == (
        f"settings: expected torch threads to stay 1, got 2 {stage}"
    )
    modes[place] = {**MODES, "XLA_FLAGS": "--x"}
    assert f"expected XLA_FLAGS to stay unset, got --x {stage}" in settings(observed(modes=tuple(modes)), observed())


def test_what_another_row_changed_between_is_not_this_ones():
    """All are built before any is looked at."""
    later = {**MODES, "torch threads": "2"}
    assert settings(observed(modes=(MODES, MODES, later, later)), observed()) == ""


def test_what_slows_a_side_down_is_told_even_where_it_stays():
    """A mode for finding faults; and each that is expected is one that is read."""
    on = {**MODES, "jax_debug_nans": "True"}
    assert settings(observed(modes=(on,) * 4), observed()) == "settings: expected jax_debug_nans False, got True"
    assert set(EXPECTED) <= set(global_modes())
    assert settings(observed(modes=(global_modes(),) * 4), observed()) == ""
