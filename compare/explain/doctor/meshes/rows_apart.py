"""What rows of a batch have to do with each other, where each part of them is worked on by itself: in words.

Shards of one program and processes of several break the same, and are told apart by their words alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from compare.explain.doctor.meshes.reference_in_shards import InShards
from compare.verdict.counted import counted

STATE = ("state/", "after/state/")  # which one of the parts keeps, and a mean of all stands for
NORM, OTHER = "batch norm's statistics are those", "what rows have in common is that"


@dataclass(frozen=True)
class Suspect:
    """One way to work on shards, and what it is called.

    Attributes:
        setting: as somebody who shards knows it; reference, port: what each side has.
        text: one sentence.
    """

    how: InShards
    setting: str
    reference: str
    port: str
    text: str


@dataclass(frozen=True)
class Parts:
    """Into what a batch's rows are cut.

    Attributes:
        many: how many there are, of how many ``rows``.
        whose: "each shard's"; where: " along `data`", or nothing; whole: who takes all rows at once.
        norm, other: what to do about a batch norm, and about whatever else rows meet in.
        scaled: about parts that do not weigh alike; gathered: about a loss that scores rows against each other.
    """

    many: int
    rows: int
    whose: str
    where: str
    whole: str
    norm: str
    other: str
    scaled: str
    gathered: str

    @property
    def each(self) -> str:
        """The rows of one part, in words."""
        most = -(-self.rows // self.many)
        if self.rows % self.many:
            return f"{self.whose} rows{self.where} (at most {most})"
        return f"{self.whose} {counted(most, 'row')}{self.where}"


def rows_apart(parts: Parts, normalizes: bool) -> Iterator[Suspect]:
    """The model on each part alone, the loss on each part alone, and both.

    Args:
        normalizes: whether the model keeps statistics of batches.
    """
    if parts.rows < parts.many:
        return
    what, advice = (NORM, parts.norm) if normalizes else (OTHER, parts.other)
    text = f"{what} of {parts.each} alone, where {parts.whole} takes them of all {parts.rows}: {advice}"
    yield Suspect(InShards(parts.many, apart=True), "batch statistics", "of the batch", "of each part", text)
    loss = _of_the_loss(parts)
    yield Suspect(InShards(parts.many, scored_apart=True), "reduction", "of all rows", "mean over the parts", loss)
    both = f"{text}; and {loss}"
    yield Suspect(InShards(parts.many, True, True), "reduction", "of the batch", "of each part", both)


def _of_the_loss(parts: Parts) -> str:
    """What was seen, and all that may be behind it: rows that do not divide are known, the rest is the loss's own."""
    why = ["some rows count for nothing in it", "rows are scored against each other"]
    if parts.rows % parts.many:
        why.insert(0, f"{parts.many} does not divide {parts.rows} rows")
    return (
        f"the loss of all {parts.rows} rows is not the mean of the losses of {parts.each}, since {', or '.join(why)}: "
        f"{parts.scaled}; where rows are scored against each other, {parts.gathered}"
    )
