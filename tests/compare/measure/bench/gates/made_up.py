"""Observations by hand, for gates that are functions of them."""

import numpy as np

from compare.arrays.batch import Batch
from compare.frameworks.steps.step_operation import Operation
from compare.measure.bench.gates.observation import Observed
from compare.pair.pair import Entering

RNG = np.random.default_rng(0)


def entering(**changed):
    """Two distinct batches and one weight."""
    batches = tuple(Batch({"x": RNG.standard_normal((4, 3))}, {"y": RNG.integers(0, 3, 4)}) for _ in range(2))
    given = {"weights": {"w": RNG.standard_normal((3, 3))}, "batches": batches, "cotangent": 1.0, "hyper": {}}
    return Entering(**{**given, **changed})


def observed(name="row", side="torch", **known):
    return Observed(name, side, **{"entering": entering(), **known})


def product(multiply_adds=100, **known):
    return Operation("mm", **{"dtypes": frozenset({"float32"}), "multiply_adds": multiply_adds, "size": 64, **known})
