"""``jaxport contrast``: both ways on one batch, as text and as JSON."""

import pytest

from tests.compare.command_line import CPU, jaxport, refused, strictly

KEYS = {"schema", "environment", "tape", "equations", "residuals", "groups", "tape_bytes", "residual_bytes", "words"}

pytestmark = pytest.mark.usefixtures("elsewhere")


def test_contrast():
    """The tape's nodes, the equations, what they face, the residuals; both sides' loss is the same."""
    ran = jaxport("contrast", "loose", *CPU, "--json", "-")
    form = strictly(ran.out)
    assert (ran.code, form["pair"]) == (0, "loose")
    assert set(form) >= KEYS
    assert form["loss_reference"] == pytest.approx(form["loss_port"], rel=1e-6)


def test_an_unknown_pair():
    """One line that lists the known ones."""
    assert "unknown pair 'nope': expected one of mlp" in refused(jaxport("contrast", "nope"))


def test_rows_that_are_asked_for():
    """Of a pair whose recipe draws others."""
    form = strictly(jaxport("contrast", "loose", *CPU, "--batch", "3", "--json", "-").out)
    assert {tuple(one["shape"]) for node in form["tape"] for one in node["saved"] if one["same_as"] == "x"} == {(3, 20)}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["--row", ""], "unknown row ''"),
        (["--row", "jacobian", "--costs"], "contrast: --costs adds nothing to --row"),
        (["--row", "jacobian", "--every"], "contrast: --every adds nothing to --row"),
    ],
)
def test_one_row_stands_alone(given, words):
    """Before anything is run."""
    assert words in refused(jaxport("contrast", "loose", *given))
