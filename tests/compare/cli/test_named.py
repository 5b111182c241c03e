"""What a name on the command line stands for."""

import re
from pathlib import Path

import numpy as np
import pytest

from compare.cli.named import check_once, check_pair, is_file, pair_of, pairs_of
from compare.errors import UsageError

TWO = """
from compare import Pair

a, b = Pair(None, lambda p, x: x, None), Pair(None, lambda p, x: x, None)
"""


@pytest.mark.parametrize("names", [["mlp", "mlp"], ["a.py", "./a.py"], ["a.py", "b.py", "x/../a.py"]])
def test_a_name_given_twice_is_refused(names):
    """By the same path or another."""
    with pytest.raises(UsageError, match=f"^{re.escape(names[-1])}: named twice: expected each pair once$"):
        check_once(names)
    check_once([*names[:-1], "loose"])


def test_files_and_names():
    """A suffix or a slash makes a file."""
    assert [name for name in ("mlp", "a.py", "./a", "a/b.py", "a.pyc", "py") if is_file(name)] == [
        "a.py",
        "./a",
        "a/b.py",
    ]


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nope", "unknown pair"),
        ("no.py", "no.py: there is no such file"),
        ("", "unknown pair ''"),
        ("folder", "folder: is a folder: expected a Python file that defines a pair, or one of mlp, loose"),
        ("folder/", "folder/: is a folder"),
        ("folder.py", "folder.py: is a folder"),
        ("wrong.py", "wrong.py:1: SyntaxError: invalid syntax"),
    ],
)
def test_neither(name, words):
    """Refused before anything slow is imported."""
    Path("folder").mkdir()
    Path("folder.py").mkdir()
    Path("wrong.py").write_text("def f(:\n")
    with pytest.raises(UsageError, match=words):
        check_pair(name)


@pytest.mark.usefixtures("elsewhere")
def test_images_are_of_the_project_s_own_pairs():
    """A file's pairs draw their own batches: what was passed over in silence is one line."""
    Path("two.py").write_text(TWO)
    with pytest.raises(UsageError, match=r"^--data: .*: two\.py draws its own batches: leave it out$"):
        pairs_of("two.py", Path("digits.npz"))


@pytest.mark.usefixtures("elsewhere")
def test_a_file_of_two_pairs():
    """All of them, or a complaint where one is taken."""
    Path("two.py").write_text(TWO)
    check_pair("two.py")
    assert [pair.name for pair in pairs_of("two.py")] == ["a", "b"]
    with pytest.raises(UsageError, match="defines 2 pairs, and this command takes one"):
        pair_of("two.py")


@pytest.mark.usefixtures("elsewhere")
def test_a_folder_of_a_pairs_name_is_in_nobodys_way():
    Path("mlp").mkdir()
    check_pair("mlp")


def test_one_of_the_projects_pairs():
    """With the rows that are asked for."""
    pair = pair_of("mlp", rows=7)
    assert pair.name == "mlp"


@pytest.mark.usefixtures("elsewhere")
def test_a_files_pair_has_the_rows_that_are_asked_for():
    """Whatever its recipe draws; and so has the small case, which knows no images."""
    Path("own.py").write_text(
        "import numpy as np\nfrom compare import Pair\n"
        "own = Pair(lambda p, x: x, lambda p, x: x, lambda rng: rng.standard_normal((4, 3), dtype=np.float32))\n"
    )
    for name in ("own.py", "loose"):
        for pair in (pair_of(name, rows=5), *pairs_of(name, rows=5)):
            assert pair.draw(np.random.default_rng(0)).rows == 5


@pytest.mark.usefixtures("elsewhere")
def test_a_handout_is_no_pair():
    """What it is, and the command that takes it, as a shell takes its name."""
    Path("two words.py").write_text('LESSON, SIDE = "tape", "port"\n')
    words = r"is the handout of a lesson \(tape, its port\), and no pair: expected jaxport verify 'two words.py', which"
    with pytest.raises(UsageError, match=words):
        pair_of("two words.py")
