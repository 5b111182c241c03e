"""What a person reads at a terminal."""

import io
import re
from dataclasses import replace
from math import inf, nan
from typing import Any

import pytest

from compare.report import terminal
from compare.report.form import train_form, verify_form
from compare.verdict.quantity import Quantity
from compare.verdict.verdict import Verdict
from compare.verification.verification import PairReport
from tests.compare.measure.test_drift import FLIP, step, training
from tests.compare.report.test_form import quantity, report

TRICKY = ["[red]a[/red]", "[/red]", r"\[bold]b", "x[:b:]", "[link=/]c[/]", "shape [3, 7]", "end\\"]


@pytest.fixture(autouse=True)
def _as_on_a_users_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever this machine says about widths and colours."""
    for name in ("COLUMNS", "FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)


class Terminal(io.StringIO):
    """A file that somebody watches."""

    def isatty(self) -> bool:
        return True


def _shown(*reports: PairReport, every: bool = False, file: io.StringIO | None = None) -> str:
    file = file or io.StringIO()
    terminal.show_verify(verify_form(list(reports), {}), terminal.console(file), every)
    return file.getvalue()


def _trained(run: Any) -> str:
    file = io.StringIO()
    terminal.show_training(train_form(run, {}), terminal.console(file))
    return file.getvalue()


def _row(text: str, name: str) -> list[str]:
    """The cells of the first row that starts with ``name``."""
    return next(line.split() for line in text.splitlines() if line.strip().startswith(name))


def _mixed() -> PairReport:
    quantities = (
        quantity("output"),
        quantity("output", probe="zeros", verdict=Verdict.MISMATCH, gap=0.5),
        quantity("grad/w", probe="ties", kink=True, verdict=Verdict.MISMATCH, gap=0.25),
        *(quantity(f"step2/update/{name}", gap=gap) for name, gap in (("a", 1e-17), ("b", 9e-14))),
    )
    return report(*quantities, verdict=Verdict.MISMATCH)


def test_each_quantity_is_shown_where_it_is_worst() -> None:
    """One row each with the probe, the verdict and its numbers; a kink says so."""
    text = _shown(_mixed())
    assert _row(text, "output")[:5] == ["output", "zeros", "mismatch", "5.0e-01", "1.1e-13"]
    assert _row(text, "grad/w")[:5] == ["grad/w", "ties", "match", "(kink)", "2.5e-01"]
    assert text.count("output  ") == 1
    assert "\nverdict    mismatch\n" in text


def test_the_trajectory_is_one_row_until_every_is_asked_for() -> None:
    """Summed up by its worst; ``every`` lists each quantity on each probe."""
    short, long = _shown(_mixed()), _shown(_mixed(), every=True)
    assert _row(short, "trajectory")[:3] == ["trajectory", "(2)", "batch"]
    assert "step2/update/a" not in short
    rows = [line.split()[:2] for line in long.splitlines() if re.search(r" match | mismatch ", line)]
    assert rows == [
        ["output", "batch"],
        ["output", "zeros"],
        ["grad/w", "ties"],
        ["step2/update/a", "batch"],
        ["step2/update/b", "batch"],
    ]


def test_the_head_and_the_certificates_are_told() -> None:
    """Device, precision, sizes; coverage with what was left out, the median limit, the teeth; where words are
    explained."""
    made = report(notices=("two near-ties",))
    left = replace(made.coverage, left_out={"fills": 1024, "flushed": 0}, not_compared=("grad/w",))
    text = _shown(replace(made, coverage=left))
    assert text.startswith("drawn: drawn by hand\ncpu, float32, 1,234 parameters, 2 quantities on 1 probe\n")
    assert "coverage   not compared: grad/w\n           left out: 1,024 entries huge and alike on both sides" in text
    assert "flushes" not in text
    assert "relative differences from 2.3e-13 (median; worst 2.3e-13)" in text
    assert "of 1 fault planted in what enters the port (mutants), each check caught: output 1, gradient 0" in text
    assert text.count("jaxport read report") == 1
    assert "notice     two near-ties" in text


@pytest.mark.parametrize("text", TRICKY)
def test_a_users_text_is_never_markup(text: str) -> None:
    """Reasons, notices, names of outputs, probes and what was not compared come out letter by letter."""
    one = report(quantity("output", verdict=Verdict.INVALID, reason=text), notices=(text,))
    assert text in _shown(one).split("notice")[0]
    assert f"notice     {text}" in _shown(one)
    named = report(quantity(f"output/{text}"), coverage=replace(one.coverage, not_compared=(text,)))
    assert f"output/{text}" in _shown(named)
    assert f"not compared: {text}" in _shown(named)


@pytest.mark.parametrize("text", TRICKY)
def test_a_failures_text_is_never_markup(text: str) -> None:
    """Nor is the name of the images or the environment's values."""
    assert f"first      {text}" in _trained(training(first_failure=text))
    assert f"training: {text}, 3 steps of 5" in _trained(training(data=text))
    file = io.StringIO()
    terminal.show_environment({"processor": text, "versions": {"torch": text}}, terminal.console(file))
    assert file.getvalue().count(text) == 2


