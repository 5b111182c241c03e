"""Both sides run under watch: what is recorded is what is found."""

import pytest

from compare.lessons import LESSONS
from compare.lessons.align import recorded
from compare.lessons.observe import of_lesson

USERS_MODELS = True


@pytest.mark.parametrize("name", ["tape", "accumulation", "in_place", "shapes", "second_derivatives"])
def test_what_is_recorded_is_what_is_found(name, cpu):
    """Found again on this machine; a lesson that was changed needs python -m scripts.make_facing."""
    found = of_lesson(LESSONS[name], cpu)
    assert len(found) == 1 + len(LESSONS[name].also)
    assert found == {key: recorded().get(key) for key in found}
