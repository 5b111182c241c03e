"""The JSON of ``jaxport verify`` over many files as types, and of the file in which each one's result is kept."""

from typing import Literal, NotRequired, TypedDict

from compare.report.contract import Form, VerdictWord, Version

# What became of a file: a verdict, or why there is none.
OutcomeWord = Literal[
    "match", "float32_only", "incomplete", "mismatch", "invalid", "no pair", "cannot start", "crashed", "timed out",
]  # fmt: skip


class PastForm(TypedDict):
    """One run of a file: when it ended (ISO 8601, UTC), what it came to, and what had changed since the one before."""

    ended: str
    outcome: OutcomeWord
    seconds: float
    changed: list[str]


class OnePairForm(TypedDict):
    """One pair of a file, or the lesson that it is, with the answer in a sentence."""

    pair: str
    verdict: str
    answer: str


class RowForm(TypedDict):
    """One file.

    ``code``: what its exit code means to the whole (0, 1, 2). ``taken``: from the store, since nothing had changed;
    ``why`` says why it was run otherwise. ``text``: in a sentence. ``past``: its runs, the last of which this is.
    ``kept``: the file of the store that has the whole result.
    """

    name: str
    outcome: OutcomeWord
    code: int
    seconds: float
    ended: str
    taken: bool
    why: str
    text: str
    pairs: list[OnePairForm]
    past: list[PastForm]
    kept: str


class ManyForm(TypedDict):
    """All that ``jaxport verify --json`` writes of many files, each verified by a process of its own.

    ``verdict``: the worst of those that came to one; null where none did. ``code``: the exit code. ``skipped``: files
    that a glob or a folder brought and in which nothing makes a pair.
    """

    schema: Version
    verdict: VerdictWord | None
    code: int
    counts: dict[str, int]
    engine: str
    at_once: int | None
    seconds: float
    store: str
    index: str
    rows: list[RowForm]
    skipped: list[str]


class KeptForm(TypedDict):
    """What a store keeps of one task: all that its result depends on, and the result as the command wrote it."""

    schema: Version
    name: str
    depends: dict[str, str]
    loaded: NotRequired[list[str]]
    outcome: OutcomeWord
    code: int
    seconds: float
    ended: str
    text: str
    said: str
    result: Form | None
    past: list[PastForm]
