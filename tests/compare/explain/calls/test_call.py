"""A call, described when it is over."""

from compare.explain.calls.call import Described, tensors_of

ONE, TWO, THREE = (Described((size,), "float64", False) for size in (1, 2, 3))


def test_the_tensors_of_a_call_are_found_in_whatever_holds_them():
    """In order, in lists, tuples and dictionaries; everything else is passed over."""
    assert tensors_of((ONE, [2.0, (TWO, None)], {"dim": 1, "weight": THREE})) == [ONE, TWO, THREE]
    assert tensors_of({"eps": 1e-5, "shape": (4, 4), "name": "x"}) == []
