"""Write docs/api.md from the signatures and docstrings of what ``compare`` makes public.

    python3 -m scripts.make_api

Everything is read from the sources, nothing is imported, so that the page is the same under every Python and with every
version of a library. Where something public is not documented, the page is not written: each gap is one line.
"""

import re
import sys
from collections.abc import Iterator

from scripts.public_names import ROOT, Public, module_of, public
from scripts.undocumented import problems

PAGE = ROOT / "docs" / "api.md"
HEAD = """# API reference

What `from compare import ...` gives, made from the docstrings by `python3 -m scripts.make_api`. The guides:
[verify your own port](verify-your-port.md), [when a port differs](when-a-port-differs.md).
"""


def page(known: list[Public]) -> str:
    """The whole of docs/api.md."""
    names = {one.name: one for one in known}
    parts = [part for one in known if not one.in_its_class(names) for part in _entry(one, {*names})]
    return "\n".join([HEAD, *parts])


def _entry(one: Public, names: set[str]) -> Iterator[str]:
    said = one.docstring
    yield f"{'###' if '.' in one.name else '##'} {one.name}\n"
    if not one.is_property:
        yield f"```python\n{one.signature()}\n```\n"
    yield f"{_markdown(said.text, names)}\n"
    for section, entries in said.entries.items():
        if not entries:
            continue
        yield f"**{section}**\n" if "" not in entries else f"**{section}**: {_markdown(entries[''], names)}\n"
        if "" not in entries:
            yield "".join(f"- `{name}`: {_markdown(text, names)}\n" for name, text in entries.items())


def _markdown(text: str, names: set[str]) -> str:
    """Literals of a docstring as Markdown has them; a public name and a module's name lead to where they are."""

    def literal(match: re.Match[str]) -> str:
        word = match[1]
        if word in names:
            return f"[`{word}`](#{word.lower().replace('.', '')})"
        if word.startswith("compare.") and (module := module_of(word)):
            return f"[`{word}`](../{module.replace('.', '/')}.py)"
        return f"`{word}`"

    return re.sub(r"``(.+?)``", literal, text, flags=re.DOTALL)


def main() -> int:
    known = public()
    gaps = list(problems(known))
    for gap in gaps:
        print(gap, file=sys.stderr)
    if not gaps:
        PAGE.write_text(page(known))
    return int(bool(gaps))


if __name__ == "__main__":
    sys.exit(main())
