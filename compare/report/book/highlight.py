"""Python source as coloured pieces of text, line by line."""

from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from itertools import pairwise

from pygments.lexers import PythonLexer
from pygments.token import STANDARD_TYPES, _TokenType

DOCSTRING = "sd"
WORDS = ("c1", DOCSTRING)  # comments and docstrings: that they are worded differently is no news
CLOSING = (")", "]", "}")
ARRAYS = {"Tensor": "Array"}  # what either side calls an array in a signature is none either
ALIKE = 0.5  # of two lines' pieces, from which it helps to show which of them differ


@dataclass(frozen=True)
class Piece:
    """Text of one kind, by pygments' short name; ``differs`` from what stands beside it."""

    kind: str
    text: str
    differs: bool = False


def lines(text: str) -> list[list[Piece]]:
    """The lines of ``text``, highlighted as one whole: a docstring's second line is one too."""
    made: list[list[Piece]] = [[]]
    for token, value in PythonLexer(stripnl=False, ensurenl=False).get_tokens(text.removesuffix("\n")):
        for number, part in enumerate(value.split("\n")):
            if number:
                made.append([])
            if part:
                made[-1].append(Piece(_kind(token), part))
    return made


def differing(left: list[Piece], right: list[Piece]) -> tuple[list[Piece], list[Piece]]:
    """The pieces of two lines that are much alike, those that differ marked."""
    texts, others = ([ARRAYS.get(piece.text, piece.text) for piece in side] for side in (left, right))
    matcher = SequenceMatcher(None, texts, others, autojunk=False)
    if matcher.ratio() < ALIKE:
        return left, right
    ours, theirs = list(left), list(right)
    for word, i, i_end, j, j_end in matcher.get_opcodes():
        if word != "equal":
            _mark(ours, i, i_end)
            _mark(theirs, j, j_end)
    return ours, theirs


def alike(left: list[Piece], right: list[Piece]) -> bool:
    """Whether two lines, or statements, say the same but for comments, docstrings, and what an array is called."""
    return _told(left) == _told(right)


def _told(pieces: list[Piece]) -> list[str]:
    """What they say, a comma before a closing bracket left out: it stands where a statement has several lines."""
    texts = [ARRAYS.get(one.text, one.text) for one in pieces if one.kind not in WORDS and one.text.strip()]
    return [one for one, after in pairwise([*texts, ""]) if one != "," or after not in CLOSING]


def silent(pieces: list[Piece]) -> bool:
    """Whether a line does nothing: it is empty, or part of a docstring."""
    return all(piece.kind == DOCSTRING or not piece.text.strip() for piece in pieces)


def _mark(pieces: list[Piece], start: int, end: int) -> None:
    for place in range(start, end):
        if pieces[place].text.strip() and pieces[place].kind not in WORDS:
            pieces[place] = replace(pieces[place], differs=True)


def _kind(token: _TokenType) -> str:
    """The short name of the nearest kind that has one; none for plain text, names and punctuation."""
    while token not in STANDARD_TYPES and token.parent is not None:
        token = token.parent
    short = STANDARD_TYPES[token]
    return "" if short in ("n", "p", "w", "err") else short
