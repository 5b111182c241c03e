"""What a user may give as a port, and what is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import linen, nnx

from compare.errors import UsageError
from compare.frameworks.models.choose import port_model
from compare.frameworks.models.functions import FunctionModel
from compare.frameworks.models.linen_models import LinenModel
from compare.frameworks.models.nnx_models import NNXModel

X = np.ones((2, 3), np.float32)
W = {"w": np.ones((3, 2), np.float32)}
DENSE = linen.Dense(2)

PORTS = {
    "Linen": (DENSE, LinenModel),
    "Linen with variables": ((DENSE, {"params": {"kernel": np.ones((3, 2)), "bias": np.ones(2)}}), LinenModel),
    "NNX": (nnx.Linear(3, 2, rngs=nnx.Rngs(0)), NNXModel),
    "function": (lambda params, x: x @ params["w"], FunctionModel),
    "function with parameters": ((lambda params, x: x @ params["w"], W), FunctionModel),
    "jitted function": ((jax.jit(lambda params, x: x @ params["w"]), W), FunctionModel),
    "bound method": ((DENSE.apply, {"params": {"kernel": np.ones((3, 2)), "bias": np.ones(2)}}), FunctionModel),
}


@pytest.mark.parametrize(("port", "kind"), PORTS.values(), ids=PORTS)
def test_three_ways_in(port, kind):
    """A Linen module, an NNX module, a function; each as pure functions of flat leaves that compute 3 w + b."""
    model = port_model(port, (X,), {}, W)
    assert type(model) is kind
    leaves = {path: jnp.ones(leaf.shape) for path, leaf in model.leaves.items()}
    assert all(path.startswith("params") for path in leaves)
    output, changed = model.apply(leaves, (X,), {}, None)
    np.testing.assert_array_equal(output, np.full((2, 2), 3.0 + (len(leaves) - 1)))
    assert changed == {}


@pytest.mark.parametrize(("port", "kind"), PORTS.values(), ids=PORTS)
def test_tree_and_flat_are_inverse(port, kind):
    """What optax gets is the parameters' tree; what it returns has the same leaves."""
    model = port_model(port, (X,), {}, W)
    leaves = {path: jnp.full(leaf.shape, i, jnp.float32) for i, (path, leaf) in enumerate(model.leaves.items())}
    tree = jax.tree.map(lambda leaf: 2 * leaf, model.tree(leaves))
    assert len(jax.tree.leaves(tree)) == len(leaves)
    back = model.flat(tree)
    assert set(back) == set(leaves)
    for path, leaf in leaves.items():
        np.testing.assert_array_equal(back[path], 2 * leaf)


@pytest.mark.parametrize(
    ("port", "called"),
    [
        (3, "int"),
        ("model", "str"),
        (None, "NoneType"),
        (linen.Dense, "type"),
        (nnx.Linear, "(type|ModuleMeta|PytreeMeta)"),
        ((nnx.Linear(3, 2, rngs=nnx.Rngs(0)), {"w": 1}), "Linear"),
    ],
)
def test_anything_else_is_refused(port, called):
    """A class is no module: whoever forgot its parentheses is told."""
    with pytest.raises(
        UsageError, match=r"port: expected a Linen module.*or a function with its parameters, got " + called
    ):
        port_model(port, (X,), {}, W)


def test_a_torch_module_as_a_port_is_refused():
    """Both sides the wrong way round: a torch module is callable, and no function of parameters."""
    with pytest.raises(UsageError, match="port: expected"):
        port_model(torch.nn.Linear(3, 2), (X,), {}, W)
