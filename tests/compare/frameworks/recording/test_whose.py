"""Whose code a file is."""

from compare.frameworks.recording import whose
from compare.frameworks.recording.whose import BETWEEN, is_users, ours


def test_a_file_of_ours_is_not_the_users():
    """But for those that call a model on its behalf; whatever lies elsewhere is."""
    callers = ours("pair/fields.py")
    assert is_users("/home/somebody/model.py", callers)
    assert is_users(callers[0], callers)
    assert not is_users(ours("pair/prepare.py")[0], callers)
    assert whose.__file__.startswith(BETWEEN)
