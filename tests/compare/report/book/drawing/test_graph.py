"""Nodes and arrows."""

import pytest

from compare.report.book.drawing import graph

from .svg import elements, numbers, points, texts

NODES = [
    graph.Node(name="a", text="loss", at=(0, 0)),
    graph.Node(name="b", text="add", note="a formula", at=(0, 1), shape="round", strong=True),
    graph.Node(name="c", text="W.grad", at=(1, 1), shape="dashed"),
]


def drawn(edges, **more):
    return graph.draw(
        graph.Graph(kind="graph", title="The tape", side="torch", columns=2, nodes=NODES, edges=edges, **more)
    )


def test_an_arrow_goes_from_border_to_border():
    """Down between rows, sidewise within one: it ends where the next node begins."""
    svg = drawn([graph.Edge(begin="a", end="b"), graph.Edge(begin="b", end="c")])
    (x_a, y_a, wide_a, high_a), (x_b, y_b, wide_b, high_b), (x_c, *_) = (
        numbers(one, "x", "y", "width", "height") for one in elements(svg, "rect", "node")
    )
    down, aside = (points(one)[0] for one in elements(svg, "polygon", "tip"))  # a tip's first corner is its end
    starts = [points(one)[0] for one in elements(svg, "polyline", "edge")]
    assert starts[0] == pytest.approx((x_a + wide_a / 2, y_a + high_a), abs=0.2)
    assert down == pytest.approx((x_b + wide_b / 2, y_b), abs=0.2)
    assert starts[1] == pytest.approx((x_b + wide_b, y_b + high_b / 2), abs=0.2)
    assert aside == pytest.approx((x_c, y_b + high_b / 2), abs=0.2)


def test_across_arrows_leave_sidewise():
    """Also between rows."""
    svg = drawn([graph.Edge(begin="a", end="c")], across=True)
    x, y, width, height = numbers(elements(svg, "rect", "node")[0], "x", "y", "width", "height")
    assert points(elements(svg, "polyline", "edge")[0])[0] == pytest.approx((x + width, y + height / 2), abs=0.2)


def test_across_a_column_s_nodes_are_of_one_width():
    """So that no arrow crosses one on its way to another; else each is as wide as its text."""
    narrow = [graph.Node(name="d", text="x", at=(1, 0)), graph.Node(name="e", text="a long text", at=(1, 2))]
    for across, one_width in ((True, True), (False, False)):
        made = graph.Graph(
            kind="graph", title="T", side="torch", columns=2, nodes=[*NODES, *narrow], edges=[], across=across
        )
        boxes = [numbers(one, "x", "width") for one in elements(graph.draw(made), "rect", "node")]
        assert (len({wide for x, wide in boxes if x > 150}) == 1) == one_width


def test_an_arrow_may_leave_sidewise_by_itself():
    """In a graph whose others go down."""
    svg = drawn([graph.Edge(begin="a", end="c", aside=True)])
    x, y, width, height = numbers(elements(svg, "rect", "node")[0], "x", "y", "width", "height")
    assert points(elements(svg, "polyline", "edge")[0])[0] == pytest.approx((x + width, y + height / 2), abs=0.2)


def test_a_cut_is_crossed_out_and_words_are_there():
    """Texts, notes, and the text of an edge; a listener hears the arrows."""
    svg = drawn([graph.Edge(begin="a", end="b", cut=True, text="the cut", dashed=True)])
    assert texts(svg) == ["the cut", "loss", "add", "a formula", "W.grad"]
    assert len(elements(svg, "polyline", "line")) == 2
    assert "Arrows: loss to add" in svg


def test_nodes_stay_on_the_canvas():
    """However far out they are put."""
    node = graph.Node(name="a", text="a rather long text", at=(1.2, 0))
    svg = graph.draw(graph.Graph(kind="graph", title="t", side="jax", columns=2, nodes=[node], edges=[]))
    x, width = numbers(elements(svg, "rect", "node")[0], "x", "width")
    assert x + width <= graph.WIDTH


def test_an_arrow_needs_both_ends():
    """By name."""
    with pytest.raises(KeyError, match="nobody"):
        drawn([graph.Edge(begin="a", end="nobody")])
