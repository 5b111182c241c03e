"""Prose as HTML: escaped, its code set as code."""

import re

from markupsafe import Markup, escape

# What stands between backticks, and without them what can only be code: a.b, .b, f(), f(1), snake_case.
PART = r"(?:[A-Za-z_]\w+|[A-Z])"  # one small letter after a dot is an abbreviation
CODE = re.compile(
    rf"(?P<ticks>`{{1,2}})(?P<quoted>[^`]+)(?P=ticks)"
    rf"|(?<![\w/.-])(?:(?:[A-Za-z_]\w*)?(?:\.{PART})+|{PART}(?=\()|\w+_\w+)(?:\([\w=., ]*\))?"
)

SMALL = ("torch", "optax", "jax")


def prose(text: str) -> Markup:
    """``text`` for a page; safe whatever it holds."""
    done, made = 0, Markup()
    for found in CODE.finditer(text):
        made += escape(text[done : found.start()])
        made += Markup("<code>{}</code>").format(found["quoted"] or found[0])
        done = found.end()
    return made + escape(text[done:])


def unquoted(text: str) -> str:
    """``text`` without its backticks."""
    return CODE.sub(lambda found: found["quoted"] or found[0], text)


def sentence(text: str) -> str:
    """``text``, words of a page, as a sentence of its own; a library's name stays small."""
    begins = text if text.startswith(SMALL) else text[:1].upper() + text[1:]
    return begins if text.endswith((".", "?", "!")) else f"{begins}."


def capitalized(text: str) -> str:
    """``text`` as the start of a sentence, without its full stop."""
    return (text[:1].upper() + text[1:]).removesuffix(".")
