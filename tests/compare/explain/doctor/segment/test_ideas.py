"""Arguments by name, and calls made with others."""

import torch
from torch.nn import functional as F

from compare.explain.doctor.segment.ideas import View, altered, bound, candidates, computed, signature, value

X = torch.linspace(-2, 2, 12, dtype=torch.float64).reshape(3, 4)


def test_arguments_have_names_however_they_are_given():
    """Defaults filled in, dimensions of a name looked through."""
    given = bound("layer_norm", (X, (4,)), {"eps": 1e-6})
    assert given["input"] is X
    assert (given["normalized_shape"], given["eps"], given["bias"]) == ((4,), 1e-6, None)
    assert bound("max_pool2d", (X, 2), {})["ceil_mode"] is False
    assert signature("conv3d") == signature("conv1d")
    assert signature("unheard_of") == {}


def test_an_argument_is_altered_where_it_stands():
    """By position, by keyword, or where it was not given; from the others where it is a function."""
    assert torch.equal(altered("softmax", dim=0)(F.softmax, (X, 1), {}), F.softmax(X, 0))
    assert torch.equal(altered("softmax", dim=0)(torch.Tensor.softmax, (X,), {"dim": 1}), F.softmax(X, 0))
    assert torch.equal(altered("gelu", approximate="tanh")(F.gelu, (X,), {}), F.gelu(X, approximate="tanh"))
    twice = altered("gelu", input=lambda given: 2 * given["input"])
    assert torch.equal(twice(F.gelu, (X,), {}), F.gelu(2 * X))


def test_a_formula_gets_arguments_by_name():
    """In place of the function."""
    made = computed("leaky_relu", lambda given: given["input"] * given["negative_slope"])
    assert torch.equal(made(F.leaky_relu, (X,), {}), X * 0.01)


def test_a_value_is_said_in_words():
    """Setting, both values, short form."""
    one = value("epsilon", 1e-5, 1e-6, altered("layer_norm", eps=1e-6))
    assert (one.text, one.short) == ("epsilon is 1e-06 in the port, 1e-05 in the reference", "epsilon 1e-06")


def test_what_was_read_comes_first_and_the_own_value_never():
    """Then the usual ones, each once."""
    view = View(None, None, {"epsilon": 3e-4})
    assert [one for one, _ in candidates(view, "epsilon", 1e-5, (1e-6, 1e-5, 3e-4))] == [3e-4, 1e-6]
