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


def test_a_file_has_a_batch_of_its_own(tmp_path):
    """Rows that would be passed over are refused, before anything runs."""
    (tmp_path / "own.py").write_text("pair = None\n")
    assert "--batch 3: the pair of own.py has a batch of its own" in refused(
        jaxport("contrast", "own.py", "--batch", "3")
    )
