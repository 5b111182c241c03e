"""Standard output is for results alone."""

import json
import subprocess
import sys
from argparse import Namespace
from pathlib import Path

import pytest
import torch

from compare.cli.results import result, results, results_alone
from compare.cli.streams import write_json_option
from tests.compare.command_line import CPU, jaxport

ROOT = Path(__file__).parents[3]
NOISY = """
import os, subprocess, sys
import torch
from compare import Pair

print("from the file")
os.system("echo from a process")
subprocess.run([sys.executable, "-c", "print('from a child')"])


class Reference(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.ones(3))

    def forward(self, x):
        print("from forward")
        return self.scale * x


def port(parameters, x):
    print("from the port")
    return parameters["scale"] * x


def batch(rng):
    print("from the batch")
    return rng.standard_normal((4, 3), dtype="float32")


pair = Pair(Reference(), port, batch)
"""
TO_THE_END = f"""{NOISY}
import atexit

atexit.register(print, "from the way out")
atexit.register(print, "past the redirection", file=sys.__stdout__)
"""  # for processes of their own
PRINTED = ["from the file", "from forward", "from the port", "from the batch"]

pytestmark = pytest.mark.usefixtures("elsewhere")


def test_prints_go_to_standard_error(capsys):
    """Until the command is over; the result is where it belongs, and standard output is itself again."""
    shown = sys.stdout
    with results_alone():
        print("a print")
        result("a result")
        assert results() is shown
    print("afterwards")
    assert sys.stdout is results() is shown
    assert capsys.readouterr() == ("a result\nafterwards\n", "a print\n")


def test_an_error_puts_standard_output_back(capsys):
    """Whatever ended the command."""
    with pytest.raises(KeyboardInterrupt), results_alone():
        raise KeyboardInterrupt
    print("shown")
    assert capsys.readouterr().out == "shown\n"


@pytest.mark.parametrize("shown", [(), ("--json", "-")])
def test_a_reader_that_goes_away_makes_no_match(shown):
    """``jaxport verify wrong.py | head -1``: exit code 1 all the same, and the file that was asked for is there."""
    wrong = NOISY.replace('["scale"] * x', '["scale"] * x * 2').replace("os.system", "").replace("subprocess.run", "")
    Path("wrong.py").write_text(wrong)
    command = [sys.executable, "-m", "compare", "verify", "wrong.py", "--quick", "--no-locate", *CPU]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([*command, *(shown or ("--json", "made.json"))], text=True, **pipes) as ran:
        ran.stdout.close()
        said = ran.stderr.read()
    assert (ran.returncode, "Error" in said) == (1, False), said
    assert shown or json.loads(Path("made.json").read_text())["verdict"] == "mismatch"


PAST = """
import sys
from compare.cli.results import result, results_alone

with results_alone():
    sys.__stdout__.write("past the redirection\\n")
    result("a result")
"""


def test_what_waits_in_a_buffer_is_no_part_of_the_result(monkeypatch):
    """Text for the stream that Python began with, which it would write out at its end."""
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    ran = subprocess.run([sys.executable, "-c", PAST], cwd=ROOT, capture_output=True, text=True)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "a result\n", "past the redirection\n")


def test_the_json_to_the_name_of_standard_output(capsys):
    """By its name too it is a result, not what comes out beside it."""
    with results_alone():
        write_json_option(Namespace(json="/dev/stdout", here=""), {"schema": 1})
    assert capsys.readouterr() == ('{\n "schema": 1\n}\n', "")


@pytest.mark.parametrize(
    "command", ["verify noisy.py --quick", "contrast noisy.py", "verify noisy.py --quick --record r.npz"]
)
def test_the_json_of_a_file_that_prints(command):
    """Every command that takes a file: JSON alone, or the one line; what is printed is not lost."""
    Path("noisy.py").write_text(NOISY.replace("os.system", "").replace("subprocess.run", ""))
    json_option = () if "--record" in command else ("--json", "-")
    ran = jaxport(*command.split(), *CPU, *json_option)
    assert ran.code == 0, ran
    assert json.loads(ran.out) if json_option else ran.out.startswith("wrote r.npz")
    for line in PRINTED:
        if line != "from the port" or "--record" not in command:
            assert line in ran.err


def test_the_json_beside_what_processes_print():
    """These write to the descriptor and know nothing of ``sys.stdout``."""
    Path("noisy.py").write_text(TO_THE_END)
    command = [sys.executable, "-m", "compare", "verify", "noisy.py", "--quick", *CPU, "--json", "-"]
    ran = subprocess.run(command, capture_output=True, text=True)
    assert (ran.returncode, json.loads(ran.stdout)["verdict"]) == (0, "match")
    for line in [*PRINTED, "from a process", "from a child", "from the way out", "past the redirection"]:
        assert line in ran.stderr


def test_what_convert_writes_is_alone_to_the_end(tmp_path):
    """It has no ``--json``: the one line is its result."""
    Path("noisy.py").write_text(TO_THE_END)
    torch.save({"scale": torch.ones(3)}, "in.pt")
    command = [sys.executable, "-m", "compare", "convert", "in.pt", "out.npz", "--pair", "noisy.py"]
    ran = subprocess.run(command, capture_output=True, text=True)
    assert (ran.returncode, ran.stdout.startswith("wrote out.npz: "), ran.stdout.count("\n")) == (0, True, 1), ran
    assert "from the way out" in ran.stderr
