"""A report as text, as a block of HTML and as a page: captured, readable on either ground, and nothing printed."""

import ast
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from compare.report.captured import DARK, LIGHT, captured_text, html_block, html_page
from compare.report.form import verify_form
from compare.verdict.verdict import Verdict
from tests.compare.report.test_contract import EXPLANATION
from tests.compare.report.test_form import quantity, report

ROOT = Path(__file__).parents[3]
GROUNDS = {"light": "#ffffff", "JupyterLab, dark": "#111111", "Visual Studio Code, dark": "#1e1e1e"}
VOID = {"meta"}


def form(**other):
    return verify_form([report(**other)], {"device": "cpu", "versions": {"jax": "<0.99>"}})


def mixed():
    """A match, a mismatch, and what only agrees to float32."""
    rows = quantity("output"), quantity("grad/w", verdict=Verdict.MISMATCH), quantity("b", verdict=Verdict.FLOAT32_ONLY)
    return verify_form([report(*rows, verdict=Verdict.MISMATCH, explanation=EXPLANATION)], {"device": "cpu"})


def contrast(colour: str, ground: str) -> float:
    """How many times as bright the brighter of two colours is, as WCAG 2 counts."""

    def luminance(text: str) -> float:
        parts = [part / 255 for part in bytes.fromhex(text[1:])]
        linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    dark, bright = sorted(map(luminance, (colour, ground)))
    return (bright + 0.05) / (dark + 0.05)


class Tree(HTMLParser):
    """What stands in a piece of HTML: its elements as they open, its text, and whether each is closed in its turn."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.opened: list[str] = []
        self.inside: list[str] = []
        self.text = ""
        self.outermost = 0
        self.feed(text)
        self.close()
        assert self.inside == []

    def handle_starttag(self, tag, attrs):
        self.opened.append(tag)
        self.outermost += not self.inside
        if tag not in VOID:
            self.inside.append(tag)

    def handle_endtag(self, tag):
        assert self.inside.pop() == tag

    def handle_data(self, data):
        self.text += data


@pytest.mark.parametrize("variable", ["FORCE_COLOR", "TTY_COMPATIBLE", "COLUMNS"])
def test_the_text_depends_on_the_report_alone(monkeypatch, variable, capsys):
    """A kernel asks for colours, a shell says its width: a string has neither. Nothing is printed."""
    monkeypatch.delenv(variable, raising=False)
    plain = captured_text(mixed())
    monkeypatch.setenv(variable, "1")
    assert captured_text(mixed()) == plain
    assert "\x1b" not in plain
    assert all(line == line.rstrip() for line in plain.splitlines())
    html_block(mixed()), html_page(mixed())
    assert capsys.readouterr() == ("", "")


def test_no_console_writes_to_a_notebook_by_itself():
    """Every console of the package is told so: rich would pass over its file, in a kernel."""
    consoles = [
        (path, node)
        for path in (ROOT / "compare").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("Console", "Pipe")
    ]
    assert len(consoles) >= 3
    loud = [
        f"{path}:{node.lineno}"
        for path, node in consoles
        if not any(keyword.arg == "force_jupyter" and not keyword.value.value for keyword in node.keywords)
    ]
    assert loud == []


def test_a_block_is_one_element_that_says_what_the_text_says():
    """With each colour by its name, so that the notebook's ground can choose; no colour for the rest, no ground."""
    block = html_block(mixed())
    tree = Tree(block)
    assert tree.outermost == 1
    assert "script" not in tree.opened
    assert tree.text[tree.text.index("drawn") :].split() == captured_text(mixed()).split()
    for name in ("good", "bad", "mind"):
        assert f"color: var(--jaxport-{name}, {LIGHT[name]})" in block
    bare = re.sub(r"var\(--jaxport-\w+, #\w{6}\)|--jaxport-\w+: #\w{6}", "", block)
    assert not re.search(r"#[0-9a-f]{6}|background", bare)


@pytest.mark.parametrize("name", LIGHT)
def test_every_colour_is_readable_on_both_grounds(name):
    """And the light ones, where a dark notebook drops the style sheet, at least as large print is."""
    for ground, colour in GROUNDS.items():
        assert contrast((LIGHT if ground == "light" else DARK)[name], colour) >= 4.5, ground
    assert contrast(LIGHT[name], GROUNDS["JupyterLab, dark"]) >= 3


@pytest.mark.parametrize("selector", ["data-jp-theme-light", "vscode-dark", 'html[theme="dark"]', "data-theme"])
def test_a_dark_notebook_gets_the_bright_colours(selector):
    """By each of the ways in which notebooks say that they are dark; the browser's wish decides on a page alone."""
    style = re.search(r"<style>(.*?)</style>", html_block(mixed()))[1]
    rule = style.split("}")[1]
    assert selector in rule
    assert all(f"--jaxport-{name}: {colour}" in rule for name, colour in DARK.items())
    assert "color-scheme: dark;" in rule  # the scrollbar of a wide table
    assert "prefers-color-scheme" not in style
    assert "prefers-color-scheme: dark" in html_page(mixed())


def test_a_page_needs_no_other_file():
    """The verdict in its title, the answer, the report, every quantity, the weight map, the environment; no link."""
    page = html_page(mixed())
    tree = Tree(page)
    assert page.startswith("<!doctype html>")
    assert "jaxport: drawn: mismatch" in tree.text
    for line in (*captured_text(mixed()).splitlines()[:3], "w -> w (same", "device: cpu", "1.2e-16"):
        assert line in tree.text, line
    assert tree.opened.count("tr") == 1 + 3
    assert not re.search(r"(src|href)=|url\(|@import", page)


def test_what_a_user_named_is_no_markup():
    """Wherever it stands: in the title, in the report, in the tables."""
    named = verify_form([report(quantity("<b>"), pair="<i>x", weight_map=("<u> -> <u>",))], {"jax": "<0.99>"})
    for text in (html_block(named), html_page(named)):
        assert not {"b", "i", "u"} & set(Tree(text).opened)
        assert "<i>x" in Tree(text).text
    assert "<0.99>" in Tree(html_page(named)).text
