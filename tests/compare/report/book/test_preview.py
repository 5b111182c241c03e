"""The picture that a link to the site shows."""

import struct

from compare.report.book.preview import HEIGHT, WIDTH, _body, preview

SOURCE = f'''def f(x):
    """Says it.

    More.
    """
    y = x  # why

    return y + {"1" * 60}
'''


def test_it_has_the_size_that_previews_have():
    """A PNG."""
    made = preview(SOURCE, SOURCE)
    assert made[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", made[16:24]) == (WIDTH, HEIGHT)


def test_a_source_is_its_lines_without_what_it_says_of_itself():
    """Cut to what can be read there."""
    assert _body(SOURCE, 58).splitlines() == ["y = x", f"return y + {'1' * 44}..."]
