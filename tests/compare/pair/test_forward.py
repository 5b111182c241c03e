"""One call of a side's model as the pair says: arguments adapted, outputs in the reference's layout."""

from types import SimpleNamespace

import jax.numpy as jnp
import numpy as np
import torch

from compare.arrays.batch import Batch
from compare.frameworks.models.functions import FunctionModel
from compare.pair.forward import port_outputs, reference_outputs, turned_back
from compare.pair.pair import Pair
from tests.compare.small import X

FORM = Batch.of(X, names=("x",), bounds={}, axes=0)


def test_the_reference_is_called_as_the_pair_says():
    module = torch.nn.Linear(X.shape[1], 2)
    pair = Pair(
        module, lambda p, x: x, X, reference_inputs=lambda x: (2 * x,), reference_outputs=lambda out: {"y": out + 1}
    )
    x = torch.tensor(X)
    with torch.no_grad():
        assert torch.equal(reference_outputs(pair, module, FORM, {"x": x}, None)["y"], module(2 * x) + 1)


def test_the_ports_inputs_and_outputs_are_turned():
    port = FunctionModel(lambda p, x: x * p["w"], {"w": jnp.ones(())})
    pair = Pair(torch.nn.Linear(1, 1), (lambda p, x: x, {}), X, port_outputs=lambda out: {"y": out})
    ready = SimpleNamespace(pair=pair, port=port, input_axes={"x": (1, 0)}, output_axes={"output/y": (1, 0)})
    leaves, inputs = {"params/w": jnp.array(3.0)}, {"x": jnp.asarray(X)}
    outputs, changed = port_outputs(ready, leaves, inputs, FORM, None)
    np.testing.assert_array_equal(outputs["y"], 3 * X)
    assert changed == {}
    as_returned, _ = port_outputs(ready, leaves, inputs, FORM, None, output_axes={})
    np.testing.assert_array_equal(as_returned["y"], 3 * X.T)


def test_outputs_without_axes_of_their_own_stay():
    outputs = {"a": jnp.ones((2, 3)), "b": jnp.ones((2, 3))}
    turned = turned_back(outputs, {"output/a": (1, 0)})
    assert (turned["a"].shape, turned["b"].shape) == ((3, 2), (2, 3))
