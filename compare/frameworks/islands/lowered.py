"""Formats below the working precision, and the steps that take numbers into them."""

from dataclasses import dataclass

# Bits of the exponent, and of the significand without its leading one.
FORMATS = {"float64": (11, 52), "float32": (8, 23), "float16": (5, 10), "bfloat16": (8, 7)}

BY_BITS, BY_ALGORITHM = "reduce_precision", "algorithm"  # steps of a port that ask for no dtype


def is_below(dtype: object, precision: str) -> bool:
    """Whether a dtype holds fewer significand bits than the working precision."""
    name = str(dtype).removeprefix("torch.")
    return name in FORMATS and FORMATS[name][1] < FORMATS[precision][1]


@dataclass(frozen=True)
class Step:
    """An operation that rounds, or a product of rounded operands: the line, the operation's name, the format."""

    place: str
    operation: str
    format: str


@dataclass(frozen=True)
class Kept:
    """The steps that an oracle takes in their low format, and not in float64, since the other side does not take them.

    An empty one keeps none: all that was asked for below the working precision is raised.
    """

    steps: frozenset[Step] = frozenset()

    @property
    def formats(self) -> frozenset[str]:
        return frozenset(step.format for step in self.steps)

    @property
    def requests(self) -> frozenset[tuple[str, str]]:
        """Of a port, the requests for a dtype among them: line and format."""
        return frozenset(
            (step.place, step.format) for step in self.steps if step.operation not in (BY_BITS, BY_ALGORITHM)
        )
