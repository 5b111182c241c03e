"""Which pair files a change is about, in a repository made for it."""

import os
import subprocess

import pytest

from scripts.action.changed_pairs import CannotTellError, changed_files, concerned, git, pair_files

FILES = {
    "root_pair.py": "import helpers\n",
    "ports/a_pair.py": "from models.net import Net\n",
    "ports/b_pair.py": "from models import other\n",
    "ports/deep/c_pair.py": "import models.wide.layers as l\n",
    "ports/syntax_pair.py": "def (\n",
    "ports/notes.py": "",
    "helpers.py": "",
    "lib/src/models/__init__.py": "",
    "lib/src/models/net.py": "from .parts import Block\n",
    "lib/src/models/parts.py": "def lazily():\n    from . import far\n",
    "lib/src/models/far.py": "",
    "lib/src/models/other.py": "",
    "lib/src/models/wide/__init__.py": "from ..other import x\n",
    "lib/src/models/wide/layers.py": "",
    "elsewhere/net.py": "",
    "weights.txt": "1",
}
PAIRS = [name for name in FILES if name.endswith("_pair.py")]


def commit(message="x"):
    git("add", "-A")
    git("-c", "user.name=n", "-c", "user.email=e@example.org", "commit", "-q", "--allow-empty", "-m", message)
    return git("rev-parse", "HEAD").strip()


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """With one commit, on main; the working folder."""
    place = tmp_path / "repository"
    for name, text in FILES.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text)
    monkeypatch.chdir(place)
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    git("init", "-q", "-b", "main")
    commit()
    return place


def test_pair_files_are_those_that_the_globs_name(repository):
    """By git's rules, tracked files alone."""
    (repository / "untracked_pair.py").write_text("")
    assert pair_files(["**/*_pair.py"]) == sorted(PAIRS)
    assert pair_files(["ports/*_pair.py"]) == ["ports/a_pair.py", "ports/b_pair.py", "ports/syntax_pair.py"]
    assert pair_files(["root_pair.py", "ports/deep/**"]) == ["ports/deep/c_pair.py", "root_pair.py"]
    assert pair_files(["nothing"]) == pair_files([]) == []


@pytest.mark.parametrize(
    ("changed", "files"),
    [
        ("ports/a_pair.py", ["ports/a_pair.py"]),
        ("ports/syntax_pair.py", ["ports/syntax_pair.py"]),
        ("helpers.py", ["root_pair.py"]),
        ("lib/src/models/net.py", ["ports/a_pair.py"]),
        ("lib/src/models/far.py", ["ports/a_pair.py"]),  # imported by what is imported, inside a function
        ("lib/src/models/other.py", ["ports/b_pair.py", "ports/deep/c_pair.py"]),
        ("lib/src/models/__init__.py", ["ports/a_pair.py", "ports/b_pair.py", "ports/deep/c_pair.py"]),
        ("elsewhere/net.py", []),  # models.net is not net
        ("ports/notes.py", []),
        ("weights.txt", []),
    ],
)
def test_a_pair_is_concerned_by_what_it_imports(repository, changed, files):
    """Wherever the package lies in the repository, and on whatever way."""
    assert concerned(sorted(PAIRS), {changed}) == files


def test_a_module_that_is_gone_concerns_who_imports_it(repository):
    (repository / "helpers.py").unlink()
    commit()
    changed = changed_files("HEAD~1")
    assert changed == {"helpers.py"}
    assert concerned(pair_files(["**/*_pair.py"]), changed) == ["root_pair.py"]


def test_changes_are_those_since_the_common_commit(repository):
    """What the base got in the meantime is nobody's change here; names with blanks and no ASCII are names."""
    git("checkout", "-q", "-b", "topic")
    (repository / "é b.py").write_text("1")
    commit()
    git("checkout", "-q", "main")
    (repository / "helpers.py").write_text("2")
    base = commit()
    git("checkout", "-q", "topic")
    assert changed_files(base) == changed_files("main") == {"é b.py"}


def test_a_shallow_clone_fetches_the_base(repository, tmp_path, monkeypatch):
    """Which is all that it can compare with then: the two trees."""
    base = git("rev-parse", "HEAD").strip()
    git("config", "uploadpack.allowAnySHA1InWant", "true")
    (repository / "helpers.py").write_text("2")
    commit()
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", "--depth=1", f"file://{repository}", str(clone)], check=True)
    monkeypatch.chdir(clone)
    assert changed_files(base) == {"helpers.py"}


def test_a_whole_clone_fetches_nothing(repository, tmp_path, monkeypatch):
    """A fetch with a depth would cut its history off: what it lacks, it cannot get by one commit more."""
    git("config", "uploadpack.allowAnySHA1InWant", "true")
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", f"file://{repository}", str(clone)], check=True)
    (repository / "helpers.py").write_text("2")
    later = commit()
    monkeypatch.chdir(clone)
    with pytest.raises(CannotTellError, match=f"no commit {later}"):
        changed_files(later)
    assert git("rev-parse", "--is-shallow-repository").strip() == "false"


def test_a_name_that_is_no_text_is_a_name(repository):
    """Git keeps names as bytes."""
    name = os.fsdecode(b"ports/\xff_pair.py")
    (repository / name).write_text("import helpers\n")
    commit()
    assert name in pair_files(["**/*_pair.py"])
    assert changed_files("HEAD~1") == {name}
    assert concerned([name], {"helpers.py"}) == [name]


@pytest.mark.parametrize("base", ["", "0" * 40, "nowhere"])
def test_what_cannot_be_compared_is_said(repository, base):
    with pytest.raises(CannotTellError) as raised:
        changed_files(base)
    assert "\n" not in str(raised.value)
