"""The command line: what it refuses in one line, its help, its streams, and how it ends when it is interrupted."""

import argparse
import io
import os
import re
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout, suppress
from pathlib import Path

import pytest

from compare.cli import cli
from compare.cli.cli import main
from compare.cli.commands import COMMANDS, train, verify
from compare.cli.options import json_path
from tests.compare.command_line import CPU, LOOSE, SHORT, files, jaxport, refused

SLOW = {"torch", "jax", "jaxlib", "flax", "optax", "rich", "matplotlib", "numpy"}

pytestmark = pytest.mark.usefixtures("elsewhere")


@pytest.fixture
def idle(monkeypatch):
    """Neither a verification nor a training run may start."""
    for command, name in ((verify, "verified"), (train, "trained")):
        monkeypatch.setattr(command, name, lambda *given, **named: pytest.fail("a long run has started"))


@pytest.mark.parametrize("command", [(), *((name,) for name in COMMANDS)], ids=str)
def test_help_is_instant(command):
    """``--help`` describes the command and imports nothing slow."""
    code = "import runpy, sys\ntry: runpy.run_module('compare', run_name='__main__', alter_sys=True)\n"
    code += "finally: print(*sys.modules, file=sys.stderr)"
    ran = subprocess.run([sys.executable, "-c", code, *command, "--help"], capture_output=True, text=True, check=True)
    assert ran.stdout.startswith(" ".join(("usage: jaxport", *command)))
    assert "compare.cli.cli" in ran.stderr.split()
    assert not SLOW & set(ran.stderr.split())


def test_the_version():
    """The package's own, with no framework loaded; pyproject reads it from there."""
    import compare

    ran = subprocess.run([sys.executable, "-m", "compare", "--version"], capture_output=True, text=True)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, f"jaxport {compare.__version__}\n", "")
    assert re.fullmatch(r"\d+\.\d+\.\d+", compare.__version__)


@pytest.mark.parametrize("columns", ["0", "20"])
@pytest.mark.parametrize("command", ["", "verify loose --quick", "env", "read", "read broadcasting", "contrast loose"])
def test_any_width(command, columns, monkeypatch):
    """What is no width counts as none, and twenty columns are enough: nothing is lost on any command."""
    if not command:
        command = "--help"
    monkeypatch.setenv("COLUMNS", columns)
    with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()), suppress(SystemExit):
        assert main([*command.split(), *([] if command.startswith(("-", "read")) else CPU)]) == 0
    lines = out.getvalue().splitlines()
    assert sum(map(len, lines)) > 200
    assert "…" not in out.getvalue()
    assert [line for line in lines if line != line.rstrip()] == []


def test_as_a_process():
    """``python -m compare`` passes the exit code on and says its one line, before it looks for a device."""
    ran = subprocess.run([sys.executable, "-m", "compare", "verify", "nope"], capture_output=True, text=True)
    assert (ran.returncode, ran.stdout, ran.stderr.count("\n")) == (2, "", 1)
    assert ran.stderr.startswith("jaxport: unknown pair 'nope'")


