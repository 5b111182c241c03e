"""Arguments by name, kind and default, as torch's own functions say them."""

import inspect

import pytest
import torch
from torch.nn import functional as F

from compare.explain.calls.signatures import (
    FLAG,
    INTEGER,
    INTEGERS,
    NUMBER,
    TENSOR,
    WORD,
    _overloads,
    bound,
    parameters_of,
    rebound,
    words_of,
)

X = torch.linspace(-2, 2, 48, dtype=torch.float64).reshape(2, 4, 6)


@pytest.mark.parametrize("function", [F.layer_norm, F.cross_entropy, F.embedding, F.interpolate, F.leaky_relu, F.pad])
def test_a_function_of_python_says_it_in_its_signature(function):
    """Names in order, and defaults."""
    own = inspect.signature(function).parameters.values()
    assert [(one.name, one.default) for one in parameters_of(function, (X,), {})] == [(p.name, p.default) for p in own]


@pytest.mark.parametrize(
    ("function", "args", "kwargs", "expected"),
    [
        (F.softshrink, (X, 0.3), {}, {"lambd": (NUMBER, 0.3)}),
        (torch.lerp, (X, X, 0.5), {}, {"end": (TENSOR, X), "weight": (NUMBER, 0.5)}),
        (torch.lerp, (X, X, X), {}, {"weight": (TENSOR, X)}),
        (torch.Tensor.roll, (X, 1, 0), {}, {"shifts": (INTEGERS, 1), "dims": (INTEGERS, 0)}),
        (torch.addcmul, (X, X, X), {}, {"value": (NUMBER, 1)}),
        (torch.Tensor.mul, (X, 2), {}, {"other": (NUMBER, 2)}),
        (torch.Tensor.mul, (X, X), {}, {"other": (TENSOR, X)}),
        (torch.Tensor.mul_, (X, 2), {}, {"other": (NUMBER, 2)}),
        (torch.Tensor.__rsub__, (X, 1), {}, {"other": (NUMBER, 1)}),
        (torch.Tensor.__imul__, (X, 2), {}, {"other": (NUMBER, 2)}),
        (torch.Tensor.mean, (X, (1, 2)), {}, {"dim": (INTEGERS, (1, 2)), "keepdim": (FLAG, False)}),
        (torch.sum, (X,), {"axis": 1}, {"dim": (INTEGERS, 1)}),
        (torch.Tensor.var, (X, 1), {"unbiased": False}, {"unbiased": (FLAG, False)}),
        (torch.var, (X,), {"dim": 1, "correction": 0}, {"correction": (NUMBER, 0)}),
        (torch.Tensor.view, (X, 2, -1), {}, {"size": (INTEGERS, (2, -1))}),
        (F.gelu, (X,), {}, {"approximate": (WORD, "none")}),
        (F.max_pool1d, (X, 2), {"ceil_mode": True}, {"padding": (INTEGER, 0), "ceil_mode": (FLAG, True)}),
        (F.conv1d, (X, X), {"padding": "same"}, {"padding": (WORD, "same"), "groups": (INTEGER, 1)}),
        (torch.clamp, (X,), {"min": 0.5}, {"min": (NUMBER, 0.5), "max": (NUMBER, None)}),
        (F.scaled_dot_product_attention, (X, X, X), {}, {"is_causal": (FLAG, False), "scale": (NUMBER, None)}),
    ],
)
def test_arguments_have_names_kinds_and_defaults(function, args, kwargs, expected):
    """Of the overload that takes them, positional or not, integers in a row put together."""
    given, kinds = bound(function, args, kwargs), {p.name: p.kind for p in parameters_of(function, args, kwargs)}
    assert {name: (kinds[name], given[name]) for name in expected} == expected


def test_the_first_tensor_of_a_method_is_called_input():
    """As that of a function is."""
    assert bound(torch.Tensor.softmax, (X, 1), {})["input"] is X
    assert bound(F.softmax, (X,), {"dim": 1})["input"] is X


def test_arguments_are_changed_where_they_stand():
    """And an argument that the function has not is refused."""
    assert rebound(torch.Tensor.roll, (X, 1), {}, {"shifts": 2, "dims": 0}) == ((X, 2), {"dims": 0})
    assert rebound(torch.sum, (X,), {"axis": 1}, {"dim": 0}) == ((X,), {"dim": 0})
    assert rebound(torch.Tensor.permute, (X, 2, 1, 0), {}, {"dims": (0, 1, 2)}) == ((X, (0, 1, 2)), {})
    with pytest.raises(KeyError, match="gelu has no argument slope"):
        rebound(F.gelu, (X,), {}, {"slope": 1})


def test_a_function_that_says_nothing_has_no_arguments_by_name():
    """But those that were given so."""
    assert bound(torch.Tensor.__getitem__, (X, 0), {}) == {}
    assert bound(object(), (X,), {"b": 1}) == {"b": 1}


def test_words_are_read_off_the_documentation():
    """Of the argument's own section, or of all where it has none; in order, each once."""
    assert words_of(F.gelu, "approximate") == ("none", "tanh")
    assert words_of(F.mse_loss, "reduction") == ("none", "mean", "sum")
    assert words_of(F.grid_sample, "padding_mode") == ("zeros", "border", "reflection")
    assert set(words_of(F.pad, "mode")) == {"constant", "reflect", "replicate", "circular"}
    assert words_of(torch.Tensor.__getitem__, "mode") == ()
    ways = ("linear", "lower", "higher", "midpoint", "nearest")  # in double backticks
    assert words_of(torch.quantile, "interpolation") == words_of(torch.Tensor.quantile, "interpolation") == ways


def test_without_schemas_a_native_function_says_nothing(monkeypatch):
    """They are of no promised interface: a version without them leaves the arguments that were given by keyword."""
    monkeypatch.delattr(torch._C, "_jit_get_schemas_for_operator")
    _overloads.cache_clear()
    try:
        assert parameters_of(torch.add, (torch.ones(1), 2), {}) == ()
        assert bound(torch.add, (torch.ones(1), 2), {"alpha": 3}) == {"alpha": 3}
    finally:
        _overloads.cache_clear()
    monkeypatch.undo()
    assert parameters_of(torch.add, (torch.ones(1), torch.ones(1)), {}) != ()
