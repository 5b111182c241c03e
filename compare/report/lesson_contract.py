"""The JSON of the commands that show lessons, as types: ``read``, ``book``, and ``verify`` on a lesson's file; and of
``env``.

As in ``compare.report.contract``, these keys stay, and there may be more.
"""

from typing import Literal, TypedDict

from compare.report.contract import EnvironmentForm, Number, VerdictWord, Version


class SourceForm(TypedDict):
    """One side's source: where it stands, and its text."""

    path: str
    line: int
    text: str


class SourcesForm(TypedDict):
    """One name's source on both sides."""

    name: str
    reference: SourceForm
    port: SourceForm


class ReturnedForm(TypedDict):
    """What each side returned of one quantity, in words; what is not judged has no verdict."""

    name: str
    reference: str
    port: str
    verdict: VerdictWord | None
    reason: str
    gap: Number | None
    allowed: Number | None


class DiffersForm(TypedDict):
    """The first quantity that differs, and why."""

    name: str
    reason: str


class IdeaForm(TypedDict):
    """What is to be known of one line of a lesson, by its beginning."""

    line: str
    text: str


class AskForm(TypedDict):
    """A question to the reader, and the words of the lesson that answer it."""

    question: str
    answer: str


class LessonForm(TypedDict):
    """A lesson that ``jaxport read NAME --json`` ran; with ``--no-run`` its sources alone, and no verdict."""

    schema: Version
    lesson: str
    title: str
    same: str
    different: str
    prevents: str
    question: str
    text: str
    ideas: list[IdeaForm]
    asks: list[AskForm]
    sources: list[SourcesForm]
    verdict: VerdictWord | None
    first_difference: DiffersForm | None
    quantities: list[ReturnedForm]
    environment: EnvironmentForm | None


class PartForm(TypedDict):
    """What ``jaxport read NAME --json`` writes of a pair's own sources, which do not run."""

    schema: Version
    lesson: str
    sources: list[SourcesForm]


class ListForm(TypedDict):
    """What ``jaxport read --json`` writes: a title for each name that there is to read."""

    schema: Version
    lessons: dict[str, str]
    parts: dict[str, str]


class PageForm(TypedDict):
    """What ``jaxport read report --json`` writes: the page that explains a report, in Markdown."""

    schema: Version
    page: str
    text: str


ReadForm = LessonForm | PartForm | ListForm | PageForm


class MarkForm(LessonForm):
    """What ``jaxport verify FILE --json`` writes of a lesson's file: which side was written, and where."""

    marked: Literal["reference", "port"]
    file: str


class DrawingForm(TypedDict):
    """A drawing's kind, whose it is, and its title; what else it holds depends on the kind."""

    kind: Literal["lines", "bars", "cells", "strips", "graph", "timeline"]
    side: Literal["torch", "jax", "plain"]
    title: str


class PictureForm(TypedDict):
    """A lesson's picture, as plain data, from the quantities of the run."""

    caption: str
    drawings: list[DrawingForm]


class BookLessonForm(LessonForm):
    """A lesson of the book; ``failure`` is what it raised, if it did, and ``picture`` None where it did."""

    summary: str
    failure: str
    picture: PictureForm | None


class BookPartForm(TypedDict):
    """A pair's own source in the book."""

    lesson: str
    summary: str
    sources: list[SourcesForm]


class BookForm(TypedDict):
    """All that ``jaxport book --json`` writes."""

    schema: Version
    verdict: VerdictWord
    seed: int
    environment: EnvironmentForm
    lessons: list[BookLessonForm]
    parts: list[BookPartForm]


class EnvForm(EnvironmentForm):
    """All that ``jaxport env --json`` writes."""

    schema: Version
