"""The page of the table of differences: what the committed results give, and what is otherwise on other versions."""

import copy

from compare.explain.differences.table import every_row, names_of
from scripts.make_differences import PAGE, committed, page


def test_the_page_is_what_the_committed_results_give():
    """All of it."""
    assert PAGE.read_text(encoding="utf-8") == page(committed())


def test_the_results_hold_every_row_and_no_fault():
    """Each in the table's order, on every set of versions but for what its torch has not."""
    ours = [names_of(row)[0] for _, row in every_row()]
    first, *others = committed()
    assert [next(iter(entry["names"])) for entry in first["entries"]] == ours
    assert others
    for form in (first, *others):
        assert {next(iter(entry["names"])) for entry in form["entries"]} <= set(ours)
        assert [entry["fault"] for entry in form["entries"] if entry["fault"]] == []


def test_what_is_otherwise_on_another_version_is_said_beside():
    """A default, a distance, a slope; a name that it has not."""
    first = committed()[0]
    keep = [entry for entry in first["entries"] if "F.gelu" in entry["names"] or "F.relu6" in entry["names"]][:2]
    ours = first | {"entries": keep}
    theirs = copy.deepcopy(ours) | {"versions": first["versions"] | {"jax": "0.99"}}
    assert "jax 0.99:" not in page([ours, theirs])
    theirs["entries"][1]["ports"][0]["names"]["jax.nn.gelu"]["approximate"] = False
    theirs["entries"][1]["ports"][0]["plain"] |= {"equal": True}
    theirs["entries"][0]["ports"][0]["kinks"][1]["port"] = 0.5
    text = page([ours, theirs])
    assert "jax 0.99: as written equal; jax 0.99: jax.nn.gelu(approximate=False)" in text
    assert "jax 0.99: slope at 6: 0 in torch, 0.5 in JAX" in text
    del theirs["entries"][1]
    assert "jax 0.99: not there" in page([ours, theirs])
