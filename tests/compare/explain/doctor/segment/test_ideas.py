"""Calls made with other arguments, and what is said of them."""

import torch
from torch.nn import functional as F

from compare.explain.doctor.segment.ideas import Idea, View, altered, candidates, computed, in_rounds, value

X = torch.linspace(-2, 2, 12, dtype=torch.float64).reshape(3, 4)


def test_an_argument_is_altered_where_it_stands():
    """By position, by keyword, or where it was not given; from the others where it is a function."""
    assert torch.equal(altered(dim=0)(F.softmax, (X, 1), {}), F.softmax(X, 0))
    assert torch.equal(altered(dim=0)(torch.Tensor.softmax, (X,), {"dim": 1}), F.softmax(X, 0))
    assert torch.equal(altered(approximate="tanh")(F.gelu, (X,), {}), F.gelu(X, approximate="tanh"))
    twice = altered(input=lambda given: 2 * given["input"])
    assert torch.equal(twice(F.gelu, (X,), {}), F.gelu(2 * X))


def test_a_formula_gets_arguments_by_name():
    """In place of the function."""
    formula = computed(lambda given: given["input"] * given["negative_slope"])
    assert torch.equal(formula(F.leaky_relu, (X,), {}), X * 0.01)


def test_a_value_is_said_in_words():
    """Setting, both values, short form; other words where they are given."""
    epsilon = value("epsilon", 1e-5, 1e-6, altered(eps=1e-6))
    assert epsilon.sentence == "epsilon is 1e-06 in the port, 1e-05 in the reference"
    assert epsilon.words == "epsilon 1e-06"
    other = Idea("kernel", "flipped", "not", altered(), text="the port does not flip the kernel", short="not flipped")
    assert (other.sentence, other.words) == ("the port does not flip the kernel", "not flipped")


def test_what_was_read_comes_first_and_the_own_value_never():
    """Then the usual ones, each once."""
    view = View(None, None, {"epsilon": 3e-4})
    assert [other for other, _ in candidates(view, "epsilon", 1e-5, (1e-6, 1e-5, 3e-4))] == [3e-4, 1e-6]


def test_calls_of_a_loop_by_their_place_in_it():
    """Every second of six, every third; of five there is no round."""
    parts = list(in_rounds("abcdef"))
    assert [("".join(part), words) for part, words in parts[:2]] == [
        ("ace", "call 1 of every 2"), ("bdf", "call 2 of every 2")]  # fmt: skip
    assert ["".join(part) for part, _ in parts[2:]] == ["ad", "be", "cf"]
    assert list(in_rounds("abcde")) == []
