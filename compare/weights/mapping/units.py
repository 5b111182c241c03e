"""What a walk handles: values of the program, the weights in them, and the uses of those weights."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from math import prod

from compare.weights.mapping.atoms import Atom, Axis, finest

IN, OUT, SPACE, GROUP, ALONG = "in", "out", "space", "group", "along"
COMPLEX = "complex"  # the two parts of complex numbers: an axis that no operation sees
ORDER = (GROUP, IN, OUT, SPACE, ALONG, COMPLEX)
PART_HINTS = ("real part", "imaginary part")


@dataclass
class Factor:
    """One factor of a weight's axis, in memory order: the entries ``start`` to ``start + size`` of ``full``."""

    atom: Atom
    full: int
    start: int = 0
    role: str = ""
    rank: int = 0  # its place among the factors of its role, as the operation orders them
    flipped: bool = False

    @property
    def size(self) -> int:
        return self.atom.size


@dataclass
class Unit:
    """A weight, or a piece of one, as the program first uses it."""

    leaf: str
    shape: tuple[int, ...]
    factors: list[Factor]
    kind: str = ""  # matrix, conv, table, scale, shift, loose; nothing: never used
    hints: frozenset[str] = frozenset()
    uses: list[int] = field(default_factory=list)
    pieces: list["Unit"] = field(default_factory=list)
    position: int = 0  # of a piece: its place among the pieces of its weight
    own: dict[int, Atom] = field(default_factory=dict)  # of a piece: its atoms by the identity of its weight's
    opaque: bool = False  # nothing that it went through so far says what its axes are
    beside: bool = False  # it met no activation so far, but other weights
    alike: bool = False  # two of its axes were one when it was used: of ``w - w.T`` nothing says which is which
    is_complex: bool = False  # its last factor is that of the parts, which is no axis of its shape
    # What every use adds to its entries before anything else is done to them; None: more than that, or not the same.
    added: float | None = 0.0

    @property
    def shape_in_parts(self) -> tuple[int, ...]:
        """Its shape as an array of floats."""
        return (*self.shape, 2) if self.is_complex else self.shape

    @property
    def told(self) -> bool:
        """Whether what it goes through says which of its axes is which."""
        return not (self.opaque or self.alike)

    @property
    def sizes(self) -> dict[str, int]:
        """How many entries each role has; space is told axis by axis."""
        by_role: dict[str, int] = {}
        for factor in self.factors:
            name = f"{SPACE}{factor.rank}" if factor.role == SPACE else factor.role
            by_role[name] = by_role.get(name, 1) * factor.size
        return by_role


@dataclass(frozen=True)
class Value:
    """An array of the program. ``units`` is what it is a view of, ``last`` the uses whose results it holds; ``parts``
    are the atoms of the real and the imaginary part, where it is a view of complex weights."""

    axes: tuple[Axis, ...]
    shape: tuple[int, ...]
    units: tuple[tuple[Unit, frozenset[str]], ...] = ()
    last: frozenset[int] = frozenset()
    flips: frozenset[int] = frozenset()
    moving: bool = False  # it depends on the inputs
    fixed: bool = False  # it depends on weights alone, but is a view of none
    blocks: tuple["Value", ...] = ()  # weights laid beside each other
    parts: tuple[Atom, ...] = ()
    number: float | None = None  # of a constant that is one number
    added: float | None = 0.0  # to the entries of what it is a view of; None: they are not those and a number more

    @property
    def weighs(self) -> bool:
        """Whether it is a view of a weight, or of several side by side."""
        return bool(self.units or self.blocks)

    def like(self, axes: Iterable[Axis], shape: Sequence[int]) -> "Value":
        return with_(self, axes=tuple(axes), shape=tuple(shape))


@dataclass
class Use:
    """One operation that takes a weight in."""

    unit: Unit
    before: frozenset[int]
    fate: set[str] = field(default_factory=set)
    after: set[int] = field(default_factory=set)
    position: int = 0  # among the uses


def note_cut(axis: Axis, start: int, stop: int) -> None:
    """Remember where an axis is cut: a layer that computes several things side by side falls apart there."""
    atoms = finest(axis)
    inner = prod(atom.size for atom in atoms[1:])
    if atoms and start % inner == 0 and stop % inner == 0:
        atoms[0].cuts.add((start // inner, stop // inner))


def entries(value: Value) -> int:
    return prod(atom.size for axis in value.axes for atom in axis)


def members(value: Value) -> list[tuple[Unit, frozenset[str]]]:
    return [*value.units, *(member for block in value.blocks for member in members(block))]


def parted(factor: Factor) -> list[tuple[Atom, Factor]]:
    """The factor as the factors it was split into; one that is only a range stays whole unless it is a multiple."""
    parts = finest([factor.atom])
    if len(parts) == 1:
        return [(parts[0], Factor(parts[0], factor.full, factor.start))]
    size = factor.atom.size
    if factor.full == size:
        return [(part, Factor(part, part.size)) for part in parts]
    first = parts[0]
    inner = size // first.size
    if factor.full % inner or factor.start % inner:
        return [(factor.atom, factor)]
    head = Factor(first, factor.full // inner, factor.start // inner)
    return [(first, head), *((part, Factor(part, part.size)) for part in parts[1:])]


def squeezed(block: Value, shape: Sequence[int], new: Sequence[int]) -> Value:
    """The block of a value that got or lost axes of one entry."""
    kept = [at for at, size in enumerate(shape) if size > 1]
    if [shape[at] for at in kept] != [size for size in new if size > 1]:
        return block
    rest = iter(kept)
    places = [next(rest) if size > 1 else None for size in new]
    return block.like(
        [[] if at is None else block.axes[at] for at in places], [1 if at is None else block.shape[at] for at in places]
    )


def with_(value: Value, **changes: object) -> Value:
    return replace(value, **changes)  # type: ignore[arg-type]
