"""What a lesson says beside its lines: a newcomer's question, idea by idea, and three questions to the reader.

``compare/lessons/prose/NAME.md``: the question as its heading, an answer in a few sentences; then, for each idea, the
beginning of a line of the lesson as a heading, and what is to be known of it; last ``## Three questions``, each a line
that begins with a dash, and under it the words of the page that answer it.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "prose"
LAST = "Three questions"


@dataclass(frozen=True)
class Idea:
    """What is to be known of one line, by its beginning."""

    line: str
    text: str


@dataclass(frozen=True)
class Ask:
    """A question, and the words of the page that answer it."""

    question: str
    answer: str


@dataclass(frozen=True)
class Words:
    """All that a lesson says."""

    question: str = ""
    text: str = ""
    ideas: tuple[Idea, ...] = ()
    asks: tuple[Ask, ...] = ()


@cache
def words_of(lesson: str) -> Words:
    """The words of the lesson called ``lesson``; empty where there are none yet."""
    path = FOLDER / f"{lesson}.md"
    return read(path.read_text(encoding="utf-8")) if path.is_file() else Words()


def read(text: str) -> Words:
    """The parts of a page of words.

    Raises:
        ValueError: there is no heading, or no questions at the end.
    """
    head, *rest = text.strip().split("\n## ")
    if not head.startswith("# ") or not rest or not rest[-1].startswith(LAST):
        raise ValueError(f"expected '# question', ideas under '## line', and '## {LAST}' at the end")
    question, said = _parted(head.removeprefix("# "))
    ideas = tuple(Idea(line.strip("`"), told) for line, told in map(_parted, rest[:-1]))
    asks = [_parted(one) for one in f"\n{_body(rest[-1])}".split("\n- ")[1:]]
    return Words(question, said, ideas, tuple(Ask(one, answer) for one, answer in asks))


def _parted(text: str) -> tuple[str, str]:
    """The first line, and the rest as one paragraph."""
    first, _, rest = text.partition("\n")
    return first.strip(), " ".join(rest.split())


def _body(text: str) -> str:
    return text.partition("\n")[2].strip()
