"""The tree of layers: what each one's own code does on the way there and back."""

import pytest

from compare.explain.locate.difference import AGREES, INTRODUCED, PROPAGATED, UNSEEN
from compare.explain.locate.layer_tree import tree
from tests.compare.explain.locate.models import looked


def branches(name):
    """By the reference's path."""
    made = looked(name)
    return {one.reference: one for one in tree(made.cutter.quartet.prepared, made.sections, made.found)}


@pytest.fixture(scope="module")
def epsilon():
    """Another epsilon in the second of three norms."""
    return branches("the second block")


def test_every_layer_has_its_branch_in_the_references_order(epsilon):
    """With both paths and both classes."""
    inside = [f"blocks.{number}{inner}" for number in range(3) for inner in ("", ".norm", ".fc")]
    assert list(epsilon) == ["", *inside, "head"]
    assert (epsilon["blocks.1.norm"].port, epsilon["blocks.1.norm"].kind) == ("block_1/norm", "LayerNorm, LayerNorm")
    assert epsilon[""].kind == "Blocks, LinenBlocks"


def test_a_difference_is_introduced_once_and_propagated_after(epsilon):
    """Forward to what comes after it, backward to what came before; before it the forward pass agrees."""
    forward = {path: one.forward for path, one in epsilon.items()}
    assert {path for path, word in forward.items() if word == INTRODUCED} == {"blocks.1.norm"}
    assert {path for path, word in forward.items() if word == AGREES} == {"blocks.0", "blocks.0.norm", "blocks.0.fc"}
    assert forward["head"] == forward["blocks.1"] == forward[""] == PROPAGATED
    assert epsilon["blocks.0.norm"].backward == PROPAGATED
    assert epsilon["blocks.0.fc"].gap_forward == 0 < epsilon["blocks.2.fc"].gap_forward < 1e-2


def test_a_gradient_alone_is_introduced_on_the_way_back():
    """From the second block towards the first; what is a list in NNX as well is never called."""
    made = branches("the second block's gradient")
    assert {one.forward for path, one in made.items() if path != "blocks"} == {AGREES}
    backward = {path: one.backward for path, one in made.items()}
    assert backward["blocks.1"] == INTRODUCED
    assert backward["blocks.0.fc"] == backward["blocks.1.norm"] == backward[""] == PROPAGATED
    assert backward["blocks.2"] == backward["head"] == AGREES
    assert (made["blocks"].forward, made["blocks"].backward) == (UNSEEN, UNSEEN)
