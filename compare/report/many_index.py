"""A page of many files: the verdict of each, a link to its own report, and its last runs as marks, so that one sees
when it broke and what had changed then."""

from collections.abc import Mapping, Sequence
from html import escape

from compare.report.captured import html_page, whole_page
from compare.report.many_contract import KeptForm, OutcomeWord, PastForm, RowForm
from compare.report.many_pairs import counts, worst_first
from compare.verdict.counted import counted

MARKS = 30  # runs that have a mark
GOOD: tuple[OutcomeWord, ...] = ("match",)
MIND: tuple[OutcomeWord, ...] = ("float32_only", "incomplete")
STYLE = """<style>
body.jaxport { max-width: 72rem; background: light-dark(#fcfcfb, #16181c); color: light-dark(#1c1f24, #e4e6ea); }
h1 { font-size: clamp(1.5rem, 1.2rem + 1.5vw, 2.1rem); line-height: 1.25; margin: 0; text-wrap: balance; }
.soft, .when, .seconds, .said { color: light-dark(#595f69, #a3a9b4); }
.counts { display: flex; flex-wrap: wrap; gap: 0.5rem; margin: 1rem 0; padding: 0; list-style: none; }
.word { display: inline-block; padding: 0.05rem 0.6rem; border: 1px solid currentColor; border-radius: 1rem;
  font-size: 0.85rem; font-weight: 600; white-space: nowrap; }
.good { color: var(--jaxport-good); } .mind { color: var(--jaxport-mind); }
.bad { color: var(--jaxport-bad); } .none { color: var(--jaxport-dim); }
.word.bad { border-width: 2px; }
.files .word { justify-self: start; }
label { display: none; } .js label { display: block; margin: 1rem 0; }
input { width: min(24rem, 100%); box-sizing: border-box; padding: 0.4rem 0.75rem; font: inherit; border-radius: 6px;
  border: 1px solid light-dark(#8b8f97, #757b86); background: light-dark(#fff, #1d2025); color: inherit; }
.files { margin: 1.5rem 0 0; padding: 0; list-style: none; border-top: 1px solid light-dark(#e0e0db, #33373f); }
.files > li { display: grid; grid-template-columns: 7.5rem minmax(0, 1fr) auto 4.5rem 9.5rem; gap: 0.1rem 1rem;
  align-items: center; padding: 0.55rem 0; border-bottom: 1px solid light-dark(#e0e0db, #33373f); }
.files > li[hidden] { display: none; }
.name { font-weight: 600; overflow-wrap: anywhere; }
.said { grid-column: 2 / -1; margin: 0; font-size: 0.9rem; overflow-wrap: anywhere; }
.seconds, .when { font-size: 0.85rem; text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
.past { display: inline-flex; align-items: flex-end; gap: 2px; height: 1.1rem; }
.past i { width: 5px; height: 45%; border-radius: 1px; background: currentColor; }
.past i.mind { height: 70%; } .past i.bad { height: 100%; } .past i.none { height: 25%; }
.key i { display: inline-block; width: 5px; height: 0.5rem; margin: 0 0.3rem 0 0.9rem; background: currentColor; }
.key i.mind { height: 0.75rem; } .key i.bad { height: 1.1rem; } .key i.none { height: 0.3rem; }
a { color: light-dark(#1d5a8a, #8cc2ee); text-underline-offset: 0.18em; }
@media (max-width: 46rem) {
  .files > li { grid-template-columns: auto minmax(0, 1fr) auto; }
  .name { grid-column: 1 / -1; grid-row: 1; } .said { grid-column: 1 / -1; }
  .past { justify-self: start; overflow: hidden; max-width: 100%; justify-content: flex-end; } .when { display: none; }
}
@media print { label { display: none !important; } .files > li { break-inside: avoid; } }
</style>"""
# The one thing that the page does: show those whose name or verdict has what is typed.
SCRIPT = """<script>
document.documentElement.classList.add("js");
document.querySelector("input").addEventListener("input", event => {
  const typed = event.target.value.toLowerCase();
  for (const row of document.querySelectorAll(".files > li"))
    row.hidden = !row.dataset.words.includes(typed);
});
</script>"""


