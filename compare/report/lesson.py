"""A lesson in the terminal: both sources beside each other, what each side returned, the verdict, and what to learn."""

from rich.console import Console
from rich.padding import Padding
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from compare.lessons.align import line_rows
from compare.report.beside import SIDE_BY_SIDE
from compare.report.contract import Form
from compare.report.pieces import COLOUR, INDENT, coloured, pairs_of_words, paragraph, show_table, table
from compare.report.reading import PAGE, TITLE

MARKS = {(True, True): "|", (True, False): "<", (False, True): ">"}


def show_sources(sources: list[Form], out: Console) -> None:
    """Each name's two sources: statements beside each other, lines that differ marked as ``diff -y`` does, where there
    is room; else one above the other."""
    for source in sources:
        reference, port = source["reference"], source["port"]
        longest = max(len(line) for side in (reference, port) for line in side["text"].splitlines())
        # Where nobody watches no line is broken: it would read as another program.
        if out.width >= SIDE_BY_SIDE and (out.is_terminal or 2 * longest + 5 <= out.width):
            out.print(_beside(reference, port, out))
        else:
            for side in (reference, port):
                out.print(_head(side))
                out.print(_highlighted(side["text"], out), soft_wrap=not out.is_terminal)
        out.print()


def show_outcome(form: Form, out: Console) -> None:
    """What came out of each side, the verdict, what is to be known of each line, and the lesson in three sentences."""
    show_table(out, _quantities(form["quantities"]))
    out.print()
    show_words(form, out)
    for word in ("same", "different", "prevents"):
        out.print(paragraph(word, form[word]))
    out.print(paragraph("verdict", coloured(form["verdict"])))


def show_words(form: Form, out: Console) -> None:
    """The newcomer's question and its answer, and idea by idea; nothing where a lesson has none."""
    if form["question"]:
        out.print(Text(form["question"], style="bold"))
        out.print(Text(form["text"]))
        out.print()
    for idea in form["ideas"]:
        out.print(Text(idea["line"], style="cyan"))
        out.print(Padding(Text(idea["text"]), (0, 0, 1, len(INDENT))))


def show_mark(form: Form, out: Console) -> None:
    """What was written against the other side: the first quantity that differs, each quantity, the verdict."""
    out.print(Text.assemble((form["lesson"], "bold"), f": the {form['marked']} as it was written"))
    if first := form["first_difference"]:
        out.print(paragraph("answer", f"`{first['name']}` is the first quantity that differs: {first['reason']}"))
    left, right = ("torchref", form["file"]) if form["marked"] == "port" else (form["file"], "jaxport")
    show_table(out, _quantities(form["quantities"], left, right, "not judged"))
    out.print(paragraph("verdict", coloured(form["verdict"])))


def show_list(lessons: dict[str, str], parts: dict[str, str], out: Console) -> None:
    """What there is to read, one line each."""
    width = max(map(len, [*lessons, *parts]))
    chapters = {"lessons": lessons, "the pairs' own sources": parts, "what a report says": {PAGE: TITLE}}
    for heading, known in chapters.items():
        out.print(Text(heading, style="bold"))
        names = pairs_of_words()
        for name, text in known.items():
            names.add_row(Text(INDENT + name.ljust(width), style="cyan"), Text(text))
        show_table(out, names)
    out.print(Text("jaxport read NAME shows both sides, what each returns, and the verdict"))


def _quantities(
    quantities: list[Form], left: str = "torchref", right: str = "jaxport", unjudged: str = "differs"
) -> Table:
    rows = table("quantity", left, right, "verdict")
    for one in quantities:
        word = one["verdict"] or unjudged
        reason = f"\n{one['reason']}" if one["reason"] else ""
        verdict = Text.assemble((word, COLOUR.get(word, "cyan")), (reason, "dim"))
        rows.add_row(Text(one["name"]), Text(one["reference"]), Text(one["port"]), verdict)
    return rows


def _beside(reference: Form, port: Form, out: Console) -> Table:
    grid = Table.grid(padding=(0, 1, 0, 0), expand=True)
    grid.add_column(ratio=1, overflow="fold")
    grid.add_column(width=1)
    grid.add_column(ratio=1, overflow="fold")
    grid.add_row(_head(reference), "", _head(port))
    left, right = (_highlighted(side["text"], out).split("\n") for side in (reference, port))
    for i, j in line_rows(reference["text"], port["text"]):
        ours, theirs = (Text() if k is None else lines[k] for k, lines in ((i, left), (j, right)))
        same = ours.plain.strip() == theirs.plain.strip()
        mark = "" if same else MARKS[bool(ours.plain.strip()), bool(theirs.plain.strip())]
        grid.add_row(ours, Text(mark, style="yellow"), theirs)
    return grid


def _head(side: Form) -> Text:
    return Text(f"{side['path']}:{side['line']}", style="bold")


def _highlighted(text: str, out: Console) -> Text:
    text = text.rstrip("\n")
    if not out.is_terminal:
        return Text(text)
    return Syntax(text, "python", theme="ansi_dark", background_color="default").highlight(text)