@pytest.mark.parametrize("command", [("--help",), ("env", *CPU), ("env", *CPU, "--json", "-")])
def test_closed_pipe(command):
    """A reader that has seen enough, as in ``| head -1``, is no failure, and nothing is said of it."""
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-m", "compare", *command], env=environ, text=True, **pipes) as ran:
        ran.stdout.close()
        said = ran.stderr.read()
    assert ran.returncode == 0
    assert not re.search("Traceback|Exception|Error", said)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("verify nope", "unknown pair 'nope': expected one of mlp,"),
        ("verify --frobnicate", "unrecognized arguments: --frobnicate (jaxport verify --help lists"),
        ("verify loose nope --device cpu", "unknown pair 'nope'"),
        ("frobnicate", "invalid choice: 'frobnicate'"),
        ("--device tpu", "invalid choice: 'tpu'"),
        ("verify --dtype float8", "invalid choice: 'float8'"),
        ("verify --probes some", "invalid choice: 'some'"),
        ("env --seed -1", "expected a whole number from 0, got '-1'"),
        ("train --seed 1.5", "expected a whole number from 0, got '1.5'"),
        ("train --batch 0", "expected a whole number from 1, got '0'"),
        ("train --epochs 0", "expected a whole number from 1, got '0'"),
        ("env --frobnicate", "unrecognized arguments: --frobnicate"),
        ("env --dev cpu", "unrecognized arguments: --dev"),
        ("env --device cpu --json", "argument --json: expected one argument"),
        ("verify mlp --device cpu --batch 4001", "--batch 4001: expected 1 to 4000 rows"),
        ("train --device cpu --batch 4001 --out out", "--batch 4001: expected 1 to 4000 rows"),
        ("--device cpu --batch 4001 --out out", "--batch 4001: expected 1 to 4000 rows"),
        ("verify mlp --device cpu --data nowhere", "--data nowhere: no such file or folder"),
        ("train --device cpu --data nowhere --out out", "--data nowhere: no such file or folder"),
        ("verify nowhere.py --device cpu", "nowhere.py: there is no such file"),
        ("verify loose nowhere/pair.py --device cpu", "nowhere/pair.py: there is no such file"),
        ("verify . --device cpu", ".: has no Python file: expected some that define a pair"),
        ("verify ./ --device cpu", "./: has no Python file"),
        ("verify /dev/null --device cpu", "/dev/null: is no regular file: expected a Python file"),
        (f"verify {'x' * 300}.py --device cpu", "x: cannot be read (File name too long)"),
        (f"env --device cpu --json {'x' * 300}", "expected a file in a folder that can be written to, or -, got 'xxx"),
        (f"env --seed {'9' * 5000}", "expected a whole number from 0, got '999"),
        ("contrast nowhere.py --device cpu", "nowhere.py: there is no such file"),
        ("bench nowhere.py --device cpu", "nowhere.py: there is no such file"),
        ("verify loose --record rec --device cpu", "--record rec: expected a name that ends in .npz"),
        ("new", "expected the name of a file to write, such as my_pair.py, or --lesson NAME"),
        ("new pair.txt", "pair.txt: expected a name that ends in .py"),
        ("new nowhere/pair.py", "nowhere/pair.py: cannot be written (No such file or directory)"),
    ],
)
def test_refused(tmp_path, arguments, expected):
    """What cannot be done ends in one line that says what was expected, and leaves no file."""
    assert expected in refused(jaxport(*arguments.split()))
    assert files(tmp_path) == []


def test_no_gpu():
    """A GPU that is not there is refused, never replaced by the CPU."""
    import jax
    import torch

    if torch.cuda.is_available() and jax.default_backend() == "gpu":
        pytest.skip("both frameworks see a GPU")
    assert "--device gpu: expected a GPU on both sides, torch sees" in refused(jaxport("env", "--device", "gpu"))


@pytest.mark.parametrize("command", [(), ("train",)])
def test_out_below_a_file(tmp_path, idle, command):
    """An output folder that cannot be made is refused before a long run."""
    (tmp_path / "file").write_text("kept")
    assert "file/out: cannot be written to" in refused(jaxport(*command, *SHORT, "--out", "file/out"))
    assert (tmp_path / "file").read_text() == "kept"


@pytest.mark.parametrize("path", ["nowhere/x.json", "folder", "."])
@pytest.mark.parametrize(
    "command", [LOOSE, ("train", *SHORT), SHORT, ("env", *CPU)], ids=["verify", "train", "", "env"]
)
def test_json_that_cannot_be_written(tmp_path, idle, command, path):
    """A path that takes no JSON is refused before a long run, and before anything is shown."""
    (tmp_path / "folder").mkdir()
    complaint = refused(jaxport(*command, "--json", path))
    assert "argument --json: expected a file in a folder that can be written to" in complaint
    assert repr(path) in complaint
    assert files(tmp_path) == []


def test_interrupted(tmp_path, monkeypatch):
    """Ctrl-C gives 130, as a shell has it, one line, and no file."""

    def interrupt(*given):
        raise KeyboardInterrupt

    monkeypatch.setattr(train, "trained", interrupt)
    ran = jaxport("train", *SHORT, "--out", "out")
    assert (ran.code, ran.out, ran.err.splitlines()[1:]) == (130, "", ["jaxport: interrupted"])
    assert files(tmp_path) == []


