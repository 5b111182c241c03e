"""A mesh as it is asked for: ``data=2,model=2``."""

import re
from dataclasses import dataclass
from math import prod

from compare.errors import SHORT, UsageError

BY_ROWS = "data"  # the axis over which the rows of a batch are spread
FLAG = "xla_force_host_platform_device_count"  # in XLA_FLAGS: how many devices the CPU is to have
EXPECTED = "expected axes with their sizes, such as data=2,model=2"
AXIS = re.compile(r"\s*([A-Za-z_]\w*)\s*=\s*([0-9]{1,9})\s*")


@dataclass(frozen=True)
class MeshAxes:
    """The axes of a mesh in their order, each with how many devices it has."""

    sizes: tuple[tuple[str, int], ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(name for name, _ in self.sizes)

    @property
    def devices(self) -> int:
        """How many devices there are in all."""
        return prod(size for _, size in self.sizes)

    def __str__(self) -> str:
        return ",".join(f"{name}={size}" for name, size in self.sizes)


def mesh_axes(text: str) -> MeshAxes:
    """A mesh in words, as ``--mesh`` says it.

    Raises:
        UsageError: it names no axis, one of them twice, or one without a size from 1 on.
    """
    sizes: dict[str, int] = {}
    for part in text.split(","):
        match = AXIS.fullmatch(part)
        if match is None or int(match[2]) < 1:
            raise UsageError(f"mesh: {EXPECTED}, got {text[:SHORT]!r}")
        if match[1] in sizes:
            raise UsageError(f"mesh: the axis {match[1]} is named twice in {text[:SHORT]!r}: name each once")
        sizes[match[1]] = int(match[2])
    return MeshAxes(tuple(sizes.items()))
