"""Highlighting, line by line, of the whole."""

from compare.report.book.highlight import Piece, differing, lines


def text(pieces):
    return "".join(piece.text for piece in pieces)


def test_no_character_is_lost():
    """Blank lines, tabs and what is no Python included."""
    source = 'def f(x):\n\n    """Two\n    lines."""\n\treturn x ?  # why\n'
    assert [text(line) for line in lines(source)] == source.splitlines()


def test_a_second_line_of_a_docstring_is_one_too():
    """Highlighted alone it would be code."""
    source = lines('def f(x):\n    """If there\n    for in while."""\n    return x\n')
    assert {piece.kind for piece in source[2] if piece.text.strip()} == {"sd"}
    assert source[3][1].kind == "k"


def test_pieces_that_differ_are_marked_on_lines_that_are_alike():
    """A comment that is worded differently is no news."""
    ours, theirs = differing(*(lines(f"y = x.sum({word}=1)  # {word} one\n")[0] for word in ("dim", "axis")))
    assert [piece.text for piece in ours if piece.differs] == ["dim"]
    assert [piece.text for piece in theirs if piece.differs] == ["axis"]


def test_lines_that_are_not_alike_keep_their_pieces():
    """Everything underlined would say nothing."""
    one, other = [Piece("", "return")], [Piece("", "x"), Piece("o", "="), Piece("mi", "1")]
    assert differing(one, other) == (one, other)
