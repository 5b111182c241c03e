"""The notebook among the examples: executed as it was committed, it shows the same kinds of things."""

import json
import re
from pathlib import Path

import pytest

from tests.compare.notebook import execute, kind_of

NOTEBOOK = Path(__file__).parents[2] / "examples" / "verify.ipynb"
COMMITTED = json.loads(NOTEBOOK.read_text())
KINDS = {
    "models": [],
    "verify": ["stderr", "execute_result text/html text/plain"],
    "answers": ["stdout"],
    "assert": ["execute_result text/plain"],
    "refused": ["error UsageError"],
}


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """The notebook, executed again."""
    folder = tmp_path_factory.mktemp("notebook")
    return execute(NOTEBOOK, folder / "done.ipynb", folder)


def cells(notebook):
    """Its cells of code by name."""
    return {cell["id"]: cell for cell in notebook["cells"] if cell["cell_type"] == "code"}


def shown(notebook):
    """All that its cells put out, as text."""
    return {name: json.dumps(cell["outputs"], ensure_ascii=False) for name, cell in cells(notebook).items()}


def test_what_is_committed_is_what_it_shows(executed):
    """The same cells, each with the same kinds of outputs; no number is compared."""
    for notebook in (COMMITTED, executed):
        assert {name: [*map(kind_of, cell["outputs"])] for name, cell in cells(notebook).items()} == KINDS
    sources = [[cell["source"] for cell in notebook["cells"]] for notebook in (COMMITTED, executed)]
    assert sources[0] == sources[1]


def words(notebook):
    """What its cells say, but for progress, with a mark for each number and without rules."""
    texts = [
        "".join(output.get("text") or output["data"]["text/plain"])
        for cell in cells(notebook).values()
        for output in cell["outputs"]
        if output.get("name") == "stdout" or "data" in output
    ]
    return [re.sub(r"\d[\d.e+-]*", "N", text.replace("─", "")).split() for text in texts]


def test_what_is_committed_is_in_the_words_of_today(executed):
    """Not those of an older report."""
    assert words(COMMITTED) == words(executed)


def test_it_says_what_its_text_promises(executed):
    """The fault, by its cell and line on both sides, and that it is mended."""
    for notebook in (COMMITTED, executed):
        texts = shown(notebook)
        for words in ("tanh approximation of GELU", "In[1]:16", "In[1]:25"):
            assert words in texts["verify"]
        assert "mismatch\\n" in texts["answers"]
        assert "tanh approximation of GELU" in texts["answers"]
        assert "the port is the same function" in texts["assert"]
        (refused,) = cells(notebook)["refused"]["outputs"]
        assert len(refused["traceback"]) == 1


def test_it_is_small_and_of_no_machine():
    """Nobody scrolls through it, and it names no folder of whoever executed it."""
    text = NOTEBOOK.read_text()
    assert len(text) < 40_000
    assert not any(place in text for place in ("/tmp", "/home", "/Users", "/root", str(NOTEBOOK.parents[1])))
    assert set(COMMITTED["metadata"]) == {"kernelspec", "language_info"}
    assert all(cell["metadata"] == {} for cell in COMMITTED["cells"])
