"""What a user may give as a port, and what is refused."""

import subprocess
import sys

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import linen, nnx

from compare.errors import UsageError
from compare.frameworks.models.choose import (
    KINDS,
    LIBRARIES,
    is_function_alone,
    is_layer,
    kind_of_port,
    loaded,
    port_model,
)
from compare.frameworks.models.equinox_models import EquinoxModel
from compare.frameworks.models.functions import FunctionModel
from compare.frameworks.models.linen_models import LinenModel
from compare.frameworks.models.nnx_models import NNXModel

X = np.ones((2, 3), np.float32)
W = {"w": np.ones((3, 2), np.float32)}
DENSE = linen.Dense(2)
LINEAR = eqx.nn.Linear(3, 2, key=jax.random.key(0))

PORTS = {
    "Linen": (DENSE, LinenModel),
    "Linen with variables": ((DENSE, {"params": {"kernel": np.ones((3, 2)), "bias": np.ones(2)}}), LinenModel),
    "NNX": (nnx.Linear(3, 2, rngs=nnx.Rngs(0)), NNXModel),
    "Equinox": ((lambda module, x: jax.vmap(module)(x), LINEAR), EquinoxModel),
    "function": (lambda params, x: x @ params["w"], FunctionModel),
    "function with parameters": ((lambda params, x: x @ params["w"], W), FunctionModel),
    "jitted function": ((jax.jit(lambda params, x: x @ params["w"]), W), FunctionModel),
    "bound method": ((DENSE.apply, {"params": {"kernel": np.ones((3, 2)), "bias": np.ones(2)}}), FunctionModel),
}


@pytest.mark.parametrize(("port", "kind"), PORTS.values(), ids=PORTS)
def test_each_kind_comes_in(port, kind):
    """As a Linen, an NNX, an Equinox module or a function: pure functions of flat leaves that compute 3 w + b."""
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
        (eqx.nn.Linear, "_ModuleMeta"),
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
    with pytest.raises(UsageError, match=r"port: expected .* got Linear, a torch\.nn\.Module: that is a reference"):
        port_model(torch.nn.Linear(3, 2), (X,), {}, W)


def test_the_message_is_made_from_the_rows():
    """A new row is in it with no further line."""
    with pytest.raises(UsageError) as caught:
        port_model(3, (X,), {}, W)
    assert all(kind.expects in str(caught.value) for kind in KINDS)


@pytest.mark.parametrize(
    ("layer", "kind"),
    [
        (DENSE, LinenModel),
        (nnx.Linear(3, 2, rngs=nnx.Rngs(0)), NNXModel),
        (LINEAR, EquinoxModel),
        (torch.nn.Linear(3, 2), None),
        (linen.Dense, None),
        ({"w": 1}, None),
    ],
)
def test_whose_layer_it_is(layer, kind):
    """Asked of the layer alone; of no two kinds."""
    assert kind_of_port(layer) is kind
    assert is_layer(layer) == (kind is not None)
    assert sum(one.is_layer(layer) for one in loaded()) == (kind is not None)


def test_a_function_alone_takes_the_references_names():
    """A module is none, whatever it can be called with, nor is a pair of things."""
    assert is_function_alone(lambda params, x: x)
    for port in (DENSE, PORTS["NNX"][0], LINEAR, torch.nn.Linear(3, 2), linen.Dense, PORTS["Equinox"][0]):
        assert not is_function_alone(port)


def test_a_library_that_is_not_there_is_not_asked_for():
    """Neither imported for a port of another kind, nor missed where it cannot be."""
    program = (
        "import sys; {}; from flax import linen; from compare.frameworks.models.choose import port_model, LIBRARIES\n"
        "import numpy as np; port_model(linen.Dense(2), (np.ones((2, 3), np.float32),), {{}}, {{}})\n"
        "port_model((lambda params, x: x, {{}}), (), {{}}, {{}})\n"
        "print(bool(sys.modules.get('equinox')), 'equinox' in LIBRARIES)"
    )
    for before in ("pass", "sys.modules['equinox'] = None"):
        done = subprocess.run(
            [sys.executable, "-c", program.format(before)], capture_output=True, text=True, check=True
        )
        assert done.stdout.split() == ["False", "True"]


def test_the_libraries_are_those_of_the_rows():
    assert LIBRARIES == ("jax", "flax", "equinox")
