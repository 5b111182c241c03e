"""What is kept of a task: whole, by what was asked, with its past."""

import json

import pytest

from compare.cli.many import store as module
from compare.cli.many.store import FOLDER, Store
from compare.cli.many.task import Ended
from compare.errors import UsageError

GOOD = Ended(0, 1.234, {"verdict": "match", "pairs": []}, "said")
FACTS = {"options": "--quick", "source": "a", "torch": "2.12"}


def keep(store, outcome="match", **facts):
    return store.keep("zoo/a.py", FACTS | facts, GOOD, outcome, 0, "in words")


def test_what_is_kept_is_read_again(tmp_path):
    """By name and by what was asked: the quick run of a file is another than the whole one."""
    store = Store(tmp_path / "store")
    form = keep(store)
    assert store.kept("zoo/a.py", "--quick") == form
    assert store.kept("zoo/a.py", "") is None
    assert store.kept("zoo-a.py", "--quick") is None
    assert form["result"] == GOOD.result
    assert (form["seconds"], form["said"], form["depends"]) == (1.23, "said", FACTS)
    assert [one["name"] for one in store.every("--quick")] == ["zoo/a.py"]
    assert list(store.every("")) == []
    assert [path.name.startswith("zoo-a.py-") for path in store.results.iterdir()] == [True]


def test_the_past_says_what_had_changed(tmp_path, monkeypatch):
    """The latest run is the last; only so many are remembered."""
    monkeypatch.setattr(module, "PAST", 3)
    store = Store(tmp_path)
    assert keep(store)["past"][-1]["changed"] == []
    keep(store, "mismatch", torch="2.13")
    keep(store, "timed out", torch="2.13")
    past = keep(store, torch="2.13", source="b")["past"]
    assert [(run["outcome"], run["changed"]) for run in past] == [
        ("mismatch", ["torch 2.12 → 2.13"]), ("timed out", []), ("match", ["source"]),
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["", '{"schema": 1', "[]", '{"schema": 2}', "half"])
def test_what_is_damaged_is_as_if_it_were_not_there(text, tmp_path):
    """And the next result takes its place."""
    store = Store(tmp_path)
    whole = json.dumps(keep(store))
    path = store.place("zoo/a.py", "--quick")
    path.write_text(whole[: len(whole) // 2] if text == "half" else text)
    assert store.kept("zoo/a.py", "--quick") is None
    assert list(store.every("--quick")) == []
    assert len(keep(store)["past"]) == 1
    assert store.kept("zoo/a.py", "--quick") is not None


def test_a_full_disk_leaves_what_was_there(tmp_path, monkeypatch):
    """A result is written whole or not at all."""
    store = Store(tmp_path)
    before = keep(store)

    def full(*given, **named):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("compare.checkpoints.atomic.Path.write_text", full)
    with pytest.raises(UsageError, match="cannot be written"):
        keep(store, "mismatch")
    assert store.kept("zoo/a.py", "--quick") == before
    assert len(list(store.results.iterdir())) == 1


@pytest.mark.usefixtures("elsewhere")
def test_the_default_folder_is_no_part_of_a_repository():
    """A folder that the user names is the user's."""
    Store(FOLDER)
    assert (FOLDER / ".gitignore").read_text() == "*\n"
    Store(FOLDER.with_name("named"))
    assert not FOLDER.with_name("named").joinpath(".gitignore").exists()


def test_a_folder_that_cannot_be(tmp_path):
    """One line, before anything runs."""
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="output folder"):
        Store(tmp_path / "file")


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd.py", "a" * 300 + ".py", "ä\udc80.py", "-x.py", ".."])
def test_no_name_leads_out_of_the_folder(name, tmp_path):
    """Nor is one too long for a file's."""
    store = Store(tmp_path)
    place = store.place(name, "")
    assert place.parent == store.results
    assert len(place.name) < 120
    assert place.name[0] not in ".-"
    store.keep(name, FACTS | {"options": ""}, GOOD, "match", 0, "")
    kept = store.kept(name, "")
    assert kept is not None
    assert kept["name"] == name
