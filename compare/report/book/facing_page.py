"""Tape against function as a page of the site: words, pictures and figures of committed results."""

import re
from html import escape
from pathlib import Path
from typing import Any

from markupsafe import Markup

from compare.checkpoints.json_file import read_json
from compare.report.book.documents import REFERENCE, ROOT
from compare.report.book.page import Page
from compare.report.contract import Form
from compare.report.contrast_costs import byte_rows
from compare.report.contrast_pictures import facing_picture
from compare.report.contrast_timeline import timeline_picture

PAIR = "results/cpu/contrast-mlp.json"  # with costs and capabilities
MEASURED = "results/cpu/contrast_examples.json"
TITLE = "Tape against function, drawn"


def facing_pages(root: Path = ROOT) -> list[Page]:
    """The one page; none where the results do not lie beside the packages.

    Raises:
        OSError, ValueError: a result is there that cannot be read.
    """
    if not all((root / name).is_file() for name in ("pyproject.toml", PAIR)):
        return []
    form: Any = read_json(root / PAIR)
    measured: Any = read_json(root / MEASURED) if (root / MEASURED).is_file() else {"found": []}
    drawn = [
        ("The forward pass", "Tape on the left as it was recorded, the equations of the loss on the right; on one "
         "level stands what makes the same numbers; the lines beside it say what takes what.", facing_picture(form)),
        ("The backward pass", "The same nodes as the engine runs them, beside the equations of the gradient.",
         facing_picture(form, "gradient")),
        ("Bytes alive", "Through both passes, beside parameters and inputs.", timeline_picture(form)),
    ]  # fmt: skip
    shows = {
        "form": form,
        "pictures": [(title, told, _inline(svg, f"{title}. {told}")) for title, told, svg in drawn],
        "bytes": byte_rows(form),
        "measured": [_measured(row) for row in measured["found"]],
        "notes": list(dict.fromkeys(row["note"] for row in measured["found"] if row.get("note"))),
    }
    parts = [("words", "in words", " ".join(form["words"]))]
    parts += [("can", row["name"], f"{row['title']} {row['port']['message']}") for row in form["capabilities"]]
    about = "What one pair records on either side, beside each other: pictures, bytes, and what each way can do"
    return [Page("tape-against-function.html", TITLE, REFERENCE, about, "facing.html", shows, parts)]


def _inline(svg: str, label: str) -> Markup:
    """A picture in the page itself, whose colours are those of the page; ``label`` says it to who cannot see it."""
    bare = re.sub(r"<style>.*?</style>", "", svg, flags=re.DOTALL)
    return Markup(bare.replace('role="img"', f'role="img" aria-label="{escape(label)}"', 1))


def _measured(row: Form) -> Form:
    rows = f"{row['rows']:,}" if row["rows"] else "its own"
    apart = f"{100 * row['apart']:+.1f} %".replace("-", "\N{MINUS SIGN}")
    return {**row, "rows": rows, "apart": apart, "counted": f"{row['bytes']:,}", "there": f"{row['measured']:,}"}
