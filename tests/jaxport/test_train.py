"""The port's training step and evaluation."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxport.losses import cross_entropy
from jaxport.mlp import MLP
from jaxport.optimizers import sgd
from jaxport.train import evaluate, fit, main, train_step

PIXELS = np.sin(np.linspace(-1, 1, 5 * 12)).reshape(5, 1, 3, 4)
LABELS = np.array([0, 2, 1, 1, 0], np.int32)
MODEL, OPTIMIZER = MLP(hidden=6, n_classes=3), sgd()


def _start() -> tuple[Any, Any, jax.Array, jax.Array]:
    """Parameters, optimizer state, images and labels, at the default precision of the context."""
    params = MODEL.init(jax.random.key(0), jnp.zeros((1, 1, 3, 4), jnp.float32))["params"]
    params = jax.tree.map(lambda leaf: jnp.array(leaf, jnp.array(0.0).dtype), params)
    return params, OPTIMIZER.init(params), jnp.array(PIXELS, jnp.array(0.0).dtype), jnp.array(LABELS)


def _loss(params: Any, images: jax.Array, labels: jax.Array) -> jax.Array:
    return cross_entropy(MODEL.apply({"params": params}, images), labels)


def _assert_close(left: Any, right: Any) -> None:
    for one, other in zip(jax.tree.leaves(left), jax.tree.leaves(right), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-13, atol=1e-15)


def test_two_steps_are_what_the_gradients_say() -> None:
    """v = 0.9 v + g, w = w - 0.1 v, each step's gradient taken at that step's weights, without ``jit``."""
    with jax.enable_x64(True):
        params, state, images, labels = _start()
        velocity = jax.tree.map(jnp.zeros_like, params)
        for _ in range(2):
            grads = jax.grad(_loss)(params, images, labels)
            velocity = jax.tree.map(lambda v, g: 0.9 * v + g, velocity, grads)
            wanted = jax.tree.map(lambda w, v: w - 0.1 * v, params, velocity)
            params, state, _ = train_step(MODEL, OPTIMIZER, params, state, images, labels)
            _assert_close(params, wanted)


def test_the_step_is_pure() -> None:
    """Nothing that enters is changed or given away: parameters, optimizer state and batch."""
    entering = _start()
    before = [np.array(leaf) for leaf in jax.tree.leaves(entering)]
    train_step(MODEL, OPTIMIZER, *entering)
    for leaf, values in zip(jax.tree.leaves(entering), before, strict=True):
        np.testing.assert_array_equal(leaf, values)


def test_the_same_arguments_give_the_same_bits() -> None:
    """No state is kept between two calls."""
    first, second = (jax.tree.leaves(train_step(MODEL, OPTIMIZER, *_start())) for _ in range(2))
    assert all((one == other).all() for one, other in zip(first, second, strict=True))


def test_every_parameter_moves() -> None:
    """The new parameters have the old structure and other values."""
    params, *rest = _start()
    after, _, _ = train_step(MODEL, OPTIMIZER, params, *rest)
    moved = jax.tree.map(lambda old, new: bool((old != new).any()), params, after)
    assert moved == {"Dense_0": {"kernel": True, "bias": True}, "Dense_1": {"kernel": True, "bias": True}}


def test_the_loss_is_from_before_the_step() -> None:
    """At the parameters that came in."""
    with jax.enable_x64(True):
        params, state, images, labels = _start()
        _, _, loss = train_step(MODEL, OPTIMIZER, params, state, images, labels)
        np.testing.assert_allclose(loss, _loss(params, images, labels), rtol=1e-13)


def test_equal_shapes_compile_once() -> None:
    """Twenty steps along the losses downhill, one program."""
    traced = []

    def noting(params: Any, state: Any, images: jax.Array, labels: jax.Array) -> Any:
        traced.append(images.shape)
        return train_step(MODEL, OPTIMIZER, params, state, images, labels)

    step = jax.jit(noting)
    params, state, images, labels = _start()
    losses = []
    for _ in range(20):
        params, state, loss = step(params, state, images, labels)
        losses.append(float(loss))
    assert traced == [images.shape]
    assert losses[-1] < 0.8 * losses[0]


def test_fit_takes_every_row_once_an_epoch() -> None:
    """Three epochs of two batches and a rest: each mean loss, which falls, and new parameters."""
    params, _, images, labels = _start()
    epochs = list(fit(MODEL, OPTIMIZER, params, images, labels, jax.random.key(0), epochs=3, batch=2))
    losses = [float(loss) for _, loss in epochs]
    assert len(losses) == 3
    assert losses[-1] < losses[0]
    assert not any(
        (one == other).all() for one, other in zip(*map(jax.tree.leaves, (params, epochs[-1][0])), strict=True)
    )


@pytest.mark.parametrize(("labels", "share"), [([0, 1, 2, 0], 1.0), ([0, 1, 2, 1], 0.75), ([1, 2, 0, 1], 0.0)])
def test_accuracy_is_the_share_of_largest_logits(labels: list[int], share: float) -> None:
    """On parameters that hand the pixels through as logits, the share is known."""
    pixels = jnp.array([[3.0, 1, 2], [5, 9, 8], [0, 0, 1], [9, 8, 7]]).reshape(4, 1, 1, 3)
    through = {"kernel": jnp.eye(3), "bias": jnp.zeros(3)}
    params = {"Dense_0": through, "Dense_1": through}
    assert float(evaluate(MLP(hidden=3, n_classes=3), params, pixels, jnp.array(labels))) == share


@pytest.mark.parametrize("x64", [False, True])
def test_evaluation_promotes_nothing_implicitly(x64: bool) -> None:
    """Under x64 an argmax is int64, labels stay int32: comparing them needs a cast where promotion is strict."""
    with jax.enable_x64(x64), jax.numpy_dtype_promotion("strict"):
        params, _, images, labels = _start()
        best = np.asarray(MODEL.apply({"params": params}, images)).argmax(axis=1)
        assert float(evaluate(MODEL, params, images, labels)) == pytest.approx(np.mean(best == LABELS))


@pytest.mark.parametrize("shape", [(5, 12), (5, 3, 4), (4, 1, 3, 4)])
def test_shapes_are_enforced(shape: tuple[int, ...]) -> None:
    """Flattened images, images without a channel, and a row without a label raise, in both functions."""
    pytest.importorskip("beartype")
    from jaxtyping import TypeCheckError

    params, state, _, labels = _start()
    with pytest.raises(TypeCheckError):
        train_step(MODEL, OPTIMIZER, params, state, jnp.zeros(shape), labels)
    with pytest.raises(TypeCheckError):
        evaluate(MODEL, params, jnp.zeros(shape), labels)


def test_it_runs_alone(capsys: pytest.CaptureFixture[str]) -> None:
    """`python -m jaxport.train`: after three epochs most digits are right."""
    main()
    assert float(capsys.readouterr().out.splitlines()[-1].split()[4].rstrip("%")) > 85
