"""Tape and residuals: what is listed is what is kept, and every byte is counted once."""

import jax
import pytest
import torch

from compare.measure.contrast.contrast import contrast
from compare.pair.pairs import find
from compare.pair.prepare import prepare
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
    names = [node.name for node in made.tape]
    assert names[0] == "NllLossBackward0"
    leaves = {name.split()[1] for name in names if name.startswith("AccumulateGrad ")}
    assert leaves == {"net.1.weight", "net.1.bias", "net.3.weight", "net.3.bias"}


def test_the_tape_lists_what_autograd_packs(made, cpu):
    """The same arrays that ``saved_tensors_hooks`` sees saved, by shape and type, no more and no fewer."""
    pair = find("mlp")
    side, entering = ReferenceSide(prepare(pair), FLOAT32, cpu.torch), prepare(pair).enter(0, 1).at(FLOAT32)
    module, (inputs, targets) = side.load(entering), side.batch(entering.batches[0])
    packed = []

    def pack(tensor):
        packed.append((tuple(tensor.shape), str(tensor.dtype).removeprefix("torch."), tensor.nbytes))
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        pair.loss[0](module(*inputs.values()), *targets.values())
    listed = [(kept.shape, kept.dtype, kept.bytes) for node in made.tape for kept in node.saved]
    assert sorted(listed) == sorted(packed)


def test_what_lives_anyway_is_not_counted(made):
    """The activation is kept twice on the tape and costs once; weights, images and labels cost nothing more."""
    kept = [one for node in made.tape for one in node.saved]
    assert {one.same_as for one in kept if one.same_as} == {"images", "labels", "net.3.weight"}
    assert sum(one.shape == (64, 128) for one in kept) == 2
    assert made.tape_bytes == 64 * 128 * 4 + 64 * 10 * 4 + 4
    known = {one.same_as or one.copy_of for one in made.residuals if one.same_as or one.copy_of}
    assert known == {"images", "labels", "Dense_1/kernel"}
    assert made.residual_bytes == sum(one.bytes for one in made.residuals if not one.same_as and not one.shared)


def test_the_residuals_are_those_of_vjp(made, cpu):
    """As many arrays, of the same bytes, as ``jax.vjp`` returns in its pull-back."""
    from compare.sides.port import PortSide

    ready = prepare(find("mlp"))
    side, entering = PortSide(ready, FLOAT32, cpu.jax), ready.enter(0, 1).at(FLOAT32)
    leaves, inputs, targets = side.arrays(entering)
    params, rest = side.tree(leaves)
    loss_of = side.loss_of(inputs, targets, entering.batches[0])
    _, pull_back = jax.vjp(lambda params: loss_of(params, rest)[0], params)
    assert sorted(one.bytes for one in made.residuals) == sorted(leaf.nbytes for leaf in jax.tree.leaves(pull_back))


def test_the_programs_hold_their_products(made):
    """Two products forward; backward three: the images want no gradient here."""
    assert sum(line.startswith("dot_general") for line in made.forward) == 2
    assert sum(line.startswith("dot_general") for line in made.backward) == 3


def test_a_transposed_weight_is_known_again(cpu):
    """On loose tensors the residual is W2 transposed: no memory of its own."""
    made = contrast(find("loose"), cpu)
    assert "W2" in {one.same_as or one.copy_of for one in made.residuals}


def test_memory_is_known_by_its_address_not_by_its_values(cpu):
    """A residual that is an argument itself costs nothing; a copy with the same numbers costs its bytes."""
    made = contrast(find("loose"), cpu)
    x = next(one for one in made.residuals if one.shape == (16, 20))
    assert (x.same_as, x.own_bytes) == ("x", 0)
    w2 = next(one for one in made.residuals if one.shape == (32, 4))
    assert (w2.copy_of, w2.own_bytes) == ("W2", 32 * 4 * 4)


def test_lists_and_custom_functions_are_on_the_tape_too():
    """An index saves a list of tensors, and a torch.autograd.Function what it chose to save."""
    from compare.measure.contrast.contrast import _saved, _walk

    class Sine(torch.autograd.Function):
        @staticmethod
        def forward(ctx, a):
            ctx.save_for_backward(a.cos())
            return a.sin()

        @staticmethod
        def backward(ctx, g):
            return g * ctx.saved_tensors[0]

    x = torch.randn(5, requires_grad=True)
    loss = Sine.apply(x[torch.tensor([0, 3, 3])]).sum()
    saved = [kept for node in _walk(loss.grad_fn) for kept in _saved(node, {}, set())]
    assert sorted((kept.shape, kept.dtype) for kept in saved) == [((3,), "float32"), ((3,), "int64")]
