"""What a batch norm saw, and what could have been kept of it."""

import numpy as np
import pytest
import torch

from compare.explain.doctor.statistics.batches import OTHER_AXIS, PLAIN, UNBIASED, Layer, layers_of, port_momentum
from compare.pair.prepare import prepare
from compare.sides.quartet import Quartet
from compare.verdict.precision import FLOAT32
from tests.compare.small import dense_pair, norm_pair

USERS_MODELS = True
NAMES = ("1.running_mean", "1.running_var")


def test_a_layer_keeps_what_torch_keeps(cpu):
    """Its own momentum and the unbiased variance give the reference's statistics."""
    quartet = Quartet(prepare(norm_pair()), FLOAT32, cpu, cpu)
    entering = quartet.prepared.enter(0, 1).at(FLOAT32)
    (layer,) = layers_of(quartet, entering, True)
    assert (layer.path, layer.weight, layer.cumulative, layer.calls, layer.names) == ("1", 0.1, False, 1, NAMES)
    own = quartet.oracle_reference(entering, True)
    for name, array in layer.after(0.1, UNBIASED).items():
        np.testing.assert_allclose(array, own[f"state/{name}"], rtol=1e-14)
    assert layers_of(quartet, entering, False) == []


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (PLAIN, 4.0),
        (UNBIASED, 8.0),
        ("the batch's mean square", 13.0),
        ("the batch's standard deviation by N", 2.0),
        (OTHER_AXIS, 2.0),
    ],
)
def test_the_kinds_of_variance(kind, expected):
    """Of a batch with mean 3, variance 4 and two values; across, mean 5 and variance 1."""
    one, two = (np.array([3.0]), np.array([4.0]), 2.0), (np.array([5.0]), np.array([1.0]), 2.0)
    layer = Layer("n", 0.5, False, {"n.running_mean": np.zeros(1), "n.running_var": np.ones(1)}, [one], [two])
    made = layer.after(1.0, kind)
    assert made["n.running_var"] == [expected]
    assert made["n.running_mean"] == [5.0 if kind == OTHER_AXIS else 3.0]
    assert layer.after(0.0, kind)["n.running_var"] == [1.0]
    twice = Layer("n", 0.5, False, layer.before, [one, one], [None, None])
    assert twice.after(0.5, PLAIN)["n.running_mean"] == [2.25]


def test_the_ports_momentum_is_read_at_the_statistics_own_layer():
    """Flax's number; none where no layer is known by that path."""
    assert port_momentum(prepare(norm_pair(0.97)), NAMES) == 0.97
    assert port_momentum(prepare(dense_pair()), NAMES) is None


def test_a_cumulative_average_weighs_by_the_number_of_batches(cpu):
    """torch's momentum=None: 1 over one more than it has seen."""
    module = torch.nn.Sequential(torch.nn.Linear(4, 5), torch.nn.BatchNorm1d(5, momentum=None))
    module[1].num_batches_tracked.fill_(3)
    pair = norm_pair()
    quartet = Quartet(prepare(type(pair)(**{**vars(pair), "reference": module})), FLOAT32, cpu, cpu)
    (layer,) = layers_of(quartet, quartet.prepared.enter(0, 1).at(FLOAT32), True)
    assert (layer.weight, layer.cumulative) == (0.25, True)
