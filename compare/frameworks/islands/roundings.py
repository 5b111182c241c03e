"""What one side rounds below the working precision, and where in the network: in one form for both sides.

A place in a network is the set of weights and inputs that a value depends on: the two sides share it whatever they call
things, in whatever order they call, and however each of them is built.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from compare.frameworks.islands.lowered import Step, is_below

Reach = frozenset[str]  # names of weights, as the reference has them, and of inputs
IN_A_LOOP = -1  # a rounding in an earlier turn of a loop that is walked once
INPUT = "input."  # before the name of an input


@dataclass(frozen=True, eq=False)
class Value:
    """What is known of an array.

    Attributes:
        reach: what it depends on.
        format: the low format that holds its numbers, however wide its dtype is; empty where none does.
        origins: the roundings, by number, that they come from; none where nothing was lost (zeros, a mask).
        own: those of them that these very numbers went through, in whatever layout.
        weight: whether it is a weight alone, in whatever layout.
        layer: of the last weight that entered it.
        exact: whether every format holds it, as far as is known.
        back: of a sum of low numbers in a wider dtype, their format: to be back in it is nothing that was asked for.
        brought: the roundings of weights and scalars that went into it, of what is wide.
        scalar: whether it is one number.
        made: the step that asked for a low format where nothing was lost by it yet.
    """

    reach: Reach = frozenset()
    format: str = ""
    origins: frozenset[int] = frozenset()
    own: frozenset[int] = frozenset()
    weight: bool = False
    layer: str = ""
    exact: bool = False
    back: str = ""
    brought: frozenset[int] = frozenset()
    scalar: bool = False
    made: Step | None = None
    source: object = field(default_factory=object)  # the same in whatever layout

    @property
    def is_rounded(self) -> bool:
        return bool(self.format and self.origins)

    @property
    def is_fixed(self) -> bool:
        """Whether it is a weight, or one number that depends on nothing: no table."""
        return self.weight or (self.scalar and not self.reach)


@dataclass
class Operands:
    """All operands of products at one place: how many, of the low ones how many in each format, and the roundings that
    these went through."""

    total: int = 0
    low: Counter[str] = field(default_factory=Counter)
    own: set[int] = field(default_factory=set)
    steps: set[Step] = field(default_factory=set)


@dataclass
class Rounding:
    """A rounding: the step, where in the network, how often, and the layer that it is before or after."""

    step: Step
    reach: Reach
    layer: str
    times: int = 1
    into: str = ""
    joined: bool = False
    enters: bool = False

    @property
    def text(self) -> str:
        layer = f" (layer {self.into})" if self.into else f" (after layer {self.layer})" if self.layer else ""
        return f"{self.step.place}{layer}"


class Book:
    """Notes what one side rounds below the working precision while its operations are gone through in order."""

    def __init__(self, precision: str) -> None:
        """``precision``: the working precision's name."""
        self.precision = precision
        self.roundings: list[Rounding] = []
        self.operands: dict[Reach, Operands] = {}
        self.continued: set[tuple[Reach, str]] = set()  # places of what is computed from low numbers, and low
        self.times, self.is_dry = 1, False
        self._numbers: dict[tuple[int, str], tuple[int, object]] = {}

    def low(self, dtype: object) -> str:
        """The format of a dtype that is below the working precision, else empty."""
        return str(dtype).removeprefix("torch.") if is_below(dtype, self.precision) else ""

    def moved(self, values: Sequence[Value], step: Callable[[], Step], low: str, beside: Sequence[Value] = ()) -> Value:
        """The same numbers elsewhere, or in another dtype.

        Args:
            step: what is done, asked for only where it rounds; low: the result's format, if it is a low one.
            beside: what says which numbers (an index).
        """
        reach, held = _reach([*values, *beside]), {value.format for value in values}
        alike = len(values) == 1 and not beside  # one array in another layout is the same weight, the same value
        same = Value(
            reach,
            weight=len(values) == 1 and values[0].weight,
            layer=_layer(values),
            exact=all(value.exact for value in values) and not beside,
            back=values[0].back if len(values) == 1 else "",
            scalar=alike and values[0].scalar,
            made=values[0].made if len(values) == 1 else None,
            brought=frozenset().union(*(value.brought for value in values)),
            source=values[0].source if alike else object(),
        )
        stays = len(held) == 1 and "" not in held and (not low or low in held)  # wider again, or as it was
        if stays or (low in held and low):
            return replace(same, format=low or held.pop(), origins=_origins(values), own=_own(values))
        if not low and same.back:
            return replace(same, origins=_origins(values))
        if not low or same.exact:
            return replace(same, format=low, made=step() if low else same.made)
        if same.back == low:
            self.continued.add((reach, low))
            return Value(reach, low, _origins(values), layer=same.layer)
        return self.rounded(same, step, low)

    def computed(self, values: Sequence[Value], step: Callable[[], Step], low: str, sums: bool = False) -> Value:
        """What any other operation makes of its operands; ``sums``: it adds numbers up."""
        reach, layer = _reach(values), _layer(values)
        held = [value for value in values if value.format]
        fixed = [value for value in held if value.is_fixed]
        brought = _origins(fixed).union(*(value.brought for value in values))
        if not low:
            moving = [value for value in values if not value.is_fixed]
            back = {value.format if sums else value.back for value in moving}
            same = next(iter(back)) if len(back) == 1 else ""
            return Value(
                reach, origins=_origins(moving) if same else frozenset(), layer=layer, back=same, brought=brought
            )
        if not any(value.is_rounded for value in held):
            made = next((value.made for value in held if value.made), None)
            asked = (lambda: made) if made else step
            return self.rounded(Value(reach, layer=layer, brought=brought), asked, low)
        self.continued.add((reach, low))
        if any(value.is_rounded and not value.is_fixed for value in held):
            self._join(brought)
        return Value(reach, low, _origins(held), layer=layer)

    def product(
        self, operands: Sequence[Value], step: Callable[[], Step], low: str, added: Sequence[Value] = ()
    ) -> Value:
        """A product of its operands; ``added`` to it is a bias."""
        layer = _layer([*operands, *added])
        for value in operands:
            if self.is_dry:
                break
            noted = self.operands.setdefault(value.reach, Operands())
            noted.total += self.times
            if not value.is_rounded:
                continue
            noted.low[value.format] += self.times
            noted.own |= value.own - {IN_A_LOOP}
            noted.steps.add(Step(*_place_of(step), value.format))
            for number in value.own - {IN_A_LOOP}:
                rounding = self.roundings[number]
                rounding.enters, rounding.into = True, rounding.into or (layer if _weights(operands) else "")
        self._join(_origins([value for value in added if value.is_fixed]))
        reach, held = _reach([*operands, *added]), [value for value in operands if value.format]
        if not low:
            return Value(reach, layer=layer)
        if held:
            return Value(reach, low, _origins(held), layer=layer)
        return self.rounded(Value(reach, layer=layer), step, low)

    def rounded(self, value: Value, step: Callable[[], Step], low: str) -> Value:
        """Numbers that are rounded to a low format, and with them the weights that went into them."""
        numbers = self._rounded(value.source, value.reach, step, value.layer)
        self._join(value.brought)
        return replace(value, format=low, origins=numbers, own=numbers, exact=False, back="", brought=frozenset())

    def elsewhere(self) -> Counter[tuple[Reach, str]]:
        """How often what is no operand of a product is rounded, by place and format. A weight or a scalar that joins
        what is low, or becomes so (a bias, a scale), is none: the result would be as low without it."""
        counts: Counter[tuple[Reach, str]] = Counter()
        for rounding in self.others():
            counts[rounding.reach, rounding.step.format] += rounding.times
        return counts

    def others(self) -> Iterator[Rounding]:
        yield from (one for one in self.roundings if not (one.enters or one.joined))

    def _join(self, numbers: frozenset[int]) -> None:
        for number in numbers - {IN_A_LOOP}:
            self.roundings[number].joined = True

    def _rounded(self, source: object, reach: Reach, step: Callable[[], Step], layer: str) -> frozenset[int]:
        if self.is_dry:
            return frozenset({IN_A_LOOP})
        taken = step()
        key = (id(source), taken.format)
        if key not in self._numbers:  # once, however many operations ask for it
            self._numbers[key] = (len(self.roundings), source)
            self.roundings.append(Rounding(taken, reach, layer, self.times))
        return frozenset({self._numbers[key][0]})


def _place_of(step: Callable[[], Step]) -> tuple[str, str]:
    taken = step()
    return taken.place, taken.operation


def _reach(values: Sequence[Value]) -> Reach:
    return frozenset().union(*(value.reach for value in values))


def _origins(values: Sequence[Value]) -> frozenset[int]:
    return frozenset().union(*(value.origins for value in values))


def _own(values: Sequence[Value]) -> frozenset[int]:
    return frozenset().union(*(value.own for value in values))


def _weights(values: Sequence[Value]) -> bool:
    return any(value.weight for value in values)


def _layer(values: Sequence[Value]) -> str:
    own = [value.layer for value in values if value.weight and value.layer]
    return next(iter(own), "") or next((value.layer for value in values if value.layer), "")
