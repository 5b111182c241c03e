"""Two books of roundings, compared by place."""

from functools import partial

import pytest

from compare.frameworks.islands.aligned import compared
from compare.frameworks.islands.lowered import Kept, Step
from compare.frameworks.islands.roundings import Book, Value

LOW = "bfloat16"
X, H = Value(frozenset({"x"})), Value(frozenset({"x", "w", "b"}))


def weight(name):
    return Value(frozenset({name}), weight=True, layer=name)


def at(line, operation="cast", low=LOW):
    return partial(Step, f"model.py:{line}", operation, low)


def cast(book, value, line=1, low=LOW):
    return book.moved([value], at(line, low=low), low)


def layer(book, x, name, line=1, low=True):
    """A product and its bias, all cast to bfloat16 or none of it."""
    w, b = weight(f"{name}.w"), weight(f"{name}.b")
    given = [cast(book, value, line) for value in (x, w, b)] if low else [x, w, b]
    return book.product(given[:2], at(line, "mm"), LOW if low else "", given[2:])


def books():
    return Book("float32"), Book("float32")


def alone(reference, port):
    unlike = compared(reference, port)
    return [[rounding.step.place for rounding in side] for side in (unlike.reference, unlike.port)]


def test_the_same_layer_on_both_sides_is_aligned():
    """Whatever the lines; the bias is no rounding of its own."""
    reference, port = books()
    layer(reference, X, "a", 1)
    layer(port, X, "a", 7)
    unlike = compared(reference, port)
    assert (unlike.reference, unlike.port, unlike.kept_reference, unlike.kept_port) == ((), (), Kept(), Kept())
    assert unlike.both == (LOW, "model.py:1", "model.py:7", 0)


def test_one_layer_more_is_one_sides_alone():
    """The first is aligned all the same, and nothing of it is kept."""
    reference, port = books()
    layer(reference, layer(reference, X, "a", 1), "b", 2, low=False)
    layer(port, cast(port, layer(port, X, "a", 7), 7, ""), "b", 8)
    assert alone(reference, port) == [[], ["model.py:8"]]
    assert compared(reference, port).kept_port == Kept(frozenset({at(8)()}))


def test_another_format_is_unlike_on_both_sides():
    """float16 for bfloat16."""
    reference, port = books()
    reference.product([cast(reference, X, 1, "float16"), weight("w")], at(1, "mm"), "")
    port.product([cast(port, X, 7), weight("w")], at(7, "mm"), "")
    assert alone(reference, port) == [["model.py:1"], ["model.py:7"]]


@pytest.mark.parametrize(("reference_low", "port_low", "expected"), [(1, 3, []), (1, 2, ["model.py:7"]), (0, 0, [])])
def test_shares_count_and_not_numbers(reference_low, port_low, expected):
    """One product of a packed projection, and three of its parts."""
    reference, port = books()
    reference.product([cast(reference, X) if reference_low else X, weight("w")], at(1, "mm"), "")
    low = cast(port, X, 7) if port_low else X
    for number in range(3):
        port.product([low if number < port_low else X, weight("w")], at(7, "mm"), "")
    assert alone(reference, port)[1] == expected


def test_what_stays_low_by_no_request_is_aligned():
    """An activation in float32 on one side, and still in bfloat16 on the other."""
    reference, port = books()
    for book, low in ((reference, ""), (port, LOW)):
        y = layer(book, X, "a")
        y = book.moved([y], at(2), "") if not low else y
        layer(book, book.computed([y], at(3, "tanh"), low), "b", 4, low=False)
    assert alone(reference, port) == [[], []]


def test_what_is_rounded_again_is_not():
    """In float32 between, and cast by a request of its own."""
    reference, port = books()
    for book in (reference, port):
        y = book.computed([book.moved([layer(book, X, "a")], at(2), "")], at(3, "tanh"), "")
        layer(book, cast(book, y, 5) if book is port else y, "b", 6, low=False)
    assert alone(reference, port) == [[], ["model.py:5"]]


def test_a_value_is_rounded_once_however_many_ask():
    """Three layers of one input."""
    book, _ = books()
    for name in "qkv":
        layer(book, X, name)
    assert [one.reach for one in book.roundings].count(X.reach) == 1


def test_what_enters_no_product_counts_by_its_place():
    """A cast before an activation, and one that the other side makes twice."""
    reference, port = books()
    cast(port, H, 3)
    assert alone(reference, port) == [[], ["model.py:3"]]
    cast(reference, H)
    assert alone(reference, port) == [[], []]
    cast(reference, Value(H.reach))
    assert alone(reference, port) == [["model.py:1", "model.py:1"], ["model.py:3"]]


def test_a_low_result_of_low_numbers_is_aligned_with_a_cast():
    """A norm that torch computes in bfloat16 throughout, and Flax in float32 with a cast behind it."""
    reference, port = books()
    reference.computed([layer(reference, X, "a"), weight("s")], at(2, "norm"), LOW)
    wide = port.computed([port.moved([layer(port, X, "a", 7)], at(8), ""), weight("s")], at(8, "mul"), "")
    cast(port, wide, 8)
    assert alone(reference, port) == [[], []]


def test_a_scale_that_is_rounded_with_what_it_goes_into_is_none():
    """Of its own; where what it goes into stays wide, it is one."""
    reference, port = books()
    scaled = port.computed([H, cast(port, weight("s"), 7)], at(8, "mul"), "")
    assert alone(reference, port) == [[], ["model.py:7"]]
    cast(port, scaled, 9)
    assert alone(reference, port) == [[], ["model.py:9"]]


def test_a_sum_that_is_back_in_its_format_is_none():
    """As ``jnp.sum`` makes it; what is computed from the sum besides is one."""
    reference, port = books()
    other = Value(frozenset({"y"}))
    for book, further in ((reference, False), (port, True)):
        y = layer(book, X, "a")
        wide = book.computed([book.moved([y], at(2), "")], at(2, "sum"), "", sums=True)
        cast(book, book.computed([wide, other], at(3, "mul"), "") if further else wide, 4)
    assert alone(reference, port) == [[], ["model.py:4"]]


def test_one_number_joins_and_a_table_does_not():
    """The square root of a depth, and positions."""
    for scalar, expected in ((True, []), (False, ["model.py:9"])):
        reference, port = books()
        layer(reference, X, "a")
        table = cast(port, Value(scalar=scalar), 9)
        port.computed([layer(port, X, "a"), table], at(9, "mul"), LOW)
        assert alone(reference, port)[1] == expected


def test_a_loop_counts_its_turns():
    """And what an earlier turn has rounded is none of the book's roundings."""
    book, _ = books()
    book.is_dry = True
    carried = cast(book, X)
    book.is_dry, book.times = False, 5
    book.product([carried, cast(book, weight("w"))], at(2, "mm"), LOW)
    (operands,) = [operands for reach, operands in book.operands.items() if reach == X.reach]
    assert (operands.total, dict(operands.low), operands.own) == (5, {LOW: 5}, set())
    assert [one.times for one in book.roundings] == [5]
