"""The pages in a learner's order, and what each one shows: forms in, plain data for the templates out."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby

from compare.lessons import CHAPTERS
from compare.measure.programs import Curve
from compare.report.book.curves import shown
from compare.report.book.drawing.figure import figure
from compare.report.book.exercises import EXERCISES, Exercise
from compare.report.book.grid import Side, beside
from compare.report.book.prose import unquoted
from compare.report.contract import Form
from compare.report.pieces import number

Part = tuple[str, str, str]  # where on the page, what it is, its text

SIGNS = {"match": "✓", "float32_only": "≈", "incomplete": "…", "mismatch": "✗", "invalid": "✗", "differs": "≠"}
OTHERS = "Others"  # lessons of no chapter
LEARNED = (
    ("same", "What is the same"),
    ("different", "What is different"),
    ("prevents", "The mistake it prevents"),
)


@dataclass(frozen=True)
class Page:
    """A page: its file, its template, what the template is given, and what the search finds on it; ``about``: what it
    is, for the index."""

    file: str
    title: str
    group: str
    about: str
    template: str
    shows: Form = field(repr=False)
    parts: list[Part] = field(repr=False)


def pages(book: Form) -> list[Page]:
    """Every page but the index."""
    lessons = [_lesson(form, place) for place, form in enumerate(book["lessons"], 1)]
    return [_step(book["parts"]), *lessons, _model(book["parts"], book["curves"]), _exercises(book["lessons"])]


def contents(every: list[Page]) -> list[tuple[str, list[Page]]]:
    """The pages by group, for the table of contents."""
    return [(group, list(some)) for group, some in groupby(every, key=lambda page: page.group)]


def chapters(forms: list[Form]) -> list[tuple[str, list[Form]]]:
    """The lessons that there are, by chapter; what is in none stands last."""
    place = {row.name: title for title, rows in CHAPTERS.items() for row in rows}
    titles = dict.fromkeys(place.get(form["lesson"], OTHERS) for form in forms)
    return [(title, [form for form in forms if place.get(form["lesson"], OTHERS) == title]) for title in titles]


def verdict_counts(forms: list[Form]) -> list[tuple[str, int]]:
    """How many have each verdict, best first."""
    words = [form["verdict"] for form in forms]
    return [(word, words.count(word)) for word in SIGNS if word in words]


def _lesson(form: Form, place: int) -> Page:
    picture = form["picture"]
    shows = {
        **form,
        "figure": figure(picture) if picture else [],
        "caption": picture["caption"] if picture else "",
        "place": place,
        "pairs": _told_pairs(form),
        "learned": [(key, heading, form[key]) for key, heading in LEARNED],
        "rows": [_quantity(item) for item in form["quantities"]],
    }
    parts: list[Part] = [("top", "summary", unquoted(form["summary"]))]
    parts += [(key, heading.lower(), unquoted(form[key])) for key, heading in LEARNED]
    if form["question"]:
        parts.append(("question", "question", unquoted(f"{form['question']} {form['text']}")))
    for place, idea in enumerate(form["ideas"], 1):
        parts.append((f"idea-{place}", "idea", unquoted(f"{idea['line']} {idea['text']}")))
    if picture:
        parts.append(("picture", "picture", unquoted(picture["caption"])))
    for item in form["quantities"]:
        texts = dict.fromkeys((item["reference"], item["port"], unquoted(item["reason"])))
        parts.append(("returns", f"quantity {item['name']}", " | ".join(filter(None, texts))))
    file = f"{form['lesson']}.html"
    return Page(file, form["title"], "Lessons", form["summary"], "lesson.html", shows, parts + _code(form))


def _step(parts: list[Form]) -> Page:
    (form,) = (part for part in parts if part["lesson"] == "train")
    shows = {"pairs": [_pair(one) for one in form["sources"]]}
    prose = ("top", "summary", "A training step: tensor, tape, module and optimizer; values and functions.")
    about = "What a step changes in PyTorch, and what it returns in JAX"
    found = [prose, *_code(form)]
    return Page("step.html", "A training step, drawn", "Before the lessons", about, "step.html", shows, found)


def _model(parts: list[Form], curves: list[Form]) -> Page:
    pairs = [(part["summary"], _pair(one)) for part in parts for one in part["sources"]]
    found = [("top", "summary", unquoted(part["summary"])) for part in parts] + [
        one for part in parts for one in _code(part)
    ]
    shows = {"pairs": pairs, **shown([Curve(**curve) for curve in curves])}
    about = "The perceptron, its loss, its optimizer and its step, as the ideas of all lessons come together"
    return Page(
        "model.html", "The model and its training, whole", "After the lessons", about, "model.html", shows, found
    )


def _exercises(forms: list[Form]) -> Page:
    """The tasks that somebody wrote, then every other lesson with its own questions."""
    written = {one.lesson for one in EXERCISES}
    rest = [
        Exercise(form["title"], form["lesson"], f"{form['summary']}. Write the side that is missing.", _asked(form))
        for form in forms
        if form["lesson"] not in written
    ]
    exercises = (*EXERCISES, *rest)
    shows = {"exercises": exercises, "known": {form["lesson"] for form in forms}}
    parts = [(f"exercise-{one.lesson}", one.title, unquoted(" ".join((one.task, *one.questions)))) for one in exercises]
    about = "Every lesson with one side missing, and the command that marks it"
    return Page("exercises.html", "Exercises", "After the lessons", about, "exercises.html", shows, parts)


def _asked(form: Form) -> tuple[str, ...]:
    """A lesson's questions, without their answers."""
    return tuple(ask["question"] for ask in form["asks"])


