"""The figures of a contrast in sentences."""

import re
from dataclasses import replace

from compare.measure.contrast.bridge import BridgeRow
from compare.measure.contrast.capability import Capability, Cell
from compare.measure.contrast.contrast import Contrast, EquationRow, NodeRow
from compare.measure.contrast.in_words import in_words
from compare.measure.contrast.kept_arrays import Kept

HIDDEN = Kept("result", (64, 128), "float32", 32768, by="net.2", place="mlp.py:22", both=True)
MASK = Kept("gt", (64, 128), "bool", 8192, place="mlp.py:23")
IMAGES = Kept("reshape", (64, 784), "float32", 200704, copy_of="images")
TAPE = (
    NodeRow("ReluBackward0", "", "net.2", "mlp.py:22", (HIDDEN,), (0, 1), (2,), ""),
    NodeRow("TBackward0", "", "net.1", "mlp.py:22", (), (), (), "layout"),
    NodeRow("AccumulateGrad", "net.1.bias", "", "", (), (), (), "leaf"),
)
EQUATIONS = (
    EquationRow("max", "f32", "", "", "loss", 1, (0,), ""),
    EquationRow("add", "f32", "", "", "loss", 8, (0,), ""),
    EquationRow("select_n", "f32", "", "", "gradient", 1, (0,), ""),
    EquationRow("sort", "f32", "", "", "gradient", 1, (), "fused"),
    EquationRow("eq", "f32", "", "", "gradient", 1, (), "unused"),
)
MADE = Contrast("mlp", "by hand", "cpu", 1.0, 1.0, TAPE, EQUATIONS, (MASK, IMAGES), ())


def said(made):
    """All of it, as one text."""
    return " ".join(in_words(made))


def test_it_says_what_was_counted():
    """Nodes by what they do, equations by what they are good for, loops, and the share that faces something."""
    text = said(MADE)
    assert "3 nodes, written while the forward pass ran: 1 computes, 1 only moves numbers, 1 adds to a .grad." in text
    assert (
        "2 equations for the loss and 3 more for its gradient; of all of them 1 is needed by no result, and a" in text
    )
    assert "1 of the equations is in the body of a loop, listed once and run up to 8 times." in text
    assert "Of the 4 other equations, 3 (75 %) face" in text
    assert "ReluBackward0 of net.2 faces 2 of the loss" in text


def test_copies_are_no_residuals():
    """They are counted apart, and why there are any is said."""
    text = said(MADE)
    assert "keeps 8.0 KiB, and 196.0 KiB that are copies of parameters or inputs" in text
    assert "copies" not in said(replace(MADE, residuals=(MASK,)))


def test_what_one_side_alone_keeps_is_named():
    """What both keep is not."""
    text = said(MADE)
    assert "The function alone keeps bool[64,128] (8.0 KiB) of gt at mlp.py:23." in text
    assert "The tape alone" not in text


def test_what_is_made_again_is_said():
    """And costs nothing."""
    again = replace(TAPE[0], saved=(replace(HIDDEN, again=True),))
    text = said(replace(MADE, tape=(again, *TAPE[1:])))
    assert "The tape keeps 0 bytes that live only because of it; 1 tensor of a checkpoint will be made again." in text


def test_a_layer_and_a_part_of_it_are_one_layer():
    """What a checkpoint would be put around is named once; neighbours of one beginning are two."""
    for path, around in (("net.2.out", "net.2"), ("net.21", "net.2 and net.21")):
        text = said(replace(MADE, tape=(replace(TAPE[0], path=path), *TAPE[1:])))
        assert f"a torch.utils.checkpoint around {around} would" in text


def test_every_number_is_of_this_pair():
    """Twice the arrays, other sentences: nothing is written down beforehand."""
    larger = replace(MADE, residuals=(replace(MASK, bytes=16384),))
    assert re.findall(r"\(16\.0 KiB\)", said(larger))
    assert "8.0 KiB" not in said(larger)


def test_what_lives_anyway_counts_once():
    """However many nodes point at it, under one name or under two."""
    images = Kept("mat1", (64, 784), "float32", 200704, same_as="images")
    twice = replace(TAPE[0], saved=(images, replace(images, name="self")))
    text = said(replace(MADE, tape=(twice, replace(twice, name="AddmmBackward0"))))
    assert "points at 196.0 KiB of parameters and inputs" in text


def test_the_bridge_is_the_same_program():
    """What of it computes faces nodes; where there is none, why."""
    rows = (
        BridgeRow("addmm", "[64,10]", "loss", (0,), ""),
        BridgeRow("mm", "[64,10]", "gradient", (), "fused"),
        BridgeRow("t", "[64,10]", "gradient", (), "layout"),
    )
    text = said(replace(MADE, bridge=rows))
    assert "1 operation for the loss and 2 more for its gradient; of those that compute 1 (50 %) makes numbers" in text
    assert "torch.func does not take the reference" in said(replace(MADE, bridge_message="RuntimeError: no"))
    assert "torch.func" not in said(MADE)


def test_what_one_cannot_do_with_this_pair():
    """Only of ways that were run on it."""
    works, raises = Cell("works", "", "", 1.0), Cell("raises", "no", "", 0.0)
    other = Cell("works with other code", "no", "", 1.0)
    ways = (
        Capability("jacobian", "Jacobian", True, works, raises, ""),
        Capability("forward_mode", "forward mode", True, other, works, "match"),
        Capability("by_integers", "by integers", False, raises, raises, ""),
    )
    text = said(replace(MADE, capabilities=ways))
    assert "With this pair JAX raises at: Jacobian." in text
    assert "With this pair PyTorch takes other code for: forward mode." in text
    assert "by integers" not in text


def test_nodes_of_one_group_are_said_together():
    """What several nodes make with several equations is not one node's; steps of a loop, each of its own, are no
    group."""
    nodes = (replace(TAPE[0], saved=()), replace(TAPE[0], name="ExpBackward0", path="", saved=()))
    together = replace(MADE, tape=nodes, groups=(((0, 1), (0, 1)),))
    assert "as a group: ReluBackward0 of net.2 and ExpBackward0 face 2 of the loss." in said(together)
    apart = replace(MADE, tape=nodes, groups=(((0,), (0, 1)), ((1,), (0, 1))))
    assert "One node can face several equations: ReluBackward0 of net.2 faces 2 of the loss." in said(apart)


def test_what_is_alike_is_said_once():
    """With how often it is kept; and why an equation faces nothing is said of each reason."""
    text = said(replace(MADE, residuals=(MASK, MASK, MASK)))
    assert "The function alone keeps 3 x bool[64,128] (8.0 KiB each) of gt at mlp.py:23." in text
    for why, words in (("repeated", "makes again what"), ("untaped", "from no parameter"), ("unasked", "not ask for")):
        assert words in said(replace(MADE, equations=(replace(EQUATIONS[0], why=why), *EQUATIONS[1:])))
