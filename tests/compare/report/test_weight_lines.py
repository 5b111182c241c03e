"""What weights are, for a person: layers folded, no more than a screen below a verdict, all of it by the command."""

import io

import pytest

from compare.report.contract import WeightsForm
from compare.report.terminal import console
from compare.report.weight_lines import show_weights, show_weights_of_pair


def line(name, kind="equal", text=""):
    return {"name": name, "sources": [name.replace("/", ".")], "kind": kind, "text": text or kind}


def form(lines, **changed) -> WeightsForm:
    known = {"original": "reference", "asked": False, "judged": True, "right": False, "answer": "ANSWER"}
    return {**known, "lines": lines, "left_over": [], "notes": [], **changed}  # type: ignore[typeddict-item]


def text_of(show, *args, **named) -> list[str]:
    out = io.StringIO()
    show(*args, console(out), **named)
    return [row.strip() for row in out.getvalue().splitlines()]


def test_wrong_lines_of_layers_that_are_alike_are_one():
    lines = [line(f"h_{at}/kernel", "transposed") for at in range(24)] + [line("head/bias")]
    rows = text_of(show_weights, form(lines))
    assert rows == ["weights    ANSWER", "h_{0-23}/kernel (24 of them): transposed; from h_{0-23}.kernel"]


def test_whose_they_are_instead_is_folded_with_the_layer():
    """Of another layer's it is not: that is the mistake itself."""
    lines = [line(f"h_{at}/k", "another line's", f"h_{at}/v's") for at in range(3)]
    assert text_of(show_weights, form(lines))[1] == "h_{0-2}/k (3 of them): h_{0-2}/v's; from h_{0-2}.k"
    lines = [line(f"h_{at}/k", "another line's", f"h_{1 - at}/k's") for at in range(2)]
    assert text_of(show_weights, form(lines))[1:] == ["h_0/k: h_1/k's; from h_0.k", "h_1/k: h_0/k's; from h_1.k"]


def test_below_a_verdict_there_are_ten_and_the_command_has_all():
    lines = [line(f"{chr(97 + at)}/kernel", "scaled", f"scaled by {at + 2}") for at in range(14)]
    short, whole = text_of(show_weights, form(lines)), text_of(show_weights, form(lines), every=True)
    assert short[-1] == "and 4 more kinds: jaxport weights lists all"
    assert len(short) == 12
    assert len(whole) == 15
    assert whole[0] == "weights    14 scaled"


@pytest.mark.parametrize("every", [False, True])
def test_of_what_is_not_judged_no_line_is_shown(every):
    rows = text_of(show_weights, form([line("a/kernel", "another value")], judged=False), every=every)
    assert not any("a/kernel" in row for row in rows)


def test_what_came_beside_is_said():
    rows = text_of(show_weights, form([line("a")], notes=["NOTE"], left_over=[f"x{at}" for at in range(7)]))
    left = "left over, since the model has no such array: x0, x1, x2, x3, x4 and 2 more"
    assert " ".join(rows[1:]) == f"NOTE {left}"  # in lines as wide as the terminal


def test_the_command_says_the_answer_last_and_the_loader_first():
    whole = {"pair": "p", "title": "T", "loader": ["LOADER"], "weights": form([line("a")])}
    rows = text_of(show_weights_of_pair, whole)
    assert rows[:2] == ["p: T", "notice     LOADER"]
    assert rows[-2:] == ["answer     ANSWER", ""]


def test_what_the_map_is_not_sure_of_is_counted_apart_unless_it_is_right():
    """And what is made of nothing of the other side is from nowhere."""
    lines = [line("a") | {"sure": False}, line("b", "scaled", "not sure: scaled") | {"sure": False, "sources": []}]
    rows = text_of(show_weights, form(lines), every=True)
    assert rows[:2] == ["weights    1 equal, 1 not sure", "b: not sure: scaled"]
