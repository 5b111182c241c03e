"""Which of the reference's masks each dropout of the port takes: by order and by shape. Knows neither framework."""

from dataclasses import dataclass, field

from compare.frameworks.dropout import mask_layouts as layouts
from compare.frameworks.dropout.mask_layouts import Shape
from compare.frameworks.dropout.masks import Dropout

RATES_EQUAL = 1e-9  # a port keeps 1 - rate, and the rate that comes back from it is off by a rounding error


class DropoutMismatch(ValueError):  # noqa: N818 (a mismatch is a verdict's word, not an error of the program)
    """The port's dropout number ``index`` (from 0) asks for a mask that the reference's dropout of that number lacks.

    ``reference_shape`` is None where the reference met fewer dropouts.
    """

    def __init__(self, index: int, reference_shape: Shape | None, port_shape: Shape, where: str = "") -> None:
        met = "met no more" if reference_shape is None else f"has a mask of shape {reference_shape}"
        place = f" (at {where})" if where else ""
        super().__init__(f"dropout {index}: the port asks for a mask of shape {port_shape}{place}, the reference {met}")
        self.index, self.reference_shape, self.port_shape, self.where = index, reference_shape, port_shape, where


class DropoutReused(DropoutMismatch):
    """Two dropouts of the port draw with one key: they drop the same entries, where the reference's are independent."""

    def __init__(self, first: str, where: str) -> None:
        ValueError.__init__(
            self,
            f"the dropout at {where} draws with the key of the one at {first}: both drop the same entries, and the "
            "reference's do not: give each a key of its own (jax.random.split)",
        )


@dataclass
class Replay:
    """What the port asked for, and what it got.

    ``given`` holds the shapes of the reference's masks; ``asked`` the port's replayed dropouts, with shapes and rates
    of their own; ``used`` the number of the mask that each of them took. ``passed`` holds the masks that belong to a
    dropout listed in ``not_compared``, which names all randomness that was not replayed. ``ambiguous`` names masks
    whose shape fits in more than one way. Once ``in_order`` is False, masks were searched for by shape, and
    those left over prove nothing.
    """

    given: list[Shape]
    asked: list[Dropout] = field(default_factory=list)
    used: list[int] = field(default_factory=list)
    passed: list[int] = field(default_factory=list)
    not_compared: list[str] = field(default_factory=list)
    ambiguous: list[str] = field(default_factory=list)
    in_order: bool = True

    @property
    def unused(self) -> list[int]:
        """The numbers of the reference's masks that nothing in the port asked for."""
        return sorted(set(range(len(self.given))) - set(self.used) - set(self.passed))

    def miss(self, line: str) -> None:
        """List what is not compared, once."""
        if line not in self.not_compared:
            self.not_compared.append(line)

    def rates_apart(self, drawn: list[Dropout]) -> list[str]:
        """Each pair of dropouts whose rates differ, as a sentence. ``drawn`` is the reference's record."""
        pairs = [(drawn[number], port) for number, port in zip(self.used, self.asked, strict=True)]
        return [
            f"dropout {port.index}: rate {reference.rate:.6g} at {reference.where}, {port.rate:.6g} at {port.where}"
            for reference, port in pairs
            if abs(reference.rate - port.rate) > RATES_EQUAL
        ]


class Pairing:
    """Goes through the reference's masks once, in order."""

    def __init__(self, record: Replay, channels_last: bool) -> None:
        self.record, self.channels_last, self.position = record, channels_last, 0

    def take(self, shape: Shape, rate: float, where: str, attention: bool = False) -> tuple[int, str] | None:
        """The number of the mask for a dropout that asks for ``shape``, and the way in which it fits.

        Attention's weights, (N, H, L, S), have no channels and so are never taken to have them last.
        Raises DropoutMismatch where the mask that is due does not fit; None where the order is lost and none does.
        """
        found = self._find(shape, self.channels_last and not attention)
        if found is None and self.record.in_order:
            raise DropoutMismatch(len(self.record.asked) + len(self.record.passed), self._due(), shape, where)
        if found is None:
            self.record.miss(f"dropout of shape {shape}, after the order was lost, at {where}")
            return None
        number, ways = found
        self.position = number + 1
        if len(ways) > 1:
            self.record.ambiguous.append(f"mask {number} of shape {self.record.given[number]}: {' or '.join(ways)}")
        self.record.asked.append(Dropout(number, shape, rate, where))
        self.record.used.append(number)
        return number, ways[0]

    def is_due(self, shape: Shape, attention: bool = False) -> bool:
        """Whether a dropout that asks for ``shape`` would be given a mask."""
        return self._find(shape, self.channels_last and not attention) is not None

    def pass_shared(self, shape: Shape) -> bool:
        """Pass over the mask that is due where it has for each batch row and head what ``shape`` has once for all."""
        due = self._due()
        if due is None or len(due) < 3 or set(shape[:-2]) != {1} or due[-2:] != shape[-2:] or self._find(shape, False):
            return False
        self.record.passed.append(self.position)
        self.position += 1
        return True

    def _find(self, shape: Shape, channels_last: bool) -> tuple[int, list[str]] | None:
        """The mask that is due; once the order is lost, the first from there on that fits."""
        last = self.position + 1 if self.record.in_order else len(self.record.given)
        for number in range(self.position, min(last, len(self.record.given))):
            if ways := layouts.fits(self.record.given[number], shape, channels_last):
                return number, ways
        return None

    def _due(self) -> Shape | None:
        return self.record.given[self.position] if self.position < len(self.record.given) else None
