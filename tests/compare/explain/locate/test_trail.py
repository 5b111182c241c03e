"""How far a section agrees: calls whose results the port's program makes too, and the line after the last of them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

from compare.explain.calls.change import recorded
from compare.explain.locate.trail import PortValue, Results, agreeing, place_after, values_of
from compare.frameworks.islands.places import UNKNOWN
from tests.compare.explain.locate.models import looked

X = np.random.default_rng(0).standard_normal((3, 4))
LAST_BITS = 1e-15  # two libraries' exp and tanh, or one library's on two processors, differ there


class Steps(torch.nn.Module):
    """Four calls, two of them beside each other."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        a = torch.tanh(x)
        b = torch.exp(x)
        c = a.T @ b
        return c.sigmoid()


def noted(module: torch.nn.Module, x: np.ndarray = X) -> tuple[list[str], Results]:
    """The names of its calls, and what they returned."""
    given = torch.tensor(x)
    with recorded(module) as calls:
        module(given)
    results = Results(calls)
    with results.change.applied(module):
        module(given)
    return [call.name for call in calls], results


def test_results_are_noted_with_what_they_come_from():
    """One run; a result is that of its call, and changing nothing is a change as well."""
    names, results = noted(Steps())
    assert names == ["tanh", "exp", "T", "matmul", "sigmoid"]
    numbers = sorted(results.made)
    np.testing.assert_allclose(results.made[numbers[1]], np.exp(X), rtol=LAST_BITS)
    assert results.behind({numbers[3]}) == set(numbers[:4])
    assert results.behind({numbers[1]}) == {numbers[1]}


def test_a_call_agrees_if_the_port_makes_its_result_in_any_layout():
    """And so do the calls that led to it; what is only like it does not, and a transpose tells nothing by itself."""
    _, results = noted(Steps())
    tanh, exp, turned, product, sigmoid = sorted(results.made)
    assert agreeing(results, [PortValue(np.tanh(X).T.copy(), "")]) == {tanh}
    assert agreeing(results, [PortValue(np.exp(X).reshape(-1), "")]) == {exp}
    assert agreeing(results, [PortValue(np.tanh(X).T @ np.exp(X), "")]) == {tanh, exp, turned, product}
    assert agreeing(results, [PortValue(np.exp(X) * (1 + 1e-8), "")]) == set()
    nearly = [PortValue(np.exp(X) * (1 + 1e-10), "")]
    assert agreeing(results, nearly) == {exp}
    assert agreeing(results, nearly, 1e-12) == set(), "where a small gap is looked for"
    assert sigmoid not in agreeing(results, [PortValue(X, "")])


@pytest.mark.parametrize("x", [np.ones((2, 2)), np.full((2, 2), -np.inf), np.full((2, 2), np.nan), np.ones((0, 2))])
def test_an_array_of_equal_entries_tells_nothing(x):
    """Zeros and ones are everywhere; infinities and empty arrays are compared without a warning."""

    class Same(torch.nn.Module):
        def forward(self, x):
            return x * 1

    _, results = noted(Same(), x)
    assert agreeing(results, [PortValue(x, "net.py:1")]) == set()
    assert place_after([PortValue(x, "net.py:1"), PortValue(x, "net.py:2")], results.made) == "net.py:1"


def test_the_values_of_a_program_are_those_that_lead_to_a_result():
    """In order, those in compiled functions inside too; loops stay whole."""

    def program(x):
        unused = jnp.cos(x)
        a = jax.jit(lambda x: jnp.exp(jnp.tanh(x)))(x)
        carried, _ = jax.lax.scan(lambda c, _: (c + 1, None), a, None, length=2)
        return unused, carried

    with jax.enable_x64(True):
        given = jnp.asarray(X)
        values = values_of(jax.make_jaxpr(program)(given), [given], [1])
    inside = np.exp(np.tanh(X))
    made = [np.tanh(X), inside, inside, inside + 2]  # what a compiled function returns is its last value again
    assert len(values) == len(made)
    for value, expected in zip(values, made, strict=True):
        np.testing.assert_allclose(value.array, expected, rtol=1e-14)
        assert "test_trail.py:" in value.place


def test_the_line_after_the_last_value_that_agrees():
    """Nothing after the last, nothing where no line is known."""
    values = [
        PortValue(X, "net.py:1"),
        PortValue(X + 1, "net.py:2"),
        PortValue(X * 3, UNKNOWN),
        PortValue(X * 2, "net.py:4"),
    ]
    assert place_after(values, {0: X}) == "net.py:2"
    assert place_after(values, {0: X, 1: X + 1}) == "net.py:4"
    assert place_after(values, {0: X * 2}) == ""
    assert place_after(values, {}) == "net.py:1"


def test_what_agrees_in_a_section_is_not_suspected():
    """A factor after the tanh: the tanh has been seen; where nothing agrees, everything is suspected."""
    code, place = looked("code between layers").codes[0], looked("code between layers").places[0]
    assert [call.name for call in code.calls] == ["tanh"]
    assert place == "" or place.startswith("tests/compare/explain/locate/models.py:")
    (first, _), places = looked("two blocks").codes, looked("two blocks").places
    assert [call.name for call in first.suspected] == ["gelu", "add"]
    assert "models.py:" in places[0]