def _told_pairs(form: Form) -> list[Form]:
    """The lesson's sources, each with what is said of its lines: of a line that several have, at the first of them."""
    pairs: list[Form] = []
    left = dict(enumerate(form["ideas"], 1))
    for item in form["sources"]:
        starts = [left[place]["line"] if place in left else "\n" for place in range(1, len(form["ideas"]) + 1)]
        pair = _pair(item, starts)
        here = sorted({line.idea for side in pair["sides"] for line in side.lines} & set(left))
        ideas = [{"place": place, "of": _lines_of(place, pair["sides"]), **left.pop(place)} for place in here]
        pairs.append({**pair, "ideas": ideas, "places": _places(pair["sides"])})
    return pairs


def _places(sides: Sequence[Side]) -> dict[int, tuple[int, int]]:
    """Where an idea's words lead back to: the first line that they are said of, by its side and its number."""
    found: dict[int, tuple[int, int]] = {}
    for at, side in enumerate(sides):
        for line in side.lines:
            if line.idea:
                found.setdefault(line.idea, (at, line.number))
    return found


def _lines_of(place: int, sides: Sequence[Side]) -> list[tuple[str, str]]:
    """The line of either side of which something is said, without its comment; once where both read alike."""
    found = []
    for name, side in zip(("reference", "port"), sides, strict=True):
        texts = ["".join(piece.text for piece in line.pieces) for line in side.lines if line.idea == place]
        found += [(name, text.split("  #")[0].strip()) for text in texts[:1]]
    return [("both", found[0][1])] if len({text for _, text in found}) < len(found) else found


def _pair(source: Form, starts: Sequence[str] = ()) -> Form:
    """Both sides of one name, aligned."""
    left, right, rows = beside(source["reference"], source["port"], starts)
    lines = [line for side in (left, right) for line in side.lines]
    marked = sum(bool(line.mark) for line in lines)
    shown = {"name": source["name"], "sides": (left, right), "rows": rows, "marked": marked, "lines": len(lines)}
    return {**shown, "ideas": [], "places": {}}


def _quantity(one: Form) -> Form:
    word = one["verdict"] or "differs"
    texts = [_told(one["reference"]), _told(one["port"])]
    return {**one, "word": word, "sign": SIGNS[word], "gap": _gap(one), "texts": texts}


def _gap(one: Form) -> str:
    """The numbers behind a verdict; none where two values were simply equal."""
    if not one["allowed"] or one["verdict"] is None:
        return ""
    return f"gap {number(one['gap'])}, allowed {number(one['allowed'])}"


def _told(text: str) -> Form:
    """A table over several lines keeps its columns; anything else may be broken, and one row needs no breaks."""
    array = text.lstrip().startswith("[")
    table = array and text.lstrip().startswith("[[") and "\n" in text
    return {"text": " ".join(text.split()) if array and not table else text, "table": table}


def _code(form: Form) -> list[Part]:
    return [
        (f"source-{one['name']}", side["path"], side["text"])
        for one in form["sources"]
        for side in (one["reference"], one["port"])
    ]
