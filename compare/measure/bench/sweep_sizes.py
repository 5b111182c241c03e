"""Sizes beyond one: how a step's time goes with the batch, the width and the depth. Knows neither framework."""

from dataclasses import dataclass, replace

from compare.measure.bench.question import DEPTH, WIDTH, Question

MLP = "mlp"  # the pair whose width and depth can be chosen; of others the batch alone
BATCHES = (8, 32, 128, 512, 2048, 8192)
WIDTHS = (128, 256, 512, 1024, 2048, 4096)
DEPTHS = (2, 4, 8, 16)
BASE_BATCH = 64  # of what is not on the axis, beside the width and the depth of the project's own


@dataclass(frozen=True)
class Size:
    """One place of a sweep. ``width`` and ``depth`` are None for a pair that has its own."""

    batch: int
    width: int | None = None
    depth: int | None = None

    def __str__(self) -> str:
        named = (f"{name} {value}" for name, value in vars(self).items() if value is not None)
        return ", ".join(named)


def sizes(pair: str) -> tuple[Size, ...]:
    """Every place once, the smallest first: the batch alone, then for the perceptron width and depth."""
    if pair != MLP:
        return tuple(Size(batch) for batch in BATCHES)
    every = (
        *(Size(batch, WIDTH, DEPTH) for batch in BATCHES),
        *(Size(BASE_BATCH, width, DEPTH) for width in WIDTHS),
        *(Size(BASE_BATCH, WIDTH, depth) for depth in DEPTHS),
    )
    return tuple(dict.fromkeys(every))


def asked(question: Question, size: Size) -> Question:
    """What is asked of one size: the rows of a sweep, unless some were named."""
    sized = replace(question, rows_of_batch=size.batch, swept=True)
    return sized if size.width is None or size.depth is None else replace(sized, width=size.width, depth=size.depth)
