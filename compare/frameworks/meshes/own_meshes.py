"""A mesh that a port's own code names, where it is run on one that was asked for: taken for that one.

A port builds its mesh where it is loaded, mostly with axes of another type than a mesh in context has
(``jax.make_mesh`` makes them explicit), and JAX refuses a ``shard_map`` over any mesh but the one in context.
"""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jax
from jax.sharding import AbstractMesh, Mesh

from compare.errors import UsageError

MODULE, CHECK = "jax._src.shard_map", "_shmap_checks"  # what every call of shard_map asks for its mesh


@contextmanager
def own_meshes() -> Iterator[None]:
    """Within it a ``shard_map`` over a mesh of the same axes as the one in context is one over that; of whatever size,
    where that one has a single device.

    Raises:
        UsageError: from within, where a port names a mesh of other axes.
    """
    module: Any = importlib.import_module(MODULE)
    plain = getattr(module, CHECK, None)
    if plain is None:  # another version: JAX says itself what it refuses
        yield
        return

    def checked(mesh: Mesh | AbstractMesh | None, *args: Any) -> Any:
        there = jax.sharding.get_abstract_mesh()
        if mesh is None or there.empty:
            return plain(mesh, *args)
        own, wanted = dict(mesh.shape), dict(there.shape)
        if own != wanted and not (there.size == 1 and [*own] == [*wanted]):
            said, asked = (",".join(f"{name}={size}" for name, size in one.items()) for one in (own, wanted))
            raise UsageError(
                f"the port's code runs a shard_map over a mesh {said}, and the mesh asked for is {asked}: give the same"
            )
        return plain(None, *args)

    setattr(module, CHECK, checked)
    try:
        yield
    finally:
        setattr(module, CHECK, plain)


@contextmanager
def as_on_one_device() -> Iterator[None]:
    """Within ``on_mesh``, what is traced is traced for a mesh of the same axes, each of one device: a program in a
    ``shard_map`` has the shapes of whole arrays then. It cannot be run."""
    there = jax.sharding.get_mesh()
    if there.empty:
        yield
        return
    with jax.set_mesh(of_one_device(there)), own_meshes():
        yield


def of_one_device(mesh: Mesh) -> Mesh:
    """A mesh of the same axes, each of one device."""
    first = mesh.devices.reshape(-1)[:1].reshape((1,) * mesh.devices.ndim)
    return Mesh(first, mesh.axis_names, axis_types=mesh.axis_types)
