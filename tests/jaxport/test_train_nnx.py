"""The NNX way of training: objects that change, over the same arithmetic."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from jaxport import mlp, train
from jaxport.mlp_nnx import MLP
from jaxport.optimizers import sgd
from jaxport.train_nnx import evaluate, fit, main, train_step

PIXELS = np.sin(np.linspace(-1, 1, 5 * 12)).reshape(5, 1, 3, 4)
LABELS = jnp.array([0, 2, 1, 1, 0])


def _start() -> tuple[MLP, nnx.Optimizer]:
    model = MLP(in_dim=12, hidden=6, n_classes=3, rngs=nnx.Rngs(0))
    nnx.update(model, jax.tree.map(lambda leaf: leaf.astype(jnp.array(0.0).dtype), nnx.state(model)))
    return model, nnx.Optimizer(model, sgd(), wrt=nnx.Param)


def test_two_steps_are_those_of_linen() -> None:
    """Two steps from equal parameters: what the pure step returns is what stands in the model afterwards."""
    with jax.enable_x64(True):
        model, optimizer = _start()
        images = jnp.array(PIXELS)
        params = {
            name: {"kernel": layer.kernel[...], "bias": layer.bias[...]}
            for name, layer in (("Dense_0", model.hidden), ("Dense_1", model.out))
        }
        params = jax.tree.map(lambda leaf: jnp.array(leaf, jnp.float64), params)
        state = sgd().init(params)
        for _ in range(2):
            loss = train_step(model, optimizer, images, LABELS)
            params, state, wanted = train.train_step(
                mlp.MLP(hidden=6, n_classes=3), sgd(), params, state, images, LABELS
            )
            np.testing.assert_allclose(loss, wanted, rtol=1e-12)
        np.testing.assert_allclose(model.hidden.kernel[...], params["Dense_0"]["kernel"], rtol=1e-12)
        np.testing.assert_allclose(model.out.bias[...], params["Dense_1"]["bias"], rtol=1e-12)


def test_fit_changes_the_model() -> None:
    """Losses fall, and more of the images are right than at the start or as many."""
    model, optimizer = _start()
    images = jnp.array(PIXELS, jnp.float32)
    before = float(evaluate(model, images, LABELS))
    losses = [float(loss) for loss in fit(model, optimizer, images, LABELS, jax.random.key(0), epochs=8, batch=2)]
    assert losses[-1] < losses[0]
    assert float(evaluate(model, images, LABELS)) >= before


def test_it_runs_alone(capsys: pytest.CaptureFixture[str]) -> None:
    """`python -m jaxport.train_nnx`: after three epochs most digits are right."""
    main()
    assert float(capsys.readouterr().out.splitlines()[-1].split()[4].rstrip("%")) > 85
