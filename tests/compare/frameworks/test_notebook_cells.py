"""A cell's name, asked of IPython where it runs. What a kernel shows: ``tests/compare/test_api_notebook.py``."""

import sys
from types import SimpleNamespace

import pytest

from compare.frameworks.dropout.frames import user_line
from compare.frameworks.islands.places import is_users, place_of
from compare.frameworks.notebook_cells import cell_of, shown_file

CELL, BARE = "/tmp/ipykernel_7/123.py", "<ipython-input-3-abc>"


@pytest.fixture
def shell(monkeypatch):
    """IPython, as far as it is asked: two cells that it has compiled, whichever way it names them."""

    def format_code_name(name):
        return {CELL: ("Cell", "In[2]"), BARE: ("Cell", "In[3]")}.get(name)

    running = SimpleNamespace(compile=SimpleNamespace(format_code_name=format_code_name))
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: running))
    is_users.cache_clear()
    yield running
    is_users.cache_clear()


def test_a_cell_is_named_as_the_notebook_numbers_it(shell):
    """Any other file is none."""
    assert (cell_of(CELL), cell_of("x.py")) == ("In[2]", None)
    assert place_of([("<string>", 1), (CELL, 16)]) == "In[2]:16"
    assert place_of([(BARE, 4)]) == "In[3]:4"


def test_a_dropout_of_a_cell_is_named_so_too(shell):
    """The line that calls it."""
    scope = {"__name__": "__main__", "user_line": user_line}
    exec(compile("\n\ndef run():\n    return user_line(set())\n", CELL, "exec"), scope)
    assert scope["run"]() == "In[2]:4"


@pytest.mark.parametrize("module", [None, SimpleNamespace(), SimpleNamespace(get_ipython=lambda: None)])
def test_without_a_shell_there_are_no_cells(monkeypatch, module):
    """IPython not there, half imported, or imported by a script."""
    monkeypatch.setitem(sys.modules, "IPython", module)
    assert cell_of(CELL) is None


def test_an_ipython_that_names_no_cells(monkeypatch):
    """An older one: the file's name stands."""
    running = SimpleNamespace(compile=SimpleNamespace())
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: running))
    assert cell_of(CELL) is None


def test_a_file_is_named_from_the_folder_that_one_works_in_now(tmp_path, monkeypatch):
    """And by its whole path from any other, whatever was said of it before."""
    file = tmp_path / "ports" / "model.py"
    file.parent.mkdir()
    said = []
    for folder in (tmp_path, file.parent, tmp_path / "ports" / "..", file.parent, "/"):
        monkeypatch.chdir(folder)
        place = place_of([(str(file), 7)])
        assert place == f"{shown_file(str(file))}:7"
        said.append(place)
    assert said == ["ports/model.py:7", "model.py:7", "ports/model.py:7", "model.py:7", f"{file}:7"]
