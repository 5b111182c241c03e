"""A book of roundings: what is one, what is none, and where in the network it lies."""

from functools import partial

from compare.frameworks.islands.lowered import Step
from compare.frameworks.islands.roundings import IN_A_LOOP, Book, Value

LOW = "bfloat16"
X, W, B = Value(frozenset({"x"})), Value(frozenset({"w"}), weight=True, layer="a"), Value(frozenset({"b"}), weight=True)


def at(line, operation="cast"):
    return partial(Step, f"model.py:{line}", operation, LOW)


def places(book):
    return [(one.step.place, one.reach, one.times) for one in book.others()]


def test_a_cast_and_back_is_one_rounding():
    """In whatever layout, and however many operations ask for it; wider again it is still rounded."""
    book = Book("float32")
    low = book.moved([X], at(1), LOW)
    again = book.moved([X], at(2), LOW)
    wide = book.moved([low], at(3), "")
    assert places(book) == [("model.py:1", {"x"}, 1)]
    assert (low.origins, again.origins, wide.origins) == ({0}, {0}, {0})
    assert low.is_rounded
    assert wide.format == LOW


def test_what_every_format_holds_is_not_rounded():
    """Zeros and masks lose nothing by a cast; what is computed from them in a low format is, by the step that asked."""
    book = Book("float32")
    mask = book.moved([Value(exact=True)], at(1), LOW)
    assert not mask.is_rounded
    book.computed([mask, X], at(2, "mul"), LOW)
    assert places(book) == [("model.py:1", {"x"}, 1)]


def test_operands_of_products_are_counted_by_place():
    """A weight and what enters its layer, with the step that rounded them; a bias that joins is none of its own."""
    book = Book("float32")
    low = [book.moved([value], at(1), LOW) for value in (X, W, B)]
    book.product(low[:2], at(2, "mm"), LOW, low[2:])
    assert {tuple(reach): (one.total, dict(one.low)) for reach, one in book.operands.items()} == {
        ("x",): (1, {LOW: 1}), ("w",): (1, {LOW: 1})
    }  # fmt: skip
    assert [one.enters for one in book.roundings] == [True, True, False]
    assert places(book) == []
    assert book.roundings[0].text == "model.py:1 (layer a)"


def test_a_product_in_a_low_format_rounds_its_result():
    """Its operands are as they were: what is rounded lies after the layer."""
    book = Book("float32")
    out = book.product([X, W], at(1, "dot_general"), LOW)
    assert out.is_rounded
    assert places(book) == [("model.py:1", {"x", "w"}, 1)]
    assert book.roundings[0].text == "model.py:1 (after layer a)"


def test_what_goes_on_in_a_low_format_is_no_further_rounding():
    """The place is noted as computed low; the book has the first step alone."""
    book = Book("float32")
    low = book.moved([X], at(1), LOW)
    book.computed([low, low], at(2, "add"), LOW)
    assert [one[0] for one in places(book)] == ["model.py:1"]
    assert book.continued == {(frozenset({"x"}), LOW)}


def test_turns_of_a_loop_count_and_earlier_ones_have_no_number():
    """A loop that is walked once says how often; a dry walk before it notes nothing."""
    book = Book("float32")
    book.is_dry = True
    assert book.moved([X], at(1), LOW).origins == {IN_A_LOOP}
    assert book.roundings == []
    book.is_dry, book.times = False, 5
    book.moved([X], at(1), LOW)
    assert places(book) == [("model.py:1", {"x"}, 5)]
    assert book.elsewhere() == {(frozenset({"x"}), LOW): 5}


def test_at_its_own_precision_nothing_is_low():
    """bfloat16 is none at bfloat16, and float16 has more bits than that."""
    assert [Book(name).low(dtype) for name in ("float32", "bfloat16") for dtype in ("torch.bfloat16", "float16")] == [
        "bfloat16", "float16", "", ""
    ]  # fmt: skip
