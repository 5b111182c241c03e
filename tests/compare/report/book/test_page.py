"""What the pages say."""

from compare.report.book.page import contents, pages, verdict_counts

from .conftest import lesson, quantity, small


def test_the_order_is_the_learners():
    """The drawing, the lessons as they come, the whole, the exercises; in groups for the table of contents."""
    found = pages(small(lesson("b"), lesson("a")))
    assert [page.file for page in found] == ["step.html", "b.html", "a.html", "model.html", "exercises.html"]
    assert [(group, len(some)) for group, some in contents(found)] == [
        ("Before the lessons", 1),
        ("Lessons", 2),
        ("After the lessons", 2),
    ]


def test_each_idea_stands_at_its_line():
    """Numbered in the order in which it is told, marked at the lines that begin so, and listed below their source."""
    (pair,) = pages(small(lesson("one")))[1].shows["pairs"]
    assert [(idea["place"], idea["of"]) for idea in pair["ideas"]] == [
        (1, [("reference", "return torch.add(x, 1)"), ("port", "return jax.lax.add(x, y)")]),
        (2, [("port", "y = 1")]),
    ]
    assert [line.idea for line in pair["sides"][1].lines] == [0, 0, 2, 1]
    assert [line.idea for line in pair["sides"][0].lines] == [0, 0, 1]  # the line that faces it


def test_what_is_said_leads_back_to_its_line(write):
    """To the first that it is said of, on whichever side that stands."""
    page = write(lesson("one"))("one.html")
    for place in (1, 2):
        assert page.count(f'href="#line-{place}"') == page.count(f'id="line-{place}"') == 1
    reference, port = page.split('class="side port"')
    assert 'id="line-1"' in reference
    assert 'id="line-2"' in port


def test_verdicts_are_counted_best_first():
    """Only those that occur."""
    forms = [lesson(word, verdict=word) for word in ("invalid", "match", "match")]
    assert verdict_counts(forms) == [("match", 2), ("invalid", 1)]


def test_quantities_carry_their_numbers_where_there_are_any():
    """Two equal texts have none; what is meant to differ is no verdict."""
    told = [
        quantity("a", gap=1e-9, allowed=1e-7),
        quantity("b"),
        quantity("c", verdict=None, reason="meant to", gap=None, allowed=None),
        quantity("d", gap="nan", allowed=1e-7, verdict="invalid", reference="[[1]\n [2]]", port="[1\n 2]"),
    ]
    rows = pages(small(lesson("one", quantities=told)))[1].shows["rows"]
    assert [row["gap"] for row in rows] == ["gap 1.0e-09, allowed 1.0e-07", "", "", "gap nan, allowed 1.0e-07"]
    assert [row["word"] for row in rows] == ["match", "match", "differs", "invalid"]
    assert [text["table"] for text in rows[3]["texts"]] == [True, False]
    assert [text["text"] for text in rows[3]["texts"]] == ["[[1]\n [2]]", "[1 2]"]
