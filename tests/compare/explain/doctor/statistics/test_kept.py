"""What a batch norm may keep, as a change of the reference: it does what the formula says, alone and together."""

import numpy as np
import pytest

from compare.explain.calls.change import Change
from compare.explain.doctor.statistics.batches import KINDS, PLAIN, UNBIASED, layers_of
from compare.explain.doctor.statistics.kept import keeping
from compare.explain.locate.reference import WatchedReference
from compare.pair.prepare import prepare
from compare.sides.quartet import Quartet
from compare.verdict.precision import FLOAT32, FLOAT64
from tests.compare.small import norm_pair

USERS_MODELS = True


@pytest.fixture(scope="module")
def kept(cpu):
    """The statistics of the reference under a change, and those that the formula makes."""
    quartet = Quartet(prepare(norm_pair()), FLOAT32, cpu, cpu)
    entering = quartet.prepared.enter(0, 1).at(FLOAT32)
    (layer,) = layers_of(quartet, entering, True)
    reference = WatchedReference((), quartet.prepared, FLOAT64, cpu.torch)
    reference.watch(entering, True)
    calls = reference.torch_calls

    def made(**settings):
        ends = reference.watch(entering, True, keeping(calls, layer.path, **settings))
        return {name.removeprefix("state/"): array for name, array in ends.items() if name.startswith("state/")}

    return made, layer


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("weight", [0.25, None])
def test_it_keeps_what_the_formula_says(kept, kind, weight):
    """Every kind of variance, with the layer's own weight and another."""
    made, layer = kept
    own = made(weight=weight, kind=kind)
    for name, array in layer.after(layer.weight if weight is None else weight, kind).items():
        np.testing.assert_allclose(own[name], array, rtol=1e-12)


def test_a_layer_that_is_not_called_keeps_what_it_keeps(kept):
    """No call is replaced."""
    made, layer = kept
    assert keeping((), layer.path, 0.5, PLAIN) == Change()
    np.testing.assert_allclose(
        made()["1.running_var"], layer.after(layer.weight, UNBIASED)["1.running_var"], rtol=1e-12
    )
