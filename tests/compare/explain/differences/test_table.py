"""What the table holds of a name, and that no name of torch lacks a row."""

import pytest

from compare.errors import UsageError
from compare.explain.differences.public_names_read import torch_names
from compare.explain.differences.rows import GROUPS
from compare.explain.differences.table import every_row, names_of, rows_of


def test_no_public_name_of_torch_lacks_a_row():
    """A new version's new layer fails here until somebody says what stands in its place."""
    covered = {name for _, row in every_row() for name in names_of(row)}
    named = {name for name in torch_names() if not name.startswith("optim.")}
    assert sorted(named - covered) == []


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


def test_groups_and_rows_stand_once():
    """In the order of the page."""
    assert len(every_row()) == sum(map(len, GROUPS.values()))
    assert next(iter(GROUPS)) == "activations"
