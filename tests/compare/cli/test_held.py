"""What is said once a command has begun."""

import json
from pathlib import Path

import pytest

from compare.cli.held import begun, drop, hold
from compare.cli.streams import busy
from tests.compare.command_line import CPU, jaxport

WRONG = """
import numpy as np
import torch
from flax import linen
from compare import Pair

pair = Pair(torch.nn.Linear(9, 4), linen.Dense(4), lambda rng: np.ones((3, 8), np.float32))
"""


def test_held_lines_come_in_their_order_once(capsys):
    hold("device: x")
    hold("a stage")
    assert capsys.readouterr().err == ""
    begun()
    begun()
    assert capsys.readouterr().err == "device: x\na stage\n"


def test_what_is_dropped_is_never_said(capsys):
    hold("device: x")
    drop()
    begun()
    assert capsys.readouterr().err == ""


def interrupted():
    with busy("verifying") as say:
        say("the weight map")
        raise ValueError("no")


def test_the_first_stages_are_held_until_they_are_over(capsys):
    """They are where a comparison cannot start: the next one, or the end, lets the lines out."""
    hold("device: x")
    with busy("verifying") as say:
        say("the weight map")
        assert capsys.readouterr().err == ""
        say("probe batch")
        assert capsys.readouterr().err == ""
        say("training steps")
        assert capsys.readouterr().err == "device: x\nthe weight map\nprobe batch\ntraining steps\n"
    hold("device: y")
    with pytest.raises(ValueError, match="no"):
        interrupted()
    drop()
    assert capsys.readouterr().err == ""


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("verify wrong.py --quick", "the reference raised RuntimeError: mat1 and mat2"),
        ("contrast wrong.py", "the reference raised RuntimeError: mat1 and mat2"),
        ("bench wrong.py", "the reference raised RuntimeError: mat1 and mat2"),
    ],
)
def test_a_pair_that_cannot_start_is_one_line(command, words):
    """Though the device is known by then: nothing else is said of a pair that loads and is wrong."""
    Path("wrong.py").write_text(WRONG)
    ran = jaxport(*command.split(), *CPU)
    assert (ran.code, ran.out, len(ran.err.splitlines())) == (2, "", 1), ran
    assert ran.err.startswith(f"jaxport: {words}")


@pytest.mark.usefixtures("elsewhere")
def test_where_nobody_watches_each_stage_is_a_line():
    """As ``verify`` says it in a script, after the device; the result is alone on standard output."""
    Path("right.py").write_text(WRONG.replace("Linear(9", "Linear(8"))
    ran = jaxport("verify", "right.py", "--quick", *CPU, "--json", "-")
    assert json.loads(ran.out)["verdict"] == "match"
    device, *stages = ran.err.splitlines()
    assert device.startswith("device: cpu (")
    assert stages[:2] == ["verifying right: the weight map", "verifying right: probe batch"]
    assert all(stage.startswith("verifying right: ") for stage in stages)
