"""``jaxport differences``: one name, run on what is installed."""

import pytest

from compare.explain.differences import table
from compare.explain.differences.difference_row import Counterpart, Row
from tests.compare.command_line import jaxport, refused, strictly

USERS_MODELS = True


def test_one_name():
    """Of either side; everything that there is of it, and its JSON."""
    ran = jaxport("differences", "jax.nn.relu6")
    assert ran.code == 0
    assert "port       jax.nn.relu6(x)" in ran.out
    assert "but        slope 0 at 0, 0 at 6 on both sides" in ran.out
    form = strictly(jaxport("differences", "ReLU6", "--json", "-").out)
    assert [list(entry["names"]) for entry in form["entries"]] == [["F.relu6", "nn.ReLU6"]]


def test_the_whole_table(monkeypatch):
    """In short; a row that does not hold what it says makes exit code 1."""
    rows = (Row(("F.tanh(x)",), (Counterpart("jnp.sin(x)"),), {"x": "normal(3)"}),)
    monkeypatch.setattr(table, "GROUPS", {"activations": rows})
    ran = jaxport("differences")
    assert ran.code == 1
    assert "F.tanh(x): jnp.sin(x) is" in ran.out


@pytest.mark.parametrize(
    ("name", "said"), [("gellu", "did you mean gelu?"), ("???", "jaxport differences lists all"), ("", "is called ''")]
)
def test_a_name_that_nothing_has(name, said):
    """One line, exit code 2."""
    assert said in refused(jaxport("differences", name))
