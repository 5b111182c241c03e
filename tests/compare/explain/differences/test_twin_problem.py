"""The problem that optimizers walk down."""

import numpy as np

from compare.explain.differences.twin_problem import SHAPES, START, loss_and_gradient, vector


def test_the_gradient_is_the_loss_s():
    """By central differences, along one direction in all parameters at once."""
    rng = np.random.default_rng(1)
    along = {name: rng.standard_normal(shape) for name, shape in SHAPES.items()}
    step = 1e-5
    losses = [loss_and_gradient({n: START[n] + sign * step * along[n] for n in SHAPES})[0] for sign in (1, -1)]
    slope = vector(loss_and_gradient(START)[1]) @ vector(along)
    assert abs((losses[0] - losses[1]) / (2 * step) - slope) < 1e-7
