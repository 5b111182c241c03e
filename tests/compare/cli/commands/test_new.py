"""``jaxport new``: a file that runs as it is, never in the place of another, and whole or not at all."""

import re
import subprocess
import sys
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


LIMITED = """
import resource, sys
from compare.cli.cli import main
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
sys.exit(main(["new", "pair.py"]))
"""


def test_a_full_disk_leaves_nothing_that_blocks_the_next_try(tmp_path):
    """Here the disk takes a hundred bytes."""
    ran = subprocess.run([sys.executable, "-B", "-c", LIMITED], capture_output=True, text=True)
    assert (ran.returncode, ran.stdout, files(tmp_path)) == (2, "", [])
    assert ran.stderr == "jaxport: pair.py: cannot be written (File too large)\n"
    assert jaxport("new", "pair.py").code == 0


def test_a_broken_link_is_something_that_is_there(tmp_path):
    (tmp_path / "pair.py").symlink_to("nowhere")
    assert "pair.py: is there already" in refused(jaxport("new", "pair.py"))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("folder", "folder: expected a name that ends in .py"),
        ("", "jaxport: new: expected the name of a file to write, such as my_pair.py"),
        (".py", ".py: expected a name that ends in .py"),
        ("no/pair.py", "no/pair.py: cannot be written (No such file or directory)"),
        (f"{'x' * 300}.py", "cannot be written (File name too long)"),
    ],
)
def test_names_that_no_pair_file_has(tmp_path, name, words):
    (tmp_path / "folder").mkdir()
    assert words in refused(jaxport("new", name))
    assert files(tmp_path) == []


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["pair.py", "--side", "port"], "new: --side is of a lesson: expected --lesson NAME"),
        (["pair.py", "--lesson", ""], "unknown lesson ''"),
        (["--lesson", ""], "unknown lesson ''"),
        (["--lesson", "mlp"], "mlp is a part, to be read alone: expected a lesson (jaxport read lists them all)"),
    ],
)
def test_what_is_no_lesson_is_no_pair_file_either(tmp_path, given, words):
    """An option that would be dropped, an empty name, a part that has no lesson: nothing is written."""
    assert words in refused(jaxport("new", *given))
    assert files(tmp_path) == []


def test_a_new_file_runs_as_it_is(tmp_path):
    """What ``jaxport new`` writes is verified without an edit, its weight map found, and matches."""
    ran = jaxport("new", "pair.py")
    assert (ran.code, ran.err, files(tmp_path)) == (0, "", ["pair.py"])
    assert ran.out == "wrote pair.py; run it with: jaxport verify pair.py\n"
    ran = jaxport("verify", "pair.py", *CPU, "--explain")
    assert (ran.code, ran.out.count("verdict    match")) == (0, 1), ran
    assert re.search(r"^map +6 arrays$", ran.out, re.MULTILINE)


def test_a_new_file_without_its_epsilon_is_told(tmp_path):
    """As docs/five-minutes.md has its reader do it."""
    assert jaxport("new", "pair.py").code == 0
    text = Path("pair.py").read_text()
    Path("pair.py").write_text(text.replace(", epsilon=1e-5", ""))
    ran = jaxport("verify", "pair.py", *CPU, "--quick")
    line = 1 + text[: text.rindex("nn.GroupNorm")].count("\n")
    assert ran.code == 1
    assert "epsilon is 1e-06 in the port, 1e-05 in the reference" in " ".join(ran.out.split())
    assert "read on both sides, and tried" in " ".join(ran.out.split())
    assert f"pair.py:{line}" in ran.out
