"""Statements beside each other: every line once, in order, and like beside like."""

import pytest

from compare.lessons import LESSONS, PARTS
from compare.lessons.align import aligned
from compare.lessons.sources import both

SHOWN = [*PARTS.values(), *((one.file, one.function) for one in LESSONS.values())]

LEFT = """def step(model, x):
    # why
    loss = model(x).sum()
    loss.backward()
    return loss.detach()
"""
RIGHT = """def step(model, params, x):
    def loss_of(params):
        return model.apply(params, x).sum()

    loss, grads = jax.value_and_grad(loss_of)(params)
    return loss, grads
"""


@pytest.mark.parametrize(("file", "name"), SHOWN)
def test_every_line_is_there_once_and_in_order(file, name):
    """On both sides: nothing lost, nothing twice."""
    texts = [one.text for one in both(file, name)]
    rows = aligned(*texts)
    for side, text in enumerate(texts):
        lines = [i for row in rows for i in (row.left, row.right)[side]]
        assert lines == list(range(len(text.splitlines())))


def test_like_stands_beside_like():
    """Signature, loss and return; the backward pass and the inner function have nothing beside them."""
    rows = [(LEFT.splitlines()[r.left[-1]].strip() if r.left else "", r) for r in aligned(LEFT, RIGHT)]
    beside = {left: RIGHT.splitlines()[row.right[0]].strip() if row.right else "" for left, row in rows}
    assert beside["def step(model, x):"].startswith("def step(")
    assert beside["loss.backward()"] == ""
    assert beside["return loss.detach()"] == "return loss, grads"
    assert not any(row.same for _, row in rows)


def test_the_same_text_is_the_same_in_every_row():
    assert all(row.same and row.left == row.right for row in aligned(LEFT, LEFT))


def test_a_comment_goes_with_the_statement_below_it():
    row = next(row for row in aligned(LEFT, RIGHT) if 2 in row.left)
    assert list(row.left) == [1, 2]
