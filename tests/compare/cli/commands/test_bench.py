"""``jaxport bench``: what it refuses, which variants differ, and its run in a process of its own."""

import argparse
import sys

import pytest

from compare.cli import itself
from compare.cli.commands.bench import differing, timed_apart
from compare.frameworks import devices
from tests.compare.command_line import jaxport, refused

OPTIONS = argparse.Namespace(seed=3, batch=20, data=None)


def test_what_differs():
    """A variant that is another function, by its verdict; where nothing was timed, none."""
    rows = [{"name": name, "verdict": name} for name in ("match", "float32_only", "mismatch", "invalid")]
    assert differing({"rows": rows}) == ["mismatch", "invalid"]
    assert differing(None) == []


@pytest.mark.parametrize("arguments", [("nope",), ("--threads", "9999"), ("--rounds", "2")])
def test_refused(arguments):
    """An unknown pair, more threads than processors, too few rounds for a median: one line each."""
    refused(jaxport("bench", *arguments))


def test_apart(monkeypatch, capsys):
    """Seed, rows and device arrive; JSON comes back; what could not run is one line and no form."""
    calls = []

    def program(*words):
        calls.append([sys.executable, "-c", """print('{"rows": []}')""", *words])
        return calls[-1]

    monkeypatch.setattr(itself, "itself", program)
    assert timed_apart(OPTIONS, devices.choose("cpu")) == {"rows": []}
    assert " ".join(calls[0][3:]) == "bench mlp --quick --json - --device cpu --seed 3 --batch 20"
    monkeypatch.setattr(itself, "itself", lambda *words: [sys.executable, "-c", "raise ValueError('no compiler')"])
    assert timed_apart(OPTIONS, devices.choose("cpu")) is None
    assert capsys.readouterr().err.splitlines()[-1] == "bench: ValueError: no compiler"
