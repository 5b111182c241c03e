"""``jaxport read``: the list, a part of the pairs, a lesson with and without running it."""

import pytest

from compare import lessons
from tests.compare.command_line import CPU, jaxport, refused, strictly

USERS_MODELS = True


def test_the_list():
    """Every lesson and every part, as text and as JSON."""
    form = strictly(jaxport("read", "--json", "-").out)
    assert (set(form["lessons"]), set(form["parts"])) == (set(lessons.LESSONS), set(lessons.PARTS))
    shown = jaxport("read").out.split()
    assert {*lessons.LESSONS, *lessons.PARTS} <= set(shown)


@pytest.mark.parametrize("name", ["mlp", "broadcasting"])
def test_sources_alone(name):
    """Both sides' source, and nothing that only a run tells."""
    ran = jaxport("read", name, "--no-run")
    assert (ran.code, ran.err) == (0, "")
    assert "torchref/" in ran.out
    assert "jaxport/" in ran.out
    form = strictly(jaxport("read", name, "--no-run", "--json", "-").out)
    assert form.get("verdict") is None
    assert form["sources"]


def test_the_page_on_reports():
    """As text and as JSON; neither needs a device."""
    ran = jaxport("read", "report")
    assert (ran.code, ran.err) == (0, "")
    assert "When not to trust it" in ran.out
    assert "## When not to trust it" in strictly(jaxport("read", "report", "--json", "-").out)["text"]
    assert "report" in jaxport("read").out.split("what a report says")[1]


def test_a_lesson_is_run():
    """What both sides return, and the verdict; the JSON is the form with both."""
    ran = jaxport("read", "broadcasting", *CPU)
    assert ran.code == 0
    assert ran.out.rstrip().endswith("match")
    form = strictly(jaxport("read", "broadcasting", *CPU, "--json", "-").out)
    assert (form["verdict"], bool(form["quantities"])) == ("match", True)


def test_an_unknown_lesson():
    """One line, with what was probably meant."""
    assert "did you mean tape?" in refused(jaxport("read", "taps"))
