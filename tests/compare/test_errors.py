"""What a broad ``except`` swallows is shown to whoever asks, and to nobody else."""

import pytest

from compare.errors import TRACEBACK, swallowed


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