@pytest.mark.parametrize("value", [nan, inf])
@pytest.mark.parametrize("kind", ["output", "step2/loss"])
def test_nonfinite_numbers_are_shown_as_words(value: float, kind: str) -> None:
    """In any number of a quantity, also where the worst of several is looked for."""
    for key in ("gap", "allowed", "error_reference", "error_port", "scale"):
        rows = quantity(kind, verdict=Verdict.MISMATCH, **{key: value}), quantity(kind, probe="zeros")
        shown = _shown(report(*rows), every=True)
        assert "mismatch" in _shown(report(*rows))
        assert key == "scale" or re.search(r"\b(nan|inf)\b", shown)


@pytest.mark.parametrize("verdict", list(Verdict))
def test_every_verdict_is_a_word_and_a_colour(verdict: Verdict) -> None:
    """The word is the same with and without colour."""
    text, coloured = _shown(report(verdict=verdict)), _shown(report(verdict=verdict), file=Terminal())
    assert f"\nverdict    {verdict}\n" in text
    assert re.search(rf"\x1b\[[0-9;]+m{verdict}\x1b\[0m", coloured)


@pytest.mark.parametrize("verdict", list(Verdict))
def test_the_answer_is_said_first_and_last(verdict: Verdict) -> None:
    """Of anything but a match: below the head, and again as the last line, which is what a screen shows."""
    lines = _shown(report(quantity("output", verdict=verdict, gap=0.5), verdict=verdict)).rstrip().splitlines()
    places = [place for place, line in enumerate(lines) if line.startswith("answer     ")]
    assert places == ([] if verdict is Verdict.MATCH else [2, len(lines) - 1])
    assert len({lines[place] for place in places}) < 2


@pytest.mark.parametrize("columns", ["0", "7", "20", "40", "80", "120", "-3", "wide"])
def test_any_width(monkeypatch: pytest.MonkeyPatch, columns: str) -> None:
    """Nothing is lost or cut at any width, no line has blanks at its end, and what is no width counts as none."""
    monkeypatch.setenv("COLUMNS", columns)
    text = _shown(_mixed()) + _shown(_mixed(), every=True) + _trained(training(first_flip=FLIP))
    width = {"7": 20, "20": 20, "40": 40, "80": 80}.get(columns, 120)
    assert max(map(len, text.splitlines())) <= width
    assert not re.search(r"[ \t]$", text, re.MULTILINE)
    assert "…" not in text
    for word in ("step2/update/b", "mismatch", "5.0e-01", "coverage", "teeth", "50.0%"):
        assert word in text, word


def test_a_terminal_without_a_width_has_eighty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    """COLUMNS=0 is what some terminals say before they know: not a line is lost."""
    monkeypatch.setenv("COLUMNS", "0")
    assert "mismatch" in _shown(_mixed(), file=Terminal())


def test_no_escape_codes_where_nobody_watches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither in a pipe nor under NO_COLOR; a pipe's lines are as wide as the table, not cut at 80."""
    text = _shown(_mixed(), every=True) + _trained(training(first_flip=FLIP, first_failure="step 1"))
    assert "\x1b" not in text
    assert 80 < max(map(len, text.splitlines())) <= 120
    monkeypatch.setenv("NO_COLOR", "1")
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]m", _shown(_mixed(), file=Terminal()))


def test_training_is_one_row_for_each_epoch() -> None:
    """Mean losses, both accuracies, matched steps, and the drifts after the last step."""
    text = _trained(training(step(1), step(2, verdict=Verdict.MISMATCH), step(3, epoch=2)))
    assert _row(text, "1 ")[:6] == ["1", "1.8750", "1.8750", "50.0%", "25.0%", "1/2"]
    assert _row(text, "1 ")[6:] == ["3.0e-07", "6.0e-16", "4.0e-07", "4.0e-13"]
    assert "training: drawn by hand, 3 steps of 5" in text
    assert "".join(text.split()).count("mostinsecond(7.7e-07ofitssize)") == 1
    assert text.rstrip().endswith("verdict    match")


@pytest.mark.parametrize("value", [nan, inf])
def test_a_run_that_left_the_numbers_is_shown(value: float) -> None:
    """A training that overflows on the way has finite and other numbers in one epoch."""
    gone = dict.fromkeys(("loss_reference", "loss_port", "drift_32", "envelope", "drift_64"), value)
    cells = _row(_trained(training(step(1), step(2, sees=inf, **gone))), "1 ")
    assert cells[1:3] == [str(value)] * 2
    assert cells[6:] == [*[str(value)] * 3, "inf"]


def test_quantities_without_any_number_have_no_median_limit() -> None:
    """All of them zero on paper: the line about what is seen is left out."""
    zero: Quantity = quantity("grad/b", scale=0.0)
    assert "relative differences" not in _shown(report(zero))
