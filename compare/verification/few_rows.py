"""Of a large model, few rows of the batch for probes and mutants: they ask for other values, and not for many of them.

The pair's own batch is judged whole. A pair that does not take fewer rows has its probes on all of them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from compare.pair.pair import Entering
from compare.sides.quartet import Quartet
from compare.verdict.counted import counted
from compare.verification.probing import Outcome

ROWS = (1, 2)  # one, or the fewest that batch statistics can be taken of
LARGE = 1 << 23  # parameters from which a pass costs more than compiling another shape, at some hundred tokens a row


def few_rows(quartet: Quartet, entering: Entering) -> Iterator[Entering]:
    """What would enter with few rows, the fewest first; nothing of a small model, of a small batch, or on record."""
    batch = entering.batches[0]
    parameters = sum(array.size for array in entering.weights.values())
    if quartet.on_record or quartet.pair.by_hand is not None or parameters < LARGE:
        return
    yield from (replace(entering, batches=(batch.taking(slice(rows)),)) for rows in ROWS if batch.rows >= 2 * rows)


def are_taken(outcomes: Sequence[Outcome]) -> bool:
    """Whether both sides took the few rows in every mode, and what comes of them has one structure."""
    return all(outcome.judged is not None and not outcome.skipped for outcome in outcomes)


def in_words(entering: Entering, few: Entering) -> str:
    """A notice."""
    parameters = sum(array.size for array in entering.weights.values())
    rows = few.batches[0].rows
    which = "the first" if rows == 1 else f"the first {rows}"
    whole = counted(entering.batches[0].rows, "row")
    return f"probes and mutants: on {which} of {whole}, since the model has {parameters:,} parameters"
