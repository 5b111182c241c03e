"""Tape and function taken apart: what is listed is what is recorded and kept, and every byte is counted once."""

from collections import Counter

import jax
import pytest
import torch

from compare.measure.contrast.contrast import contrast
from compare.pair.pairs import find
from compare.pair.prepare import prepare
from compare.sides.port import PortSide
from compare.sides.reference import ReferenceSide
from compare.verdict.precision import FLOAT32


@pytest.fixture(scope="module")
def made(cpu):
    """The MLP on real images, taken apart."""
    return contrast(find("mlp"), cpu)


def test_both_sides_computed_the_same_loss(made):
    """What is contrasted is one function on one batch."""
    assert made.loss_reference == pytest.approx(made.loss_port, rel=1e-6)


def test_the_tape_runs_from_the_loss_to_every_leaf(made):
    """The first node is the loss's, and each parameter has the node that fills its .grad."""
    assert made.tape[0].name == "NllLossBackward0"
    leaves = {node.leaf for node in made.tape if node.name == "AccumulateGrad"}
    assert leaves == {"net.1.weight", "net.1.bias", "net.3.weight", "net.3.bias"}


def test_the_tape_lists_what_autograd_packs(made, cpu):
    """The same arrays that ``saved_tensors_hooks`` sees saved, by shape and type, no more and no fewer."""
    pair = find("mlp")
    side, entering = ReferenceSide(prepare(pair), FLOAT32, cpu.torch), prepare(pair).enter(0, 1).at(FLOAT32)
    module, (inputs, targets) = side.load(entering), side.batch(entering.batches[0])
    packed = []

    def pack(tensor):
        packed.append((tuple(tensor.shape), str(tensor.dtype).removeprefix("torch.")))
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        pair.loss[0](module(*inputs.values()), *targets.values())
    listed = [(kept.shape, kept.dtype) for node in made.tape for kept in node.saved]
    assert sorted(listed) == sorted(packed)


def test_what_lives_anyway_is_not_counted(made):
    """The activation is kept twice on the tape and costs once; weights, images and labels cost nothing more."""
    kept = [one for node in made.tape for one in node.saved]
    assert {one.same_as for one in kept if one.same_as} == {"images", "labels", "net.3.weight"}
    twice = [one for one in kept if one.shape == (64, 128)]
    assert [made.tape[one.earlier].path for one in twice if one.earlier is not None] == ["net.3"]
    assert [one.by for one in twice if one.earlier is None] == ["net.2"]
    assert made.tape_bytes == 64 * 128 * 4 + 64 * 10 * 4 + 4


def test_a_copy_of_the_batch_is_no_residual_of_its_own(made):
    """The reshaped images and labels hold nothing that the batch does not: they are counted apart, and so is a kernel,
    of which a run op by op makes another array."""
    copies = {one.copy_of: one.bytes for one in made.residuals if one.copy_of}
    assert copies == {"images": 64 * 784 * 4, "labels": 64 * 4, "Dense_1/kernel": 128 * 10 * 4}
    assert made.copied_bytes == sum(copies.values())
    assert made.residual_bytes == sum(one.own_bytes for one in made.residuals) - made.copied_bytes


def test_the_residuals_are_those_of_vjp(made, cpu):
    """As many arrays, of the same bytes, as ``jax.vjp`` run op by op returns in its pull-back, and the same memory."""
    ready = prepare(find("mlp"))
    side, entering = PortSide(ready, FLOAT32, cpu.jax), ready.enter(0, 1).at(FLOAT32)
    leaves, inputs, targets = side.arrays(entering)
    params, rest = side.tree(leaves)
    loss_of = side.loss_of(inputs, targets, entering.batches[0])
    _, pull_back = jax.vjp(lambda params: loss_of(params, rest)[0], params)
    arrays = jax.tree.leaves(pull_back)
    assert sorted(one.bytes for one in made.residuals) == sorted(leaf.nbytes for leaf in arrays)
    entered = {leaf.unsafe_buffer_pointer() for leaf in jax.tree.leaves((params, inputs, targets))}
    own = {leaf.unsafe_buffer_pointer(): leaf.nbytes for leaf in arrays}
    own = {memory: size for memory, size in own.items() if memory not in entered}
    assert sum(own.values()) == made.residual_bytes + made.copied_bytes


def test_each_layer_faces_its_own_equations(made):
    """A product with its bias is one node of the tape: the product and the sum forward, and two or three backward."""

    def names(numbers):
        return Counter(made.equations[number].name for number in numbers)

    first, second = (
        next(node for node in made.tape if node.path == path and node.saved) for path in ("net.1", "net.3")
    )
    assert names(first.loss) == names(second.loss) == {"dot_general": 1, "add": 1}
    assert names(first.gradient) == {"dot_general": 1, "reduce_sum": 1}
    assert names(second.gradient) == {"dot_general": 2, "reduce_sum": 1}
    assert {made.equations[number].path.split("/")[-1] for number in second.loss} == {"Dense_1"}


def test_everything_that_computes_faces_something(made):
    """Of either side; what only moves numbers, or what nobody needs, is told by its reason."""
    assert all(node.why != "fused" for node in made.tape)
    assert all(one.why != "fused" for one in made.equations)
    assert {node.why for node in made.tape} == {"", "leaf", "layout"}
    assert {one.why for one in made.equations} == {"", "layout", "constant", "unused"}


def test_memory_is_known_as_one_not_by_its_values(cpu):
    """A residual that is an argument itself costs nothing; a copy with the same numbers costs its bytes."""
    made = contrast(find("loose"), cpu)
    x = next(one for one in made.residuals if one.shape == (16, 20))
    assert (x.same_as, x.own_bytes) == ("x", 0)
    w2 = next(one for one in made.residuals if one.shape == (32, 4))
    assert (w2.copy_of, w2.own_bytes) == ("W2", 32 * 4 * 4)
