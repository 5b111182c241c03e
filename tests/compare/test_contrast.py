"""Tape and residuals: what is listed is what is kept, and every byte is counted once."""

import jax
import pytest
import torch

from compare.contrast import contrast
from compare.pair import enter
from compare.pairs import find
from compare.precision import FLOAT32
from compare.sides.reference import ReferenceSide


@pytest.fixture(scope="module")
def made(cpu):
    """The MLP on real images, taken apart."""
    return contrast(find("mlp"), cpu)


def test_both_sides_computed_the_same_loss(made):
    """What is contrasted is one function on one batch."""
    assert made.loss_reference == pytest.approx(made.loss_port, rel=1e-6)


def test_the_tape_runs_from_the_loss_to_every_leaf(made):
    """The first node is the loss's, and each parameter has the node that fills its .grad."""
    names = [node.name for node in made.tape]
    assert names[0] == "NllLossBackward0"
    leaves = {name.split()[1] for name in names if name.startswith("AccumulateGrad ")}
    assert leaves == {"net.1.weight", "net.1.bias", "net.3.weight", "net.3.bias"}


def test_the_tape_lists_what_autograd_packs(made, cpu):
    """The same arrays that ``saved_tensors_hooks`` sees saved, by shape and type, no more and no fewer."""
    pair = find("mlp")
    side = ReferenceSide(pair, FLOAT32, cpu.torch)
    module, inputs, targets = side.tensors(enter(pair, 0, 1).at(FLOAT32))
    packed = []

    def pack(tensor):
        packed.append((tuple(tensor.shape), str(tensor.dtype).removeprefix("torch."), tensor.nbytes))
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        pair.reference_loss(module(*inputs.values()), *targets.values())
    listed = [(kept.shape, kept.dtype, kept.bytes) for node in made.tape for kept in node.saved]
    assert sorted(listed) == sorted(packed)


def test_what_lives_anyway_is_not_counted(made):
    """The activation is kept twice on the tape and costs once; weights, images and labels cost nothing more."""
    kept = [one for node in made.tape for one in node.saved]
    assert {one.same_as for one in kept if one.same_as} == {"images", "labels", "net.3.weight"}
    assert sum(one.shape == (64, 128) for one in kept) == 2
    assert made.tape_bytes == 64 * 128 * 4 + 64 * 10 * 4 + 4
    assert {one.same_as for one in made.residuals if one.same_as} == {"images", "labels", "Dense_1/kernel"}
    assert made.residual_bytes == sum(one.bytes for one in made.residuals if not one.same_as)


def test_the_residuals_are_those_of_vjp(made, cpu):
    """As many arrays, of the same bytes, as ``jax.vjp`` returns in its pull-back."""
    from compare.sides.port import PortSide

    pair = find("mlp")
    side = PortSide(pair, FLOAT32, cpu.jax)
    params, inputs, targets = side.arrays(enter(pair, 0, 1).at(FLOAT32))
    _, pull_back = jax.vjp(side.loss_of(inputs, targets), params)
    assert sorted(one.bytes for one in made.residuals) == sorted(leaf.nbytes for leaf in jax.tree.leaves(pull_back))


def test_the_programs_hold_their_products(made):
    """Two products forward; backward three: the images want no gradient here."""
    assert sum(line.startswith("dot_general") for line in made.forward) == 2
    assert sum(line.startswith("dot_general") for line in made.backward) == 3


def test_a_transposed_weight_is_known_again(cpu):
    """On loose tensors the residual is W2 transposed: no memory of its own."""
    made = contrast(find("loose"), cpu)
    assert "W2" in {one.same_as for one in made.residuals}
