"""What an operation's arguments and shapes say of it: whether it reduces, pools, is a view or goes entry by entry."""

import pytest

from compare.weights.mapping.operation import NEW, VIEW, Operation
from compare.weights.mapping.walk import Walk

X = Walk().input((2, 3, 4))


def operation(*shapes, result=NEW, **arguments):
    return Operation("any", result, {"self": X, **arguments}, list(shapes))


@pytest.mark.parametrize(
    ("given", "axes"),
    [
        (operation((2, 4), dim=1, keepdim=False), [1]),
        (operation((2, 1, 4), dim=[-2], keepdim=True), [-2]),
        (operation((), dim=None, keepdim=False), [0, 1, 2]),
        (operation((1, 1, 1), dim=[], keepdim=True), [0, 1, 2]),
        (operation(()), [0, 1, 2]),
        (operation((3,), dim=[0, 2]), [0, 2]),
        (operation((2, 4), (2, 4), dim=1, keepdim=False), [1]),
        (operation((2, 3, 4), dim=1), None),  # cumulated, sorted, a softmax
        (operation((2, 3, 2), dim=-1, k=2), None),
        (operation((2, 4), other=X, dim=1, keepdim=False), None),
        (operation((6, 4)), None),
    ],
)
def test_the_axes_that_are_reduced(given, axes):
    assert given.reduced == axes


def test_pooled_is_what_keeps_its_axes_but_not_their_sizes():
    assert operation((2, 3, 2), (2, 3, 2)).resized
    assert not operation((2, 6)).resized
    assert not operation((2, 3, 2), other=X).resized


def test_entry_by_entry_is_what_can_be_broadcast():
    row = Walk().input((4,))
    assert operation((2, 3, 4), other=row).entrywise
    assert not operation((2, 3, 1), other=row).entrywise
    assert not Operation("zeros", NEW, {"size": [2]}, [(2,)]).entrywise


def test_a_view_has_all_entries():
    assert operation((6, 4), result=VIEW).seen_otherwise
    assert not operation((6, 2), result=VIEW).seen_otherwise
    assert not operation((6, 4)).seen_otherwise


def test_tensors_are_found_in_lists_and_an_axis_is_counted_from_the_front():
    other = Walk().input((4,))
    found = operation((1,), indices=[None, other], dim=-1)
    assert found.tensors == [X, other]
    assert found.axis(3) == 2
