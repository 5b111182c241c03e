"""Where and why at a terminal: the evidence, the tree of modules, and long trees summed up."""

from dataclasses import asdict
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from compare.explain.locate.difference import Branch, Difference
from compare.report import where
from compare.report.where import show_where

FIRST = asdict(
    Difference("forward", "enc.norm", "enc/norm", "output of enc.norm", "batch", "training", 1e-3, 1e-12,
               place_reference="net.py:7", place_port="port.py:9", more=2)
)  # fmt: skip
CAUSE = {"where": "enc.norm", "where_port": "enc/norm", "places": 3, "setting": "epsilon", "reference": "1e-05",
         "port": "1e-06", "text": "epsilon is 1e-06", "evidence": "both", "before": 1e-3, "after": 0.0,
         "certain": True}  # fmt: skip
SAID = {"sentence": "`enc.norm` is the first.", "size": "relative difference 1.0e-03", "settings": ["epsilon differs"],
        "observed": ["twice as large"], "excluded": ["momentum 0.9", "no bias"], "closed": [1e-3, 0.0],
        "still_differ": [], "notes": ["a note"]}  # fmt: skip


def branch(reference: str, forward: str = "agrees", backward: str = "agrees", **gaps: float) -> dict[str, Any]:
    return asdict(Branch(reference, reference.replace(".", "/"), "Kind, Kind", forward, backward, **gaps))


def shown(pair: dict[str, Any]) -> str:
    """What is printed, without colours, in a wide terminal."""
    out = Console(width=160, no_color=True, file=StringIO())
    show_where({"first_difference": FIRST, "causes": [CAUSE], "tree": [], "explanation": SAID} | pair, out)
    assert isinstance(out.file, StringIO)
    return out.file.getvalue()


def rows(text: str, word: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if word in line]


def test_the_evidence():
    """Quantity, run and size; both paths with their lines; the cause and what was done to see it."""
    text = shown({})
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    assert lines[0].split(None, 1) == ["where", "output of enc.norm, on batch, training: relative difference 1.0e-03"]
    assert rows(text, "net.py") == ["reference: enc.norm, net.py:7"]
    assert rows(text, "port.py") == ["port: enc/norm, port.py:9"]
    assert rows(text, "in 2 other places")
    (why,) = rows(text, "epsilon is")
    assert why.split(None, 1)[1] == (
        "`enc.norm`, in 3 places: epsilon is 1e-06 (read on both sides, and tried: 1.0e-03 falls to 0)"
    )
    assert rows(text, "with that in the reference") == [
        "with that in the reference, the pair's worst quantity goes from 1.0e-03 to 0"
    ]
    (together,) = rows(shown({"causes": [CAUSE | {"reopens": 5e-6}]}), "epsilon is")
    assert together.endswith("(read on both sides, and tried: without it 5.0e-06 is left, with it 0)")
    doubted = shown({"causes": [CAUSE | {"certain": False}]})
    (seen,) = rows(doubted, "epsilon is")
    assert seen.startswith("seen")
    assert "not certain: `enc.norm`, in 3 places: epsilon is 1e-06 (read" in seen
    still = SAID | {"still_differ": ["output", "loss", "grad/a", "grad/b"]}
    assert rows(shown({"explanation": still}), "in the reference,") == [
        "with that in the reference, 4 quantities still differ (output, loss, grad/a, ...): something else is wrong too"
    ]
    for word, said in (("seen", "twice as large"), ("settings", "epsilon differs"), ("note", "a note")):
        assert [row.split(None, 1) for row in rows(text, said)] == [[word, said]]


def test_what_was_excluded_is_told_only_where_nothing_was_found():
    """Else it is beside the point."""
    assert "momentum" not in shown({})
    text = shown({"causes": [], "explanation": SAID | {"closed": None}})
    assert rows(text, "momentum")[0].split(None, 1) == ["excluded", "as the only cause: momentum 0.9, no bias"]
    assert "with that" not in text


@pytest.mark.parametrize(
    ("evidence", "said"),
    [("read", "(read on both sides)"), ("counterfactual", "(tried: 1.0e-03 falls to 0)")],
)
def test_the_evidence_in_words(evidence, said):
    """Read, tried, or both; several causes are taken together."""
    other = CAUSE | {"evidence": evidence, "text": "the bias is gone", "where": "", "places": 1}
    text = shown({"causes": [CAUSE, other]})
    assert rows(text, "the bias is gone") == [f"the bias is gone {said}"]
    assert rows(text, "with all of that in the reference")


def test_a_pair_that_was_not_explained_shows_nothing():
    """A sound one, or one whose explanation was not asked for."""
    assert shown({"explanation": None}) == ""


TREE = [
    branch("", "propagated", "propagated"),
    branch("enc", "propagated", "propagated"),
    branch("enc.norm", "introduced", "propagated", gap_forward=1e-3),
    branch("enc.blocks", "not seen", "not seen"),
    branch("enc.blocks.0", "propagated", "not seen"),
    branch("head", "propagated", "agrees", gap_forward=2e-3),
]


def test_the_tree_is_indented_and_marks_what_is_introduced():
    """Names below the module around them; what neither side calls is left out; gaps beside the words."""
    text = shown({"tree": TREE})
    table = text[text.index("module of the reference") :].splitlines()
    names = [line.rstrip() for line in table if line.strip() and "─" not in line][1:]
    assert [row.split("  ")[0] or row.lstrip().split("  ")[0] for row in names] == [
        "the model", "enc", "norm", "blocks.0", "head"
    ]  # fmt: skip
    indents = [len(row) - len(row.lstrip()) for row in names]
    assert indents[0] < indents[1] < indents[2] == indents[3]
    assert indents[4] == indents[1]
    assert [row for row in names if "INTRODUCED" in row] == [names[2]]
    assert "INTRODUCED 1.0e-03" in names[2]
    assert "propagated 2.0e-03" in names[4]


def test_a_long_tree_is_summed_up():
    """Neighbours that are alike become one row with their number; what introduces a difference stays."""
    many = [branch(f"enc.{number}") for number in range(where.SHOWN)]
    many[20:20] = [branch("enc.bad", "introduced", "agrees")]
    text = shown({"tree": many, "first_difference": None})
    assert [row.split("more")[0].strip() for row in rows(text, " more ")] == ["19", "19"]
    assert len(rows(text, "INTRODUCED")) == 1
    assert len(rows(text, "enc.")) == 3 + 1  # the cause names it as well
    short = shown({"tree": many[: where.SHOWN], "first_difference": None})
    assert rows(short, " more ") == []
