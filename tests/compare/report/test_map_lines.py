"""A map of hundreds of lines fits a screen; what stands in no layer, and what is no line, is shown as it is."""

import io

from compare.report.map_lines import map_paragraphs, show_map
from compare.report.terminal import console

WHY = "transpose (1, 0): (out, in) here, (in, out) there; by name"


def test_three_hundred_lines_are_a_screen():
    lines = ["emb.weight -> params/emb/embedding (same: a table of rows)"]
    lines += [f"h.{at}.{name}.weight -> params/h_{at}/{name}/kernel ({WHY})" for at in range(75) for name in "qkvo"]
    texts = [text for _, text in map_paragraphs(lines)]
    assert texts[:5] == [
        "301 arrays, 5 once layers that are alike are folded",
        "emb -> params/emb",
        "weight -> embedding: same: a table of rows",
        "h.{0-74}.q -> params/h_{0-74}/q",
        f"weight -> kernel: 75 times: {WHY}",
    ]
    assert len(texts) == 11


def test_which_of_those_alike_an_array_is_keeps_no_layers_apart():
    """Told by their order of use, the layers of a decoder have each another number; one alone keeps its own."""
    lines = [f"h.{at}.w -> params/h_{at}/k (same: x; {at + 1}th of 24 alike, by order of use)" for at in range(3, 24)]
    lines += ["q.w -> params/p/k (a; 2nd of 2 alike, by order of use)", "q.w -> params/p/k (b)"]
    texts = [text for _, text in map_paragraphs(lines)]
    assert texts[0] == "23 arrays, 3 once layers that are alike are folded"
    assert "w -> k: 21 times: same: x; of 24 alike, by order of use" in texts
    assert texts[-2:] == ["w -> k: a; 2nd of 2 alike, by order of use", "w -> k: b"]


def test_names_without_a_layer_and_what_is_no_line():
    assert [*map_paragraphs(["w -> params/w (same: x)", "anything"])][1:] == [
        ("", "the model -> params"), ("  ", "w -> w: same: x"), ("", "the model"), ("  ", "anything: "),
    ]  # fmt: skip


def test_it_is_printed_with_one_word_in_the_margin():
    out = io.StringIO()
    show_map(["a.w -> params/a/k (same: x)"], console(out))
    assert out.getvalue().splitlines() == [
        "map        1 array",
        "           a -> params/a",
        "             w -> k: same: x",
    ]


def test_lines_of_one_layer_stand_together():
    lines = [f"a.{name} -> params/{owner}/{leaf} (same: x)" for name, owner, leaf in
             (("w", "q", "k"), ("w", "v", "k"), ("b", "q", "b"), ("b", "v", "b"))]  # fmt: skip
    assert [text for _, text in map_paragraphs(lines)][1:] == [
        "a -> params/q", "w -> k: same: x", "b -> b: same: x", "a -> params/v", "w -> k: same: x", "b -> b: same: x",
    ]  # fmt: skip
