"""Of a large model, few rows of the batch for probes and mutants: they ask for other values, and not for many of them.

The pair's own batch is judged whole. A pair that does not take fewer rows, or of which they show less, has its probes
on all of them.
"""

from collections.abc import Sequence
from dataclasses import replace

from compare.pair.pair import Entering
from compare.sides.quartet import Quartet
from compare.verdict.counted import counted
from compare.verdict.thresholds import NOTHING, ROWS_TAKEN
from compare.verification.probing import Outcome

LARGE = 1 << 23  # parameters from which a pass costs more than compiling another shape, at some hundred tokens a row


def few_rows(quartet: Quartet, entering: Entering) -> Entering | None:
    """What would enter with few rows; None of a small model, of a small batch, or on record."""
    batch = entering.batches[0]
    by_hand = quartet.pair.by_hand is not None
    if quartet.on_record or by_hand or _parameters(entering) < LARGE or batch.rows < 2 * ROWS_TAKEN:
        return None
    return replace(entering, batches=(batch.taking(slice(ROWS_TAKEN)),))


def are_taken(of_few: Sequence[Outcome], of_all: Sequence[Outcome]) -> bool:
    """Whether both sides took the few rows in every mode, what comes of them has one structure, and nothing vanishes on
    them that is there on the whole batch: what is zero on both sides agrees whatever the port does."""
    if any(outcome.judged is None or outcome.skipped for outcome in of_few):
        return False
    few = {quantity.name: quantity.judgement.scale for outcome in of_few for quantity in outcome.quantities}
    every = [quantity for outcome in of_all for quantity in outcome.quantities]
    # A gradient that is zero but for rounding, as of a bias before a norm, has no bit right.
    sizes = {one.name: one.judgement.scale for one in every if one.judgement.bits_reference > 0}
    return all(few[name] > NOTHING * size for name, size in sizes.items() if size > 0 and name in few)


def in_words(entering: Entering, few: Entering) -> str:
    """A notice."""
    whole = counted(entering.batches[0].rows, "row")
    return (
        f"probes and mutants: on the first {few.batches[0].rows} of {whole}, since the model has "
        f"{_parameters(entering):,} parameters"
    )


def _parameters(entering: Entering) -> int:
    return sum(array.size for array in entering.weights.values())
