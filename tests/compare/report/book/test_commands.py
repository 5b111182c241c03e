"""The page of the commands."""

from compare.report.book.commands import command_pages

COMMAND = {
    "name": "jaxport bench",
    "help": "XLA against eager",
    "arguments": [{"name": "--row NAME", "help": "this row"}],
}


def test_each_command_has_its_place():
    """Named by its words, and found by what it takes."""
    (page,) = command_pages([COMMAND])
    assert page.shows["commands"][0]["at"] == "jaxport-bench"
    assert page.parts == [("jaxport-bench", "jaxport bench", "XLA against eager --row NAME this row")]
    assert command_pages([]) == []
