"""``jaxport new``: a file that runs as it is, and never in the place of another."""

from pathlib import Path

import pytest

from tests.compare.command_line import CPU, files, jaxport, refused

USERS_MODELS = True
pytestmark = pytest.mark.usefixtures("elsewhere")


def test_new_overwrites_nothing(tmp_path):
    """A file that is there stays as it is."""
    Path("pair.py").write_text("kept")
    assert "pair.py: is there already, and is not overwritten" in refused(jaxport("new", "pair.py"))
    assert (files(tmp_path), Path("pair.py").read_text()) == (["pair.py"], "kept")


def test_a_new_file_runs_as_it_is(tmp_path):
    """What ``jaxport new`` writes is verified without an edit, its weight map found, and matches."""
    ran = jaxport("new", "pair.py")
    assert (ran.code, ran.err, files(tmp_path)) == (0, "", ["pair.py"])
    assert ran.out == "wrote pair.py; run it with: jaxport verify pair.py\n"
    ran = jaxport("verify", "pair.py", *CPU, "--explain")
    assert (ran.code, ran.out.count("verdict    match")) == (0, 1), ran
    assert len([line for line in ran.out.splitlines() if " -> params/" in line]) == 6
