"""Arrays that a program holds are found, wherever they lie."""

import jax
import jax.numpy as jnp
import numpy as np
import torch

from compare.frameworks.steps.closed_over import SMALL, in_graphs, in_jaxpr

LARGE = np.arange(SMALL + 1, dtype=np.float32)


def held(function, *arrays):
    return [array.shape for array in in_jaxpr(jax.make_jaxpr(function)(*arrays))]


def test_an_argument_is_none():
    """Nor is what the program makes, nor a few numbers."""
    few = np.ones(SMALL, np.float32)
    assert held(lambda x: x + jnp.zeros(2 * SMALL), jnp.ones(1)) == []
    assert held(jax.jit(lambda x: x[:SMALL] + few), jnp.ones(SMALL)) == []


def test_a_constant_is_found_in_what_is_called_and_in_what_loops():
    """With its shape; NumPy's and JAX's."""
    on_device = jnp.asarray(LARGE)
    for table in (LARGE, on_device):
        assert held(lambda x, t=table: x + jnp.asarray(t).sum(), jnp.ones(())) == [LARGE.shape]
        assert held(jax.jit(lambda x, t=table: x + jnp.asarray(t).sum()), jnp.ones(())) == [LARGE.shape]

        def body(carry, _, t=table):
            return carry + jnp.asarray(t).sum(), None

        looped = held(lambda x, b=body: jax.lax.scan(b, x, None, length=2)[0], jnp.ones(()))
        assert LARGE.shape in looped


def test_a_tensor_in_a_graph_is_found():
    """A parameter is not one: it moves."""
    root = torch.nn.Module()
    root.table, root.weight = torch.ones(SMALL + 1), torch.nn.Parameter(torch.ones(SMALL + 1))
    root.few = torch.ones(SMALL)
    graph = torch.fx.Graph()
    nodes = [graph.get_attr(name) for name in ("table", "weight", "few")]
    graph.output(tuple(nodes))
    assert [array.shape for array in in_graphs([torch.fx.GraphModule(root, graph)])] == [(SMALL + 1,)]
