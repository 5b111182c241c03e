"""What a broad ``except`` swallows is shown to whoever asks, and to nobody else."""

import pytest

from compare.errors import TRACEBACK, UsageError, did_you_mean, in_one_line, nearest, shown, swallowed


def _swallow() -> None:
    try:
        {}["the key that is not there"]
    except KeyError as error:
        swallowed(error)


def test_nothing_is_printed_unasked(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv(TRACEBACK, raising=False)
    _swallow()
    assert capsys.readouterr() == ("", "")


def test_the_traceback_goes_to_standard_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(TRACEBACK, "1")
    _swallow()
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "in _swallow" in shown.err
    assert "KeyError: 'the key that is not there'" in shown.err


def test_a_usage_error_is_one_line_in_a_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of it where that is asked for."""

    def raised() -> UsageError:
        try:
            raise UsageError("batch: expected arrays")
        except UsageError as error:
            return error

    monkeypatch.delenv(TRACEBACK, raising=False)
    assert raised()._render_traceback_() == ["UsageError: batch: expected arrays"]
    monkeypatch.setenv(TRACEBACK, "1")
    assert "in raised" in "".join(raised()._render_traceback_())


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "None"),
        ("a\nb", r"'a\nb'"),
        ("x" * 100, "a str"),
        (3.5, "3.5"),
        (("a", 1), "('a', 1)"),
        ((object(),), "a tuple"),
        ({}, "a dict"),
        (OSError(), "an OSError"),
    ],
)
def test_what_came_is_shown_in_a_few_words(value: object, words: str) -> None:
    assert shown(value) == words


def test_the_end_of_a_complaint():
    """A question, or what there is, or nothing."""
    assert did_you_mean("a") == ": did you mean a?"
    assert did_you_mean("", "expected b") == ": expected b"
    assert did_you_mean("") == ""


def test_the_nearest_name_is_alike_or_there_is_none():
    assert nearest("mpl", ["loose", "mlp"]) == "mlp"
    assert nearest("mpl", ["convnet"]) == ""
    assert nearest("mpl", ["convnet", "lx"], alike=0.0) == "lx"
    assert nearest("mpl", []) == ""


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("two\n  lines"), "ValueError: two lines"),
        (ValueError(), "ValueError"),
        (KeyError("x" * 30), f"KeyError: '{'x' * 9}..."),
        (OSError("x" * 10), f"OSError: {'x' * 10}"),
    ],
)
def test_an_error_in_one_line(error, line):
    """Its type and its words, cut where there is no room, and no colon where it says nothing."""
    assert in_one_line(error, 10) == line