@pytest.mark.parametrize(
    "command", [["read"], ["read", "mlp"], ["read", "broadcasting", "--no-run"], ["new", "pair.py"]]
)
def test_reading_and_a_new_file_import_no_framework(command):
    """Both are instant: neither framework is loaded."""
    code = f"import sys; from compare.cli.cli import main; main({command!r}); "
    code += "print(*sys.modules, file=sys.stderr)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout
    assert not {"torch", "jax", "flax", "optax", "matplotlib"} & set(ran.stderr.split())


@pytest.mark.parametrize(
    "command", [("contrast", "nope"), ("bench", "nope"), ("read", "nope"), ("bench", "--threads", "9999")]
)
def test_other_uses_refuse(command):
    """An unknown pair or lesson, or more threads than processors: one line."""
    assert refused(jaxport(*command)).startswith("jaxport: ")


def test_an_interrupt_in_a_garbage_collection_is_not_lost():
    """JAX registers such a callback; Python would print the KeyboardInterrupt that lands in it, and go on."""
    code = """
import gc, os, signal, sys, time
from compare.cli import cli
from compare.cli.commands import env

def collected(phase, info):
    if phase == "stop" and not sent:
        sent.append(1)
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.01)

def slow(options):
    gc.callbacks.append(collected)
    gc.collect()
    for _ in range(500):
        time.sleep(0.01)
    return 0

sent = []
signal.signal(signal.SIGINT, signal.default_int_handler)
env.run = slow
sys.exit(cli.main(["env"]))
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (ran.returncode, ran.stderr) == (130, "jaxport: interrupted\n")


WRONG = "x = 1\ndef f(:\n"


@pytest.mark.parametrize("command", [("verify", "loose", "wrong.py"), ("contrast", "wrong.py"), ("bench", "wrong.py")])
def test_a_file_that_is_no_python_is_refused_before_the_frameworks_load(tmp_path, command):
    """Whatever stands before it on the command line."""
    (tmp_path / "wrong.py").write_text(WRONG)
    code = "import sys\nfrom compare.cli.cli import main\n"
    code += f"code = main({[*command, *CPU]!r})\nprint(code, *sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stderr == "jaxport: wrong.py:2: SyntaxError: invalid syntax\n"
    assert ran.stdout.split()[0] == "2"
    assert not {"torch", "jax", "flax"} & set(ran.stdout.split())


ENDS = """
import sys
import numpy as np, torch
from flax import linen
from compare import Pair

class Reference(torch.nn.Linear):
    def forward(self, x):
        sys.exit(0)

pair = Pair(Reference(4, 3), linen.Dense(3), np.ones((2, 4), np.float32))
"""


def test_a_model_that_ends_the_program_is_no_match(tmp_path):
    """Its exit code 0 would be taken for one."""
    (tmp_path / "ends.py").write_text(ENDS)
    complaint = refused(jaxport("verify", "ends.py", *CPU))
    assert complaint == "jaxport: a model or a pair's file ended the program: SystemExit: 0 (ends.py:9)"


def test_a_model_that_raises_what_nobody_catches_is_no_mismatch(tmp_path):
    """Python's own exit code for it is 1."""
    leaves = ENDS.replace("class Reference", "class Left(BaseException): pass\n\nclass Reference")
    (tmp_path / "leaves.py").write_text(leaves.replace("sys.exit(0)", "raise Left('mine')"))
    complaint = refused(jaxport("verify", "leaves.py", *CPU))
    assert complaint == "jaxport: Left: mine (JAXPORT_TRACEBACK=1 shows where)"


