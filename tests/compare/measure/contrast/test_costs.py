"""What recording costs where a compiler decides: each figure against another way to it."""

import jax
import jax.numpy as jnp
import pytest
import torch
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from compare.measure.contrast.costs import costs, kept_by, saved_when_compiled, temporaries
from compare.measure.contrast.ways.given_torch import TorchGiven
from compare.pair.prepare import prepare
from compare.sides.reference_forward import ReferenceForward
from compare.verdict.precision import FLOAT32
from compare.weights.entry import linear
from compare.weights.weights import WeightMap
from tests.compare.measure.contrast.test_facing import Doubled, FlaxDoubled, FlaxForce, FlaxRegular, Force, Regular, of

USERS_MODELS = True
PAIR = of(Regular, FlaxRegular(), accept=("running_variance",))


@pytest.fixture(scope="module")
def made(cpu):
    """A small model."""
    return costs(PAIR, cpu)


def test_every_column_is_there(made, cpu):
    """The compiler of torch takes the model, and saves an activation at the least."""
    assert made.aot_message == ""
    assert made.aot >= 5 * 6 * 4
    assert made.at_loss >= 0
    assert made.temporaries > 0
    assert [one.what for one in made.checkpoints] == ["nothing", "all but products", "all of the loss"]
    assert made.checkpoints[0].temporaries == made.temporaries
    assert made.checkpoints[-1].tape == 0
    assert made.kernels > 5
    assert all(value > 0 for value in vars(made.seconds).values())


def test_the_cotangent_is_not_counted(cpu):
    """A layer without a loss keeps its input alone, which lives anyway."""
    prepared = prepare(of(Doubled, FlaxDoubled()))
    entering = prepared.enter(0, 1).at(FLOAT32)
    given = TorchGiven(ReferenceForward(prepared, FLOAT32, cpu.torch), entering, frozenset())
    with torch.enable_grad():
        assert saved_when_compiled(given) == (0, "")


def test_a_gradient_inside_the_loss_has_no_loss_without_a_tape(cpu):
    """What recording takes cannot be told then; all else is."""
    ways = WeightMap(linear("a", "a"), linear("b", "b"))
    square = (lambda force: (force**2).sum(), lambda force: jnp.sum(force**2))
    made = costs(of(Force, FlaxForce(), loss=square, weight_map=ways), cpu)
    assert made.seconds.plain is None
    assert made.seconds.recorded > 0
    assert made.temporaries > 0


def test_the_tape_is_what_hooks_see():
    """The same bytes as of all memories that ``saved_tensors_hooks`` sees packed, beside what lives anyway."""
    w, x = torch.randn(20, 30, requires_grad=True), torch.randn(50, 20)
    packed = {}

    def pack(tensor):
        packed[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor.detach()

    def loss():
        return F.gelu(torch.tanh(x @ w)).sum()

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda one: one):
        kept = loss()  # holds its tape, so that no memory is taken twice
    anyway = {one.untyped_storage().data_ptr() for one in (w, x)}
    assert kept_by(loss(), w, x) == sum(size for memory, size in packed.items() if memory not in anyway)
    assert kept.requires_grad


def test_a_checkpoint_keeps_what_enters_it():
    """Of a stack of layers one activation each, and none of what is inside."""
    weights = [torch.randn(20, 20, requires_grad=True) for _ in range(4)]

    def layer(x, w):
        return torch.tanh(torch.sin(x @ w)).exp()

    def loss(run):
        x = torch.randn(50, 20)
        for w in weights:
            x = run(x, w)
        return x.sum()

    one = 50 * 20 * 4
    inside = kept_by(loss(layer), weights)
    assert inside >= 3 * 4 * one
    again = kept_by(loss(lambda x, w: checkpoint(layer, x, w, use_reentrant=False)), weights)
    assert again == 4 * one


def test_what_a_program_needs_at_once():
    """Two arrays that are both wanted later: not fewer bytes than one of them."""
    function = jax.jit(lambda x: jnp.sum(jnp.sort(x) * jnp.flip(jnp.sort(jnp.sin(x)))))
    assert temporaries(function.lower(jnp.ones(1000)).compile()) >= 4000
