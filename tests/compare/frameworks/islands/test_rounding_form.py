"""A book of roundings as JSON, and back."""

import json
from functools import partial

from compare.frameworks.islands.lowered import Step
from compare.frameworks.islands.rounding_form import book_of_form, form_of_book
from compare.frameworks.islands.roundings import Book, Value

LOW = "bfloat16"


def book():
    made = Book("float32")
    step = partial(Step, "model.py:1", "cast", LOW)
    x = Value(frozenset({"input.x"}))
    w = Value(frozenset({"w"}), weight=True, layer="a")
    low = [made.moved([value], step, LOW) for value in (x, w)]
    out = made.product(low, partial(Step, "model.py:2", "mm", LOW), LOW)
    made.computed([out, out], step, LOW)
    made.moved([Value(frozenset({"unmapped"}))], step, LOW)
    return made


def test_there_and_back_is_the_same_book():
    """Through text, under the same names."""
    form = form_of_book(book())
    again = book_of_form(json.loads(json.dumps(form)), {"w": "w", "unmapped": "unmapped"})
    assert form_of_book(again) == form
    assert list(again.elsewhere().items()) == list(book().elsewhere().items())


def test_weights_come_back_under_the_names_that_both_sides_have():
    """What has none is in no place; an input keeps its own."""
    again = book_of_form(form_of_book(book()), {"w": "params/w"})
    assert set(again.operands) == {frozenset({"input.x"}), frozenset({"params/w"})}
    assert [one.reach for one in again.others()] == [frozenset()]