def test_the_traceback_of_a_usage_error_is_shown_to_whoever_asks(tmp_path, monkeypatch):
    """With its cause, before the one line."""
    (tmp_path / "raises.py").write_text("def inner():\n    raise KeyError('mine')\n\n\ninner()\n")
    monkeypatch.setenv("JAXPORT_TRACEBACK", "1")
    ran = jaxport("verify", "raises.py", *CPU)
    *traceback, last = ran.err.splitlines()
    assert (ran.code, last) == (2, "jaxport: raises.py:2: KeyError: 'mine'")
    text = "\n".join(traceback)
    assert "in inner" in text
    assert "The above exception was the direct cause" in text
    assert "compare.errors.UsageError: raises.py:2" in text


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is always full on this system")
@pytest.mark.parametrize("command", [("verify", "nope"), ("read",)], ids=" ".join)
@pytest.mark.parametrize("stream", ["stdout", "stderr", "both"])
def test_a_full_disk_or_a_closed_stream_is_no_mismatch(command, stream):
    """1 would say that something differs: with nowhere to write the code is 2, or the command's own where it has said
    what it had to say; and no traceback comes of it, not even on exit."""
    with open("/dev/full", "w") as full:
        given = {"stdout": full, "stderr": subprocess.PIPE} if stream == "stdout" else {"stdout": subprocess.PIPE}
        given |= {"stderr": full} if stream != "stdout" else {}
        given |= {"stdout": full} if stream == "both" else {}
        ran = subprocess.run([sys.executable, "-m", "compare", *command], text=True, **given)
    expected = 0 if (command, stream) == (("read",), "stderr") else 2
    assert ran.returncode == expected
    assert "Traceback" not in (ran.stderr or "")
    if (command, stream) == (("read",), "stdout"):  # what a file's JSON would be refused with
        assert ran.stderr == "jaxport: standard output: cannot be written (No space left on device)\n"


def test_a_closed_standard_error_takes_nothing_to_standard_output():
    """Where a result belongs."""
    command = f"{sys.executable} -m compare verify nope 2>&-"
    ran = subprocess.run(["sh", "-c", command], stdout=subprocess.PIPE, text=True)
    assert (ran.returncode, ran.stdout) == (2, "")


def test_a_name_that_the_encoding_does_not_have_is_shown_all_the_same(tmp_path):
    """Escaped: an exception would make a mismatch, or a command that could not start, of a command that could."""
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-m", "compare", "new", "ü.py"]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert (ran.returncode, ran.stdout) == (0, "wrote \\xfc.py; run it with: jaxport verify '\\xfc.py'\n")


@pytest.mark.parametrize(
    "command",
    [
        ("verify", "own.py", "--json", "own.py"),
        ("verify", "loose", "own.py", "--json", "./own.py"),
        ("verify", "own.py", "--record", "link.npz"),
        ("contrast", "own.py", "--json", "own.py"),
        ("train", "own.py", "--json", "own.py"),
        ("weights", "loose", "--port-weights", "own.npz", "--json", "own.npz"),
        ("convert", "own.npz", "own.npz", "--pair", "own.py"),
        ("convert", "own.npz", "other.npz", "--pair", "own.py", "--save-map", "own.py"),
    ],
    ids=" ".join,
)
def test_nothing_is_written_over_what_is_read(tmp_path, command):
    """A pair's file, or a checkpoint, is the user's own work."""
    for name in ("own.py", "own.npz"):
        (tmp_path / name).write_text("kept")
    (tmp_path / "link.npz").symlink_to("own.py")
    assert "would be overwritten: name another file to write" in refused(jaxport(*command))
    assert {(tmp_path / name).read_text() for name in ("own.py", "own.npz")} == {"kept"}


@pytest.mark.parametrize(
    "command",
    [
        ("train", "--checkpoint", "a.npz", "--json", "./a.npz"),
        ("verify", "loose", "--record", "a.npz", "--json", "a.npz"),
        ("convert", "own.npz", "a.npz", "--pair", "loose", "--save-map", "a.npz"),
    ],
    ids=" ".join,
)
def test_two_results_are_not_written_to_one_file(tmp_path, command):
    """The second would replace the first: nothing is run."""
    assert "a.npz: is named for two results" in refused(jaxport(*command))
    assert files(tmp_path) == []


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_that_names_a_file_is_known_to_be_read_or_written(name):
    """Else the command could write one over the other."""
    parser = argparse.ArgumentParser()
    COMMANDS[name].arguments(parser)
    kinds = (Path, json_path)
    named = {one.dest for one in parser._actions if one.type in kinds or one.metavar in ("PAIR", "FILE.py")}
    assert named <= {*cli.READ, *cli.SEVERAL, *cli.WRITTEN, "out", "folder", "file"}  # the last three: new, or a folder
