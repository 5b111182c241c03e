"""What the table holds of a name, and that no name of torch lacks a row."""

import pytest

from compare.errors import UsageError
from compare.explain.differences.difference_row import Counterpart, Row
from compare.explain.differences.public_names_read import torch_names
from compare.explain.differences.rows import GROUPS
from compare.explain.differences.table import every_row, names_of, rows_of, run_rows


def test_no_public_name_of_torch_lacks_a_row():
    """A new version's new layer fails here until somebody says what stands in its place."""
    covered = {name for _, row in every_row() for name in names_of(row)}
    assert sorted(set(torch_names()) - covered) == []


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("F.gelu", "F.gelu(x)"),
        ("gelu", "F.gelu(x)"),
        ("LayerNorm", "nn.LayerNorm(5)(x)"),
        ("layer_norm", "nn.LayerNorm(5)(x)"),
        ("linen.Dense", "nn.Linear(5, 4)(x)"),
        ("nnx.relu6", "F.relu6(x)"),
    ],
)
def test_a_name_of_either_side(name, first):
    """Whole, or its last part however it is written."""
    assert rows_of(name)[0][1].reference[0] == first


def test_a_name_that_nothing_has():
    """The nearest is named."""
    with pytest.raises(UsageError, match=r"is called 'gellu': did you mean gelu\?"):
        rows_of("gellu")


def test_a_row_that_cannot_be_run_stops_no_other():
    """It says so; one that this torch has not is left out; one of two names without a counterpart is an entry."""
    broken = Row(("F.relu(x)",), (Counterpart("jnp.tanh(x)"),), {"x": "nothing(3)"})
    absent, none = Row(("F.from_the_future(x)",), note="?"), Row(("nn.Container()", "nn.Module()"), note="no function")
    first, second = run_rows([("a", broken), ("a", absent), ("a", none)])
    assert first.fault == "cannot be run: NameError: name 'nothing' is not defined"
    assert (list(second.names), second.ports, second.fault) == (["nn.Container", "nn.Module"], (), "")


def test_groups_and_rows_stand_once():
    """In the order of the page."""
    around = [row for rows in GROUPS.values() for row in rows if getattr(row, "around", False)]
    assert len(every_row()) == sum(map(len, GROUPS.values())) - len(around)
    assert len(around) == 2  # gradients added up, parameters averaged: on the page of the optimizers alone
    assert next(iter(GROUPS)) == "activations"
