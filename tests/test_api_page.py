"""docs/api.md is what the docstrings say now, and they say all of it."""

import ast
import re

import pytest

import compare
from scripts import public_names, undocumented
from scripts.make_api import PAGE, page
from scripts.public_names import Public, parsed, public
from scripts.undocumented import problems, raised


def test_the_committed_page_is_what_the_command_makes():
    """``python3 -m scripts.make_api`` after a change of a public signature or docstring."""
    assert PAGE.read_text() == page(public())


def test_everything_public_is_documented():
    """Each name, parameter and raised error; and nothing is documented or referred to that is not there."""
    assert list(problems(public())) == []


def test_every_public_name_has_its_entry():
    """Those of ``compare.__all__``, and the members of each class as Python itself lists them."""
    heads = re.findall(r"^##+ (\S+)$", PAGE.read_text(), re.MULTILINE)
    assert [name for name in heads if "." not in name] == compare.__all__
    members = {f"View.{name}" for name in dir(compare.View) if not name.startswith("_")} - {"View.steps"}
    assert members == {name for name in heads if name.startswith("View.")}


def test_its_links_lead_to_its_heads():
    """As GitHub makes anchors of them."""
    text = PAGE.read_text()
    anchors = {head.lower().replace(".", "") for head in re.findall(r"^##+ (\S+)$", text, re.MULTILINE)}
    links = set(re.findall(r"\]\(#([^)]+)\)", text))
    assert links
    assert links <= anchors


PLANTED = '''
def _refuse(x):
    raise TypeError("no")


def _caught():
    try:
        _deeper()
    except KeyError:
        pass


def _deeper():
    raise KeyError("x")


def f(a, *rest, b=1, **more):
    """Does it.

    Args:
        a: one thing,
            over two lines.
        rest, more: the others, of ``compare.Pair`` and ``compare.errors.UsageError``.
        b: the last.

    Raises:
        ValueError: always.
        TypeError: now and then.
    """
    _refuse(a)
    _caught()
    raise ValueError("x")
'''


def planted(monkeypatch, old="", new=""):
    """What is wrong with the function above once ``old`` is ``new`` in it."""
    tree = ast.parse(PLANTED.replace(old, new))
    read = undocumented.module_tree
    monkeypatch.setattr(undocumented, "module_tree", lambda module: tree if module == "planted" else read(module))
    function = next(node for node in tree.body if getattr(node, "name", "") == "f")
    known = [Public("f", function, "planted"), *public()]
    return [gap for gap in problems(known) if gap.startswith("f: ")]


@pytest.mark.parametrize(
    ("old", "new", "gap"),
    [
        ("Does it.", "Does it.", ""),
        ("        b: the last.\n", "", "f: parameter b is not documented"),
        ("rest, more:", "rest:", "f: parameter more is not documented"),
        ("        b: the last.\n", "        b: it.\n        c: gone.\n", "f: documents c, which is not there"),
        ("        ValueError: always.\n", "", "f: raises ValueError, which is not documented"),
        ("        TypeError: now and then.\n", "", "f: raises TypeError, which is not documented"),
        ("except KeyError", "except OSError", "f: raises KeyError, which is not documented"),
        ("compare.errors.UsageError", "compare.errors.Gone", "f: refers to compare.errors.Gone, which is not there"),
        ("compare.Pair", "compare.gone", "f: refers to compare.gone, which is not there"),
    ],
)
def test_each_gap_is_found(monkeypatch, old, new, gap):
    """Planted one by one; the first row is sound."""
    assert planted(monkeypatch, old, new) == ([gap] if gap else [])


def test_a_docstring_is_taken_apart():
    """Text, entries of several names, lines that go on."""
    text = "Head.\n\nArgs:\n    a, b: one\n        more.\n    c: ``x: y``.\n\nSource: a page"
    docstring = parsed(text)
    assert docstring.text == "Head."
    assert docstring.fields() == {"a": "one more.", "b": "one more.", "c": "``x: y``."}
    assert docstring.entries["Source"] == {"": "a page"}


def test_what_a_constructor_raises_is_the_classs():
    """Through the private methods that it calls."""
    (pair,) = [one for one in public() if one.name == "Pair"]
    assert raised(pair) == {"UsageError"}
    assert public_names.method(pair.node, "__post_init__") is not None
