"""One row of the table of differences: the code of either side, executed as it stands."""

from collections.abc import Mapping
from dataclasses import dataclass, field

SETTINGS = "$"  # where a counterpart's settings go


@dataclass(frozen=True)
class Counterpart:
    """What a port is written with.

    Attributes:
        code: as one writes it by the same names, ``$`` where settings may be added; empty: no counterpart.
        equal: what makes it equal: settings for the place of ``$``; where there is none, a whole expression. Empty:
            nothing is needed.
        apart: why it is not equal even so; empty where it is.
    """

    code: str = ""
    equal: str = ""
    apart: str = ""

    @property
    def plain(self) -> str:
        """The code without settings."""
        return self.code.replace(f", {SETTINGS}", "").replace(SETTINGS, "")

    @property
    def adapted(self) -> str:
        """The code that is to be equal."""
        if not self.equal:
            return self.plain
        return self.code.replace(SETTINGS, self.equal) if SETTINGS in self.code else self.equal


@dataclass(frozen=True)
class Row:
    """One fact.

    Attributes:
        reference: expressions that are one function, each of the name that it begins with.
        ports: what stands in its place; none: no counterpart, and ``note`` says why.
        inputs: what the expressions are given, by name: recipes of ``inputs``.
        note: what neither signature says.
        constant: those inputs that no gradient is taken of, since torch has none for them.
        sampled: what is drawn is compared as a distribution.
    """

    reference: tuple[str, ...]
    ports: tuple[Counterpart, ...] = ()
    inputs: Mapping[str, str] = field(default_factory=dict)
    note: str = ""
    constant: tuple[str, ...] = ()
    sampled: bool = False