def index_page(rows: Sequence[RowForm], pages: Mapping[str, str], asked: str) -> str:
    """The page; it needs no other.

    Args:
        pages: the own page of each file that has one, from this page's folder.
        asked: of what all of them were asked, beside the default.
    """
    against = sum(row["code"] != 0 for row in rows)
    title = f"{counted(len(rows), 'file')}: {f'{against:,} not matched' if against else 'all matched'}"
    latest = max((row["ended"] for row in rows), default="")
    badges = "".join(f"<li>{_word(word, f'{count:,} {word}')}</li>" for word, count in reversed(counts(rows).items()))
    head = f"<h1>{escape(title)}</h1><p class='soft'>jaxport verify {escape(asked)}, last run {_moment(latest)} UTC</p>"
    find = '<label>Show <input type="search" placeholder="a name or a verdict"></label>'
    key = "".join(f'<i class="{kind}"></i>{escape(text)}' for kind, text in KEY.items())
    listed = "".join(_row(row, pages.get(row["name"], "")) for row in worst_first(rows))
    foot = f"<p class='soft key'>Each mark is a run, the latest on the right:{key}</p>"
    return whole_page(title, f'{STYLE}{head}<ul class="counts">{badges}</ul>{find}<ul class="files">{listed}</ul>'
                             f"{foot}{SCRIPT}")  # fmt: skip


KEY = {
    "good": "match",
    "mind": "float32_only or incomplete",
    "bad": "mismatch or invalid, or no verdict",
    "none": "no pair",
}


def own_page(kept: KeptForm) -> str:
    """The report of one file; where it has none, what its process said last."""
    result = kept["result"]
    if result is not None and "pairs" in result:
        return html_page(result)  # type: ignore[arg-type]  # as verify wrote it
    title = f"{kept['name']}: {kept['outcome']}"
    said = f"<h1>{escape(title)}</h1><p>{escape(kept['text'])}</p><pre class='wide'>{escape(kept['said'])}</pre>"
    return whole_page(title, said)


def broke(past: Sequence[PastForm]) -> str:
    """Since when a file is what it is, what it was before, and what had changed then; empty where it never was
    anything else."""
    last = past[-1]["outcome"]
    streak = next((count for count, run in enumerate(reversed(past)) if run["outcome"] != last), len(past))
    if streak == len(past):
        return ""
    first, before = past[-streak], past[-streak - 1]
    changes = f": {', '.join(first['changed'])}" if first["changed"] else ": nothing that is looked at had changed"
    return f"{before['outcome']} until {_moment(before['ended'])}, {last} since {_moment(first['ended'])}{changes}"


def _row(row: RowForm, page: str) -> str:
    name = f'<a href="{escape(page, quote=True)}">{escape(row["name"])}</a>' if page else escape(row["name"])
    text = row["text"] if row["outcome"] not in GOOD else ""
    said = "".join(f'<p class="said">{escape(one)}</p>' for one in (text, broke(row["past"])) if one)
    words = escape(f"{row['name']} {row['outcome']}".lower(), quote=True)
    return (
        f'<li data-words="{words}">{_word(row["outcome"], row["outcome"])}<span class="name">{name}</span>'
        f'{_past(row["past"])}<span class="seconds">{row["seconds"]:.1f} s</span>'
        f'<time class="when" datetime="{row["ended"]}">{_moment(row["ended"])}</time>{said}</li>'
    )


def _past(past: Sequence[PastForm]) -> str:
    shown = past[-MARKS:]
    words = [run["outcome"] for run in shown]
    label = ", ".join(f"{words.count(word)} {word}" for word in dict.fromkeys(reversed(words)))
    marks = "".join(
        f'<i class="{_kind(run["outcome"])}" title="{escape(_told(run), quote=True)}"></i>' for run in shown
    )
    return f'<span class="past" role="img" aria-label="{counted(len(shown), "run")}: {label}">{marks}</span>'


def _told(run: PastForm) -> str:
    return ", ".join([f"{_moment(run['ended'])} {run['outcome']}, {run['seconds']:.1f} s", *run["changed"]])


def _word(word: OutcomeWord, text: str) -> str:
    return f'<span class="word {_kind(word)}">{escape(text)}</span>'


def _kind(word: OutcomeWord) -> str:
    if word == "no pair":
        return "none"
    return "good" if word in GOOD else "mind" if word in MIND else "bad"


def _moment(iso: str) -> str:
    """To the minute, as one reads it."""
    return iso[:16].replace("T", " ")
