"""The numbers of the room stand in one place, each with its reason."""

from pathlib import Path

from compare.measure.contrast import alignment, facing, kept_arrays, thresholds, values_alike
from tests.compare.explain.locate.test_thresholds import numbers

ROOM = Path(thresholds.__file__).parent
SIZES = {"SHORT", "CALLS", "LARGEST"}  # of messages and of work: nothing is decided by them


def test_no_other_file_of_the_room_has_a_number_of_its_own():
    """Where to look for one is never a question."""
    elsewhere = {path.name for path in ROOM.glob("*.py") if numbers(path).keys() - SIZES}
    assert elsewhere == {"thresholds.py"}


def test_their_order():
    """Float64 tells values apart that float32 does not; they are found where they are used."""
    assert 2.0**-53 < thresholds.SAME < thresholds.SINGLE < thresholds.SUPPORT < 1 < thresholds.FEW < thresholds.FILL
    assert facing.SINGLE == kept_arrays.SINGLE == thresholds.SINGLE
    assert alignment.SAME == values_alike.SAME == thresholds.SAME
