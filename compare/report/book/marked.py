"""A page of the documentation as HTML: its headings named, its code coloured, its links led to pages of the site."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup, escape

from compare.report.book.highlight import lines

Link = Callable[[str], str | None]  # where a link of the source leads to on the site; None: nowhere, its text stays
Drawn = Callable[[str], Markup]
COLOURED = ("python", "py")
BARS = re.compile("[▁▂▃▄▅▆▇█]+")
BREAKS = re.compile(r"(?<=[._,(=/])(?<!\d\.)(?=[^\s._,(=/])")  # where code in a cell may go on in the next line
ROLES = {"thead": "rowgroup", "tbody": "rowgroup", "tr": "row", "th": "columnheader", "td": "cell"}


@dataclass(frozen=True)
class Section:
    """A heading of the second or third level, and what stands under it.

    Attributes:
        at: its name in an address. level: 2 or 3; 1 is the page itself.
        text: all of it without markup, for the search.
    """

    at: str
    level: int
    title: str
    text: str


@dataclass(frozen=True)
class Marked:
    """A page's title, what stands below it, and its sections in order; the first is the page before any heading."""

    title: str
    html: Markup
    sections: list[Section]


def nowhere(code: str) -> None:
    """No code leads anywhere."""


def marked(text: str, link: Link, leads: Link = nowhere, drawn: Mapping[str, Drawn] | None = None) -> Marked:
    """``text``, CommonMark with tables, as HTML.

    Args:
        leads: where code in a sentence leads to, by its text.
        drawn: of a table's row by its first cell, what its bars are drawn as; it is told their text.

    Raises:
        ValueError: it begins with no heading of the first level, or has two.
    """
    engine = _engine()
    tokens = engine.parse(_without_comments(text))
    if [token.tag for token in tokens if token.type == "heading_open"].count("h1") != 1 or tokens[0].tag != "h1":
        raise ValueError(f"expected one heading of the first level, at the start, got {text[:60]!r}")
    title, body = _plain(tokens[1]), tokens[3:]
    names = _name_headings(body)
    _lead(body, link, leads)
    sections = _sections(title, body, names)
    _draw(body, drawn or {})
    _name_cells(body)
    html = Markup(engine.renderer.render(body, engine.options, {}))  # what is not markup is escaped by it
    return Marked(title, html, sections)


def _without_comments(text: str) -> str:
    """What marks a block for the tests is not for readers."""
    return re.sub(r"^<!--.*?-->\n", "", text, flags=re.MULTILINE | re.DOTALL)


def _name_headings(tokens: Sequence[Token]) -> list[str]:
    """Each heading by its words, as the places that host the source do it; the second of a name has a number."""
    names: list[str] = []
    for place, token in enumerate(tokens):
        if token.type == "heading_open":
            word = re.sub(r"[^\w\- ]", "", _plain(tokens[place + 1]).lower()).replace(" ", "-")
            again = sum(re.sub(r"-\d+$", "", name) == word for name in names)
            names.append(f"{word}-{again}" if again else word)
            token.attrSet("id", names[-1])
    return names


def _lead(tokens: Sequence[Token], link: Link, leads: Link) -> None:
    """Every link to where it leads on the site; one that leads nowhere there is only its text."""
    for token in tokens:
        kept: list[Token] = []
        inside = dropped = False
        for child in token.children or []:
            if child.type == "link_open":
                target = link(str(child.attrGet("href")))
                inside, dropped = True, target is None
                child.attrSet("href", target or "")
            elif child.type == "code_inline" and not inside and (target := leads(child.content)):
                kept += [Token("link_open", "a", 1, attrs={"href": target}), child, Token("link_close", "a", -1)]
                continue
            if not (dropped and child.type in ("link_open", "link_close")):
                kept.append(child)
            if child.type == "link_close":
                inside = False
        if token.children is not None:
            token.children = kept


def _draw(tokens: Sequence[Token], drawn: Mapping[str, Drawn]) -> None:
    """The cells of nothing but bars, in rows that are drawn."""
    first = ""
    for before, token in pairwise(tokens):
        if before.type == "tr_open":
            first = ""
        if token.type != "inline" or before.type != "td_open":
            continue
        first = first or _plain(token)
        if first in drawn and BARS.fullmatch(token.content):
            token.children = [Token("html_inline", "", 0, content=drawn[first](token.content))]


def _name_cells(tokens: Sequence[Token]) -> None:
    """What stands above each cell, and what each part of a table is, said at it: on a phone a row is a list, and a list
    is no table to a reader of the screen. Code in a cell may be broken behind a dot, a bracket, an underscore."""
    heads: list[str] = []
    column = 0
    for token, inner in pairwise(tokens):
        if token.nesting == 1 and token.tag in ROLES:
            token.attrSet("role", ROLES[token.tag])
        if token.type == "table_open":
            heads = []
        elif token.type == "tr_open":
            column = 0
        elif token.type == "th_open":
            heads.append(_plain(inner))
        elif token.type == "td_open":
            if column and heads[column]:
                token.attrSet("data-head", heads[column])
            column += 1
            inner.children = [_broken(child) for child in inner.children or []]


def _broken(child: Token) -> Token:
    if child.type != "code_inline":
        return child
    told = Markup("<wbr>").join(escape(part) for part in BREAKS.split(child.content))
    return Token("html_inline", "", 0, content=f"<code>{told}</code>")


def _engine() -> MarkdownIt:
    """CommonMark with tables, written as the site has code and tables."""
    engine = MarkdownIt("commonmark").enable("table")
    engine.add_render_rule("fence", lambda self, tokens, place, *_: _fence(tokens[place]))
    engine.add_render_rule("code_block", lambda self, tokens, place, *_: _fence(tokens[place]))
    # A table may be wider than a phone: it moves inside a frame of its own, which the keyboard reaches.
    engine.add_render_rule(
        "table_open",
        lambda *_: '<div class="wide" role="region" tabindex="0" aria-label="Table"><table role="table">\n',
    )
    engine.add_render_rule("table_close", lambda *_: "</table></div>\n")
    return engine


def _fence(token: Token) -> str:
    language, text = token.info.split(" ")[0], token.content
    return f'<pre tabindex="0"><code>{_coloured(text) if language in COLOURED else escape(text)}</code></pre>\n'


def _coloured(text: str) -> Markup:
    rows = [
        Markup("").join(
            Markup('<span class="{}">{}</span>').format(piece.kind, piece.text) if piece.kind else escape(piece.text)
            for piece in row
        )
        for row in lines(text)
    ]
    return Markup("\n").join(rows) + "\n"


def _sections(title: str, tokens: Sequence[Token], names: Sequence[str]) -> list[Section]:
    found, texts, left = [("top", 1, title)], [list[str]()], iter(names)
    for place, token in enumerate(tokens):
        if token.type == "heading_open":
            found.append((next(left), int(token.tag[1]), _plain(tokens[place + 1])))
            texts.append([])
        elif token.type in ("inline", "fence", "code_block") and tokens[place - 1].type != "heading_open":
            texts[-1].append(_plain(token))
    return [Section(at, level, name, " ".join(text)) for (at, level, name), text in zip(found, texts, strict=True)]


def _plain(token: Token) -> str:
    """The text of a heading, a paragraph, a cell or a block of code, without markup."""
    if token.children is None:
        return token.content
    breaks = ("softbreak", "hardbreak", "html_inline")  # a cell breaks its lines with a tag
    return "".join(" " if child.type in breaks else child.content for child in token.children)
