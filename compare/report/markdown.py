"""Results as Markdown, for the summary of a job of continuous integration or a comment: the form alone decides."""

import re
from collections.abc import Sequence

from compare.report.answer import answer, complaint
from compare.report.contract import PairForm
from compare.report.failure import cause_text, failed, wrong_weights

LISTED = 10  # quantities of one pair
MOST = 60_000  # characters of one pair's full report; GitHub takes 1 MiB a step


def markdown_of_pairs(pairs: Sequence[tuple[str, PairForm]], strict: bool = False) -> str:
    """A table of all pairs, each with the file that defines it, its verdict and the answer; then those that fail."""
    rows = ["| pair | file | verdict | |", "|---|---|---|---|"]
    for file, pair in pairs:
        sign = "❌" if failed(pair, strict) else "✅" if pair["verdict"] == "match" else "⚠️"
        said = complaint(pair).replace("\n", "; ") if wrong_weights(pair) else answer(pair)
        rows.append(f"| {inline(pair['pair'])} | `{file}` | {sign} {pair['verdict']} | {inline(said)} |")
    parts = ["\n".join(rows), *(_details(pair) for _, pair in pairs if pair["verdict"] != "match")]
    return "\n\n".join(parts) + "\n"


def folded(title: str, text: str) -> str:
    """Preformatted text that opens at a click; a very long one loses its middle."""
    if len(text) > MOST:
        text = f"{text[: MOST // 2]}\n[...]\n{text[-MOST // 2 :]}"
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
    return f"<details><summary>{inline(title)}</summary>\n\n{fence}text\n{text.rstrip()}\n{fence}\n\n</details>\n"


def inline(text: str) -> str:
    """``text`` as one line that no character of it formats, code between backticks excepted."""
    parts = re.split(r"(`[^`]*`)", " ".join(text.split()))
    plain = [part if part.startswith("`") else re.sub(r"([\\`*_\[\]<>#~])", r"\\\1", part) for part in parts]
    return "".join(plain).replace("|", "\\|")


def _details(pair: PairForm) -> str:
    lines = [f"### {inline(pair['pair'])}: {pair['verdict']}", "", inline(answer(pair)), ""]
    for cause in pair["causes"]:
        lines.append(f"- {'why' if cause['certain'] else 'seen, not certain'}: {inline(cause_text(cause))}")
    if first := pair["first_difference"]:
        for side, path, place in (
            ("reference", first["reference"], first["place_reference"]),
            ("port", first["port"], first["place_port"]),
        ):
            lines.append(f"- {side}: {f'`{path}`' if path else 'the whole model'}{f', `{place}`' if place else ''}")
    wrong = [quantity for quantity in pair["quantities"] if quantity["verdict"] != "match"]
    if wrong:
        lines += ["", "| quantity | probe | verdict | gap | allowed |", "|---|---|---|---|---|"]
    for quantity in wrong[:LISTED]:
        numbers = " | ".join(f"{float(quantity[key]):.1e}" for key in ("gap", "allowed"))
        lines.append(f"| `{quantity['name']}` | {inline(quantity['probe'])} | {quantity['verdict']} | {numbers} |")
    if len(wrong) > LISTED:
        lines += ["", f"and {len(wrong) - LISTED} more"]
    return "\n".join(lines)
