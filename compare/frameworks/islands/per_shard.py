"""An operation whose program runs on each shard of its arrays, evaluated by other rules."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
from jax.extend import core

NAME = "shard_map"

Operand = Any  # an array of either library, a tracer, or a Python number: whatever an operation takes


def is_per_shard(eqn: core.JaxprEqn) -> bool:
    return eqn.primitive.name == NAME


def struct_of(aval: Any, dtype: Any) -> jax.ShapeDtypeStruct:
    """An abstract value's shape with another dtype; of one of a shard's, with the axes over which it varies."""
    if hasattr(aval, "mat"):  # JAX 0.10's name for it, in which it goes with the mesh
        more: Any = {} if aval.mat.empty else {"manual_axis_type": aval.mat, "sharding": aval.sharding}
    else:
        more = {"vma": aval.vma} if getattr(aval, "vma", None) else {}
    return jax.ShapeDtypeStruct(aval.shape, dtype, **more)


def mapped(eqn: core.JaxprEqn, operands: Sequence[Operand], evaluate: Callable[..., Sequence[Operand]]) -> Operand:
    """The operation on other operands, its program run as ``evaluate`` does it: a function of (program, operands of
    one shard). Collectives in it know the mesh's axes nowhere else."""
    params = eqn.params
    manual = params["newly_manual_axes"] if "newly_manual_axes" in params else params["manual_axes"]
    return jax.shard_map(
        lambda *shards: tuple(evaluate(params["jaxpr"], shards)),
        mesh=params["mesh"],
        in_specs=tuple(params["in_specs"]),
        out_specs=tuple(params["out_specs"]),
        axis_names=set(manual),
        check_vma=params["check_vma"],
    )(*operands)
