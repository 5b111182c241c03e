"""Collectives that a port runs below the working precision, by its traced program."""

from collections.abc import Iterator
from dataclasses import dataclass

from compare.frameworks.islands.lowered import is_below
from compare.frameworks.islands.replay import Program, operations_of, place_of_eqn
from compare.frameworks.meshes.mesh_program import axes_named

# What goes between devices, by the names of JAX's operations.
COLLECTIVES = {
    "psum", "psum_invariant", "pmax", "pmin", "ppermute", "all_gather", "all_gather_invariant", "all_to_all",
    "reduce_scatter", "psum_scatter",
}  # fmt: skip
PLAIN = {"psum_invariant": "psum", "all_gather_invariant": "all_gather", "reduce_scatter": "psum_scatter"}


@dataclass(frozen=True)
class LowCollective:
    """A collective over ``axes``, by the name that one calls it by, on arrays of a low ``format``, at "file:line"."""

    name: str
    axes: tuple[str, ...]
    format: str
    place: str

    @property
    def text(self) -> str:
        over = ", ".join(f"`{axis}`" for axis in self.axes)
        return f"lax.{self.name} over {over} at {self.place}"


def low_collectives(program: Program, precision: str) -> Iterator[LowCollective]:
    """Those of a program, each once.

    Args:
        precision: the working precision's name.
    """
    found: dict[LowCollective, None] = {}
    for eqn in operations_of(program):
        dtype = getattr(eqn.outvars[0].aval, "dtype", None) if eqn.outvars else None
        if eqn.primitive.name in COLLECTIVES and is_below(dtype, precision):
            name = PLAIN.get(eqn.primitive.name, eqn.primitive.name)
            axes = tuple(dict.fromkeys(axes_named(eqn)))
            found[LowCollective(name, axes, str(dtype), place_of_eqn(eqn))] = None
    yield from found
