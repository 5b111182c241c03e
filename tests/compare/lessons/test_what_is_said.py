"""What the lessons say in words, and their own code does not show: run."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import torch
from functorch.compile import aot_function, make_boxed_func
from torch import nn
from torch.utils.checkpoint import checkpoint

USERS_MODELS = True


def test_eval_records_the_tape_as_before():
    """no_grad: evaluation wants both switches."""
    model = nn.Linear(2, 1).eval()
    assert model(torch.ones(1, 2)).grad_fn is not None


def test_a_layer_more_changes_what_later_layers_start_from():
    """randomness: each draw moves the one state on."""

    def last(*sizes: int) -> torch.Tensor:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            *_, layer = [nn.Linear(size, size) for size in sizes]
        return layer.weight

    assert torch.equal(last(4, 2), last(4, 2))
    assert not torch.equal(last(4, 2), last(4, 3, 2))


def test_a_boolean_mask_keeps_in_one_call_and_hides_in_a_module():
    """attention: True is visible to scaled_dot_product_attention, and hidden from nn.MultiheadAttention."""
    q = torch.eye(2)[None, None]
    first = torch.tensor([[True, False], [True, False]])
    attended = nn.functional.scaled_dot_product_attention(q, q, q, attn_mask=first)
    torch.testing.assert_close(attended[0, 0], torch.tensor([[1.0, 0.0], [1.0, 0.0]]))
    module = nn.MultiheadAttention(2, 1, batch_first=True)
    _, weights = module(q[0], q[0], q[0], attn_mask=first)
    torch.testing.assert_close(weights[0], torch.tensor([[0.0, 1.0], [0.0, 1.0]]))


def test_a_branch_that_is_not_kept_still_has_its_gradient():
    """branches: where differentiates both, and an infinity in the other one becomes NaN."""
    x = torch.zeros(1, requires_grad=True)
    torch.where(x > 0, x.log(), x).sum().backward()
    assert x.grad.isnan().all()
    assert jnp.isnan(jax.grad(lambda x: jnp.where(x > 0, jnp.log(x), x).sum())(jnp.zeros(1))).all()


def test_a_forgotten_mean_raises_where_it_is_differentiated():
    """raw_logits: optax returns one loss for each example."""
    logits, labels = jnp.zeros((2, 3)), jnp.array([0, 1])
    losses = optax.softmax_cross_entropy_with_integer_labels
    assert losses(logits, labels).shape == (2,)
    with pytest.raises(TypeError, match="scalar-output"):
        jax.grad(losses)(logits, labels)


def test_without_create_graph_a_penalty_raises_or_adds_nothing():
    """second_derivatives: the gradient is a number without a past."""
    w = torch.ones(2, requires_grad=True)
    (gradient,) = torch.autograd.grad((w**3).sum(), w)
    with pytest.raises(RuntimeError, match="does not require grad"):
        gradient.square().sum().backward()
    (w.sum() + gradient.square().sum()).backward()
    assert w.grad.tolist() == [1.0, 1.0]


def test_a_kept_gradient_is_one_tensor():
    """accumulation: without clone() every entry of the list is the last sum."""
    w, kept = torch.ones(2, requires_grad=True), []
    for _ in range(3):
        w.sum().backward()
        kept.append(w.grad)
    assert [one.tolist() for one in kept] == [[3.0, 3.0]] * 3


def test_padding_without_a_mask_is_averaged_in():
    """recompilation: the mean runs over what is filled up, too."""
    padded, within = jnp.array([2.0, 4.0, 0.0, 0.0]), jnp.arange(4) < 2
    assert (padded.mean(), padded.mean(where=within)) == (1.5, 3.0)


def test_clipping_the_mean_bounds_nobodys_influence():
    """per_sample: one example of a hundred times the size decides the mean's direction; clipped first, it does not."""
    grads = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 300.0]])
    mean = grads.mean(axis=0)
    assert abs(mean[0] / np.linalg.norm(mean)) < 0.01
    clipped = (grads / np.maximum(np.linalg.norm(grads, axis=1, keepdims=True), 1)).mean(axis=0)
    assert clipped[0] > clipped[1]


def test_a_renamed_layer_finds_no_weights():
    """module: a checkpoint is read by names, and a renamed layer has none."""

    class Renamed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.out = nn.Linear(2, 1)

    with pytest.raises(RuntimeError, match="Missing key"):
        Renamed().load_state_dict(nn.Sequential(nn.Linear(2, 1)).state_dict())


def test_a_checkpointed_block_has_its_tape_and_none_of_its_arrays():
    """checkpointing: the block is recorded at its first call already, and is called again for what was not saved."""
    recorded = []

    def block(x: torch.Tensor) -> torch.Tensor:
        y = x.sin()
        recorded.append(y.grad_fn is not None)
        return y.exp()  # whose result is saved: the second call ends once it is there

    checkpoint(block, torch.ones(2, requires_grad=True), use_reentrant=False).sum().backward()
    assert recorded == [True, True]


def test_a_compiled_loss_brings_its_backward_pass():
    """compile: what is given to the compiler is the loss alone."""
    compiled = []

    def keep(name: str) -> Callable:
        return lambda graph, _: (compiled.append(name), make_boxed_func(graph.forward))[1]

    w = torch.ones(2, requires_grad=True)
    aot_function(lambda w: (w**3).sum(), fw_compiler=keep("forward"), bw_compiler=keep("backward"))(w).backward()
    assert compiled == ["forward", "backward"]
    assert w.grad.tolist() == [3.0, 3.0]


def test_cond_computes_the_outcome_that_is_taken_alone():
    """loss_scaling: a step under jit can be left out, not only overruled."""
    taken = []

    def step(w: jax.Array) -> jax.Array:
        jax.debug.callback(lambda: taken.append("step"))
        return w - 1

    stepped = jax.jit(lambda finite, w: jax.lax.cond(finite, step, lambda w: w, w))
    for finite in (False, True):
        stepped(finite, jnp.ones(2)).block_until_ready()
    jax.effects_barrier()
    assert taken == ["step"]
