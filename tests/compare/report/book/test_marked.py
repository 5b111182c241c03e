"""Markdown as a page."""

import pytest
from markupsafe import Markup

from compare.report.book.marked import marked

PAGE = """# A title with `code`

First words,
with a [link](there.md#at) and [a folder](folder).

<!-- kept -->
```python
x = "<b>"  # why
```

## One thing

| a | b |
|---|---|
| `x`<br>`y` | 1 < 2 |

    jaxport

## One thing

### Below: it
"""


def led(href):
    return None if href == "folder" else f"to-{href}"


def test_a_page_has_its_title_apart_and_each_heading_named():
    """As the places that host the source name them, the second of a name with a number."""
    made = marked(PAGE, led)
    assert made.title == "A title with code"
    assert "<h1" not in made.html
    assert [(one.at, one.level, one.title) for one in made.sections] == [
        ("top", 1, "A title with code"),
        ("one-thing", 2, "One thing"),
        ("one-thing-1", 2, "One thing"),
        ("below-it", 3, "Below: it"),
    ]
    assert '<h2 id="one-thing-1">' in made.html
    assert made.sections[1].text == "a b x y 1 < 2 jaxport\n"


def test_links_lead_where_they_are_led_and_text_stays_where_they_lead_nowhere():
    """Comments for the tests are no text."""
    made = marked(PAGE, led)
    assert '<a href="to-there.md#at">link</a>' in made.html
    assert "and a folder." in made.html
    assert "kept" not in made.html


def test_code_is_coloured_and_escaped():
    """Python by its pieces, anything else as it is."""
    made = marked(PAGE, led)
    assert '<span class="s2">&lt;b&gt;</span>' in made.html
    assert '<span class="c1"># why</span>' in made.html
    assert "<code>jaxport\n</code>" in made.html
    assert '<td role="cell" data-head="b">1 &lt; 2</td>' in made.html
    assert '<td role="cell"><code>x</code><br><code>y</code></td>' in made.html


@pytest.mark.parametrize("text", ["words", "words\n\n# late", "# one\n\n# two"])
def test_a_page_has_one_title_at_its_start(text):
    """Anything else is a fault of the page."""
    with pytest.raises(ValueError, match="expected one heading of the first level"):
        marked(text, led)


TABLE = "# T\n\n| name | bars | text |\n|---|---|---|\n| `one` | ▁▅█ | ▁ is low |\n| two | ▁▁▁ | |\n\n▁▅█\n"


def test_bars_in_a_row_that_is_drawn_are_a_picture():
    """They alone: neither in another row, nor among words, nor outside a table."""
    html = marked(TABLE, led, drawn={"one": lambda text: Markup('<svg aria-label="{}"></svg>').format(text)}).html
    assert html.count("<svg") == 1
    assert '<td role="cell" data-head="bars"><svg aria-label="▁▅█"></svg></td>' in html
    assert '<td role="cell" data-head="bars">▁▁▁</td>' in html
    assert '<td role="cell" data-head="text">▁ is low</td>' in html
    assert "<p>▁▅█</p>" in html


def test_a_table_that_is_read_as_a_list_is_a_table_still():
    """Each part says what it is, and each cell but a row's first what stands above it, where something does."""
    html = marked(
        "# T\n\n| name | | `a` |\n|---|---|---|\n| one | two | three |\n\n| x | y |\n|---|---|\n| 1 | 2 |\n", led
    ).html
    assert html.count('<table role="table">') == 2
    assert html.count('role="rowgroup"') == 4
    assert html.count('role="row"') == 4
    assert html.count('role="columnheader"') == 5
    assert [part.split('"')[1] for part in html.split("data-head=")[1:]] == ["a", "y"]


def test_code_in_a_cell_may_be_broken_at_its_joints():
    """Between its words alone, escaped as it is; code in a sentence stays whole, and the search finds either whole."""
    made = marked("# T\n\n`jax.nn.relu(x)`\n\n| a |\n|---|\n| `F.leaky_relu(x, a=0.1) < y` |\n", led)
    assert "<code>F.<wbr>leaky_<wbr>relu(<wbr>x, a=<wbr>0.1) &lt; y</code>" in made.html
    assert "<code>jax.nn.relu(x)</code>" in made.html
    assert "F.leaky_relu(x, a=0.1) < y" in made.sections[0].text
