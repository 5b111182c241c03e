"""A source cut into statements."""

from compare.lessons.statements import begins, bound, code_of, statements, textual

TEXT = """@cache
def step(model, x):
    # why
    loss = model(
        x  # rows
    )
    if loss:
        return loss
"""


def test_every_line_is_in_one_piece():
    """A decorator goes with its function, a comment with the statement below it, a head stands alone."""
    assert [list(piece) for piece in statements(TEXT)] == [[0, 1], [2, 3, 4, 5], [6], [7]]
    assert code_of(statements(TEXT)[1], TEXT) == "loss = model( x )"


def test_what_is_assigned_counts_most():
    """Two texts that begin with one name are more alike than two that do not."""
    assert textual("loss = a + b", "loss = c - d") > textual("loss = a + b", "less = c - d")
    assert textual("return x", "for i in range(10): print(i)") == 0


def test_what_a_statement_begins_with_and_binds():
    """The name that is assigned, or what is called; a head binds nothing, nor does a change of an entry."""
    assert begins("losses.append(loss.item())") == "losses.append"
    assert begins("w = x") == "w"
    assert begins("return w") == "return"
    assert bound("params, state = carry") == {"params", "state"}
    assert bound("losses = []") == {"losses"}
    assert [bound(one) for one in ("for _ in range(8):", "f(x)", "with x:", "")] == [set()] * 4
