"""What an axis is made of: *atoms*, which two axes share once an operation has laid them along each other.

A flattened axis of 72 entries is three atoms, (8, 3, 3) or (3, 3, 8). Which of them, and in which order, shows where
that axis is split, contracted or convolved, so atoms are split and joined as a walk through the program learns more.
"""

from collections.abc import Iterable, Sequence
from math import prod


class Atom:
    """One axis, or a factor of one.

    Attributes:
        size: how many entries it has, at least 2.
        label: what a convolution made of it: ``b`` (batch), ``c`` (channel), ``s0``, ``s1`` ... (space), or nothing.
        parts: its factors, slowest first, once it has been split.
    """

    __slots__ = ("_cuts", "_joined", "_kin", "_label", "_parts", "size")

    def __init__(self, size: int, label: str | None = None) -> None:
        self.size, self._label = size, label
        self._parts: list[Atom] = []
        self._cuts: set[tuple[int, int]] = set()
        self._kin: list[Atom] = []
        self._joined: Atom | None = None

    @property
    def root(self) -> "Atom":
        atom = self
        while atom._joined is not None:
            atom = atom._joined
        return atom

    @property
    def label(self) -> str | None:
        return self.root._label

    @property
    def parts(self) -> list["Atom"]:
        return self.root._parts

    @property
    def cuts(self) -> set[tuple[int, int]]:
        """The ranges into which the program takes it apart."""
        return self.root._cuts

    def mark(self, label: str) -> None:
        """Give it a label, and its kin; the first one stays."""
        waiting = [self.root]
        while waiting:
            atom = waiting.pop().root
            if atom._label is None:
                atom._label = label
                waiting += [*atom._parts, *atom._kin]

    def relate(self, other: "Atom") -> None:
        """The two are not one, but have one label: an axis before and after a pool."""
        mine, theirs = self.root, other.root
        mine._kin.append(theirs)
        theirs._kin.append(mine)
        for source, target in ((mine, theirs), (theirs, mine)):
            if source._label is not None:
                target.mark(source._label)

    def split(self, first: int) -> None:
        """Make it two factors, the slower of them with ``first`` entries."""
        root = self.root
        root._parts = [Atom(first, root._label), Atom(root.size // first, root._label)]

    def join(self, other: "Atom") -> None:
        """From now on the two are one; neither has parts."""
        mine, theirs = self.root, other.root
        if mine is theirs:
            return
        mine._joined = theirs
        theirs._cuts |= mine._cuts
        theirs._kin += mine._kin
        label = mine._label or theirs._label
        if label is not None:
            theirs._label = None
            theirs.mark(label)
            for kin in theirs._kin:
                kin.mark(label)


Axis = list[Atom]


def axis_of(size: int) -> Axis:
    """An axis nothing is known of; one of a single entry has no atoms."""
    return [Atom(size)] if size > 1 else []


def finest(atoms: Iterable[Atom]) -> Axis:
    """The atoms with every split one replaced by its factors."""
    out: Axis = []
    for atom in atoms:
        out += finest(atom.parts) if atom.parts else [atom]
    return out


def size_of(axis: Iterable[Atom]) -> int:
    return prod(atom.size for atom in axis)


def tie(first: Sequence[Atom], second: Sequence[Atom]) -> bool:
    """Lay two axes along each other: they are split alike and joined. False where their factors do not fit."""
    left, right = finest(first)[::-1], finest(second)[::-1]
    if size_of(left) != size_of(right):
        return False
    while left and right:
        a, b = left.pop(), right.pop()
        if a.root is b.root:
            continue
        if a.parts or b.parts:  # split by an earlier step of this very loop
            left += finest([a])[::-1]
            right += finest([b])[::-1]
        elif a.size == b.size:
            a.join(b)
        else:
            long, short = (a, b) if a.size > b.size else (b, a)
            if long.size % short.size:
                return False
            long.split(short.size)
            left += finest([a])[::-1]
            right += finest([b])[::-1]
    return not left and not right


def relate(first: Axis, second: Axis) -> None:
    """Two axes of different size that are the same axis to a reader."""
    if len(first) == len(second) == 1:
        first[0].relate(second[0])


def regroup(atoms: Sequence[Atom], sizes: Sequence[int]) -> list[Axis]:
    """The atoms of an array in memory order as the axes of a reshaped one; what does not fit becomes new atoms."""
    rest = finest(atoms)[::-1]
    axes: list[Axis] = []
    for size in sizes:
        axis: Axis = []
        need = size
        while need > 1:
            if not rest:
                return axes + [axis_of(size) for size in sizes[len(axes) :]]
            atom = rest.pop()
            if atom.parts:
                rest += finest([atom])[::-1]
            elif need % atom.size == 0:
                axis.append(atom)
                need //= atom.size
            elif atom.size % need == 0:
                atom.split(need)
                rest += finest([atom])[::-1]
            else:
                return axes + [axis_of(size) for size in sizes[len(axes) :]]
        axes.append(axis)
    return axes
