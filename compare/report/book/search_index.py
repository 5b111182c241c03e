"""What the search looks through: titles, prose, quantities, code. A script, since a page on disk may load no data."""

import json

from compare.report.book.page import Page
from compare.report.contract import Form


def script(pages: list[Page]) -> str:
    """The index as the script that the pages load."""
    return f"window.bookIndex = {json.dumps([_entry(page) for page in pages], separators=(',', ':'))};\n"


def _entry(page: Page) -> Form:
    parts = [{"at": at, "kind": kind, "text": " ".join(text.split())} for at, kind, text in page.parts if text.strip()]
    return {"file": page.file, "title": page.title, "parts": parts}
