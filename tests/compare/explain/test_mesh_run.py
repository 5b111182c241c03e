"""A run on a mesh, here of one device, made again."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from jax.sharding import PartitionSpec as P

from compare import Batch, Pair
from compare.arrays.probes import BASE
from compare.explain.mesh_run import MeshRun
from compare.frameworks.meshes.mesh_axes import mesh_axes
from compare.frameworks.meshes.mesh_devices import built_mesh
from compare.sides.plan import Plan
from compare.verification.verification import Session


def whole(p: dict[str, jax.Array], x: jax.Array) -> jax.Array:
    return x @ p["weight"].T


def on_shards(p: dict[str, jax.Array], x: jax.Array) -> jax.Array:
    """The bias added twice."""
    run = jax.shard_map(lambda p, x: x @ p["weight"].T + 2 * p["bias"], in_specs=(P(), P("data")), out_specs=P("data"))
    return run(p, x)


@pytest.mark.parametrize(("port", "by_hand"), [(on_shards, True), (lambda p, x: whole(p, x) + 2 * p["bias"], False)])
def test_what_differs_first_and_whether_the_port_works_on_shards(cpu, port, by_hand):
    """Read off its own program."""
    reference, batch = torch.nn.Linear(4, 2), Batch.of(np.ones((4, 4), "f4"))
    zeros = {"weight": jnp.zeros((2, 4)), "bias": jnp.zeros(2)}
    session = Session(Pair(reference, (port, zeros), lambda rng: batch), cpu, plan=Plan(quick=True),
                      mesh=built_mesh(mesh_axes("data=1"), "cpu"))  # fmt: skip
    run = MeshRun(session.quartet, session.entering(), None, BASE)
    assert run.by_hand is by_hand
    first, gap = run.first
    assert (first.quantity, first.probe) == ("output", BASE)
    assert gap > 0.1
    assert "output" in run.differing
