"""The README says what the commands print, and names what is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [
    "README.md",
    "benchmarks/README.md",
    "docs/benchmark.md",
    "docs/contrast.md",
    "CONTRIBUTING.md",
    "docs/api.md",
    "docs/tests-and-ci.md",
    "docs/verdict.md",
    "docs/verify-your-port.md",
    "docs/versions.md",
    "docs/when-a-port-differs.md",
    "compare/arrays/data/README.md",
    "compare/report/reading.md",
]


DIFFERS = "docs/when-a-port-differs.md"


@pytest.mark.parametrize(
    ("page", "name", "result", "lines"),
    [
        ("README.md", "main-job", "cpu/main-job", 40),
        ("README.md", "bench", "cpu/bench", 8),
        ("docs/contrast.md", "contrast", "cpu/contrast-mlp", 20),
        ("docs/contrast.md", "contrast-memory", "cpu/contrast_memory", 8),
        ("docs/benchmark.md", "sweep", "cpu/sweep", 20),
        ("README.md", "speed", "cpu/speed", 1),
        ("README.md", "study", "cpu/study", 4),
        ("docs/verify-your-port.md", "study-weights", "cpu/study-weights", 2),
        ("README.md", "answer", "cpu/differs-encoder", 8),
        (DIFFERS, "differs-encoder", "cpu/differs-encoder", 20),
        (DIFFERS, "differs-quantizer", "cpu/differs-quantizer", 20),
    ],
)
def test_what_a_page_shows_is_real_output(page, name, result, lines):
    """Each line of a page's blocks stands in the committed result, in the same order."""
    block = re.search(rf"<!-- {name} -->\n```text\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)
    assert block is not None
    committed = (ROOT / "results" / f"{result}.txt").read_text().splitlines()
    place = 0
    for line in block[1].splitlines():
        if line and not line.startswith("[and "):
            place = committed.index(line, place)
    assert place >= lines


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page):
    """Links to files of this repository exist."""
    links = re.findall(r"\]\(([^)#]+)\)", (ROOT / page).read_text())
    missing = [link for link in links if "://" not in link and not ((ROOT / page).parent / link).exists()]
    assert missing == []


def test_every_command_in_the_readme_exists():
    """Commands, options and make targets are spelt as the programs spell them."""
    from compare.cli.cli import command_line

    text = (ROOT / "README.md").read_text() + (ROOT / "CONTRIBUTING.md").read_text()
    actions = next(action for action in command_line()._actions if action.dest == "==SUPPRESS==")
    commands = set(actions.choices or {})
    assert set(re.findall(r"^    jaxport (\w+)", text, re.MULTILINE)) <= commands
    assert commands == set(re.findall(r"\| `jaxport (\w+)", text))
    parsers = [command_line(), *(actions.choices or {}).values()]
    options = {option for parser in parsers for option in parser._option_string_actions}
    ours = re.sub(r"`python [^`]*`", "", (ROOT / "README.md").read_text())  # the benchmarks have their own options
    assert set(re.findall(r"(?<![\w-])(--[a-z][a-z-]+)", ours)) <= options
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"make (\w+)`", text)) <= targets


def test_where_to_change_what():
    """Each row of the table names files to change and tests to extend, and every path in it leads somewhere."""
    text = (ROOT / "CONTRIBUTING.md").read_text().split("## Where to change what")[1]
    rows = [line.strip("| \n").split(" | ") for line in text.splitlines() if line.startswith("| ")][1:]
    assert len(rows) >= 13
    for what, *columns in rows:
        assert len(columns) == 2, what
        for column in columns:
            paths = re.findall(r"`([^`]*)`", column)
            assert paths, f"{what}: no path"
            missing = [path for path in paths if not any(ROOT.glob(path.rstrip("/")))]
            assert missing == [], what
        assert all(path.startswith("tests/") for path in re.findall(r"`([^`]*)`", columns[1])), what


def test_contributing_lists_the_rooms():
    """All of them, in the order in which they import."""
    from tests.test_house import ROOMS

    text = (ROOT / "CONTRIBUTING.md").read_text().split("## The rooms of compare/")[1].split("## ")[0]
    assert re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE) == ROOMS
    words = (ROOT / "README.md").read_text().split("## Where things are")[1]
    assert [word for word in re.findall(r"`(\w+)`", words) if word in ROOMS] == ROOMS
