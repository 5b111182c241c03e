"""The device that a command runs on is chosen once what was typed beside it is known to be usable."""

import argparse
import os
import subprocess
import sys
from pathlib import Path

import pytest

from compare.cli.chosen_device import device_of
from compare.errors import UsageError
from compare.frameworks import devices


def test_the_device_is_said(capsys):
    """On standard error, with its name."""
    assert device_of(argparse.Namespace(device="cpu")).name == "cpu"
    out, err = capsys.readouterr()
    assert (out, err.startswith("device: cpu (")) == ("", True)


def test_images_come_first(monkeypatch):
    """A path without images is refused before a framework is loaded."""
    monkeypatch.setattr(devices, "choose", lambda *given: pytest.fail("a framework was loaded"))
    with pytest.raises(UsageError, match="--data nowhere"):
        device_of(argparse.Namespace(device="cpu", data=Path("nowhere")))


def test_a_flag_that_xla_does_not_know_is_no_mismatch(tmp_path):
    """XLA ends the process with exit code 1, which says here that something differs."""
    environment = os.environ | {"XLA_FLAGS": "--no_such_flag=1"}
    command = [sys.executable, "-m", "compare", "env", "--device", "cpu"]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert (ran.returncode, ran.stdout, ran.stderr.count("\n")) == (2, "", 1)
    assert ran.stderr.startswith("jaxport: XLA refuses XLA_FLAGS='--no_such_flag=1': Unknown flag")
