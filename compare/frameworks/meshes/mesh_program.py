"""What a program that was compiled for a mesh does with it: the axes that its code names, the collectives it runs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from jax.extend import core

from compare.frameworks.islands.per_shard import is_per_shard
from compare.frameworks.islands.replay import Program, operations_of
from compare.frameworks.meshes.shard_rules import axes_of
from compare.frameworks.steps.xla_program import xla_program

COLLECTIVES = (
    "all-reduce", "all-gather", "reduce-scatter", "all-to-all", "ragged-all-to-all", "collective-permute",
    "collective-broadcast",
)  # fmt: skip
STARTS = "-start"  # of one that runs beside others, and ends elsewhere
CASTS = ("pvary", "pcast")  # types alone: nothing is computed


@dataclass(frozen=True)
class MeshProgram:
    """What a compiled program does with a mesh.

    Attributes:
        axes: those that its own code names. by_hand: whether that works on shards itself, in a ``shard_map``.
        collectives: how often each is run in a call, what a loop of unknown length repeats counted once.
    """

    axes: frozenset[str]
    by_hand: bool
    collectives: Mapping[str, int]


def mesh_program(traced: Program, compiled: str) -> MeshProgram:
    """Of a program as it was traced, and of the text of what the compiler made of it."""
    operations = list(operations_of(traced))
    axes = {axis for eqn in operations for axis in axes_named(eqn)}
    opcodes = xla_program(compiled).opcodes
    counts = {kind: opcodes.get(kind, 0) + opcodes.get(f"{kind}{STARTS}", 0) for kind in COLLECTIVES}
    by_hand = any(map(is_per_shard, operations))
    return MeshProgram(frozenset(axes), by_hand, {kind: count for kind, count in counts.items() if count})


def axes_named(eqn: core.JaxprEqn) -> Iterator[str]:
    """The axes that one operation is about: over which a constraint or a ``shard_map`` spreads, a collective goes."""
    name, params = eqn.primitive.name, eqn.params
    if name == "sharding_constraint":
        yield from _in_spec(getattr(params["sharding"], "spec", ()))
    elif is_per_shard(eqn):
        for spec in (*params["in_specs"], *params["out_specs"]):
            yield from _in_spec(spec)
    elif name not in CASTS:
        for key in ("axes", "axis_name"):
            given = params.get(key, ())
            yield from (one for one in (given if isinstance(given, tuple | list) else (given,)) if isinstance(one, str))


def _in_spec(spec: Any) -> Iterator[str]:
    for entry in tuple(spec):
        yield from axes_of(entry) if isinstance(entry, str | tuple) else ()
