"""What parts of a batch break, in words: what is claimed, and of what it is left open."""

from dataclasses import replace

import pytest

from compare.explain.doctor.meshes.reference_in_shards import InShards
from compare.explain.doctor.meshes.rows_apart import Parts, rows_apart

EVEN = Parts(2, 8, "each shard's", " along `data`", "the reference", "NORM", "OTHER", "SCALED", "GATHERED")


def test_the_model_the_loss_and_both_are_suspected_in_this_order():
    """Both in a sentence that says both."""
    model, loss, both = rows_apart(EVEN, normalizes=False)
    assert [one.how for one in (model, loss, both)] == [
        InShards(2, apart=True), InShards(2, scored_apart=True), InShards(2, apart=True, scored_apart=True),
    ]  # fmt: skip
    assert both.text == f"{model.text}; and {loss.text}"
    assert "each shard's 4 rows along `data` alone, where the reference takes them of all 8" in model.text


@pytest.mark.parametrize("normalizes", [True, False])
def test_a_batch_norm_is_blamed_where_there_is_one(normalizes: bool):
    """With its own advice."""
    text = next(rows_apart(EVEN, normalizes)).text
    assert ("batch norm" in text, text.endswith("NORM"), text.endswith("OTHER")) == (
        normalizes,
        normalizes,
        not normalizes,
    )


@pytest.mark.parametrize(("rows", "claimed"), [(8, False), (7, True)])
def test_rows_are_said_not_to_divide_where_they_do_not(rows: int, claimed: bool):
    """The other reasons are open, each with what to do about it."""
    _, loss, _ = rows_apart(replace(EVEN, rows=rows), normalizes=False)
    assert (f"2 does not divide {rows} rows" in loss.text) == claimed
    assert "rows are scored against each other: SCALED; " in loss.text
    assert loss.text.endswith("GATHERED")


def test_fewer_rows_than_parts_are_no_suspect():
    """Some part has none then."""
    assert not [*rows_apart(replace(EVEN, rows=1), normalizes=True)]
