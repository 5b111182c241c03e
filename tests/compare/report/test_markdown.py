"""The summary of a job: a table of all pairs, those that fail at length, and no text of a user's as markup."""

from compare.report.markdown import LISTED, MOST, folded, inline, markdown_of_pairs
from tests.compare.report.test_annotation import pair

COVERED = {"coverage": {"probes": ["batch"]}}


def test_every_pair_has_its_row():
    """With its file, its verdict and the answer in a sentence."""
    text = markdown_of_pairs([("a_pair.py", pair("match", **COVERED)), ("b_pair.py", pair(pair="<b>|x"))])
    lines = text.splitlines()
    assert lines[2] == "| enc | `a_pair.py` | ✅ match | the port is the same function: 1 quantity on 1 probe matches |"
    assert lines[3] == "| \\<b\\>\\|x | `b_pair.py` | ❌ mismatch | `enc.norm` is the first. |"
    assert "### enc" not in text


def test_a_pair_that_fails_has_its_causes_places_and_quantities():
    quantity = pair()["quantities"][0]
    text = markdown_of_pairs([("b_pair.py", pair(quantities=[quantity] * (LISTED + 3)))])
    assert "### enc: mismatch" in text
    assert "- why: `enc.norm`, in 3 places: epsilon is 1e-06" in text
    assert "- reference: `enc.norm`, `net.py:7`\n- port: `enc/norm`, `port.py:9`" in text
    assert text.count("| `output` | batch | mismatch | 1.0e+00 | 1.0e-01 |") == LISTED
    assert "and 3 more" in text


def test_what_is_not_finite_is_shown():
    quantity = pair()["quantities"][0] | {"gap": "nan", "allowed": "inf"}
    assert "| mismatch | nan | inf |" in markdown_of_pairs([("b", pair(quantities=[quantity]))])


def test_preformatted_text_cannot_end_its_own_block():
    """A fence longer than any inside; a very long text loses its middle."""
    text = folded("t", "a\n````\nb")
    assert "\n`````text\na\n````\nb\n`````\n" in text
    assert MOST < len(folded("t", "x" * 3 * MOST)) < MOST + 200


def test_one_line_that_nothing_in_it_formats():
    assert inline("a_b *c*\n`d_e` [f](g) | <h>") == "a\\_b \\*c\\* `d_e` \\[f\\](g) \\| \\<h\\>"
    assert inline("an odd ` tick") == "an odd \\` tick"
