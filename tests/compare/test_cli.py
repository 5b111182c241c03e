"""The command line: each command's exit code, its two streams and its files, and what it refuses in one line."""

import dataclasses
import io
import json
import os
import re
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import NamedTuple

import pytest

import compare.verify
from compare import commands, pairs
from compare.bits import PrecisionFlag
from compare.certificates import Teeth
from compare.cli import main
from compare.quantity import KINDS
from compare.verdict import Verdict

SLOW = {"torch", "jax", "jaxlib", "flax", "optax", "rich", "matplotlib", "numpy"}
FORM = "schema verdict environment pairs"
PAIR = "pair verdict device dtype quantities precision first_difference causes coverage teeth"
QUANTITY = "name kind probe verdict gap allowed error_reference error_port scale bits_reference bits_port worst"
CPU = ("--device", "cpu")
LOOSE = ("verify", "loose", *CPU)
SHORT = ("--epochs", "1", "--batch", "500", *CPU)
WRITTEN = ["bench.json", "contrast.json", "train.json", "training.png", "verify.json"]
FLAG = PrecisionFlag("port", "grad/W1", "normal", 23.0, 9.0, 2.0**14, 3, "products of bfloat16-rounded inputs")


class Ran(NamedTuple):
    """What one command came to."""

    code: int
    out: str
    err: str


def jaxport(*arguments: object) -> Ran:
    """One command in this process."""
    with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:
        code = main([str(argument) for argument in arguments])
    return Ran(code, out.getvalue(), err.getvalue())


def refused(ran: Ran) -> str:
    """The one line of a command that could not start: it has exit code 2 and says nothing else but its device."""
    lines = [line for line in ran.err.splitlines() if not line.startswith("device: ")]
    assert (ran.code, ran.out, len(lines)) == (2, "", 1), ran
    assert lines[0].startswith("jaxport: ")
    return lines[0]


def files(folder: Path) -> list[str]:
    return sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file())


def strictly(text: str):
    """JSON without NaN and Infinity, which no standard knows."""
    return json.loads(text, parse_constant=lambda token: pytest.fail(f"{token} in JSON"))


@pytest.fixture(scope="module", autouse=True)
def no_wishes():
    """No variable decides on colour or width."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS"):
            patch.delenv(name, raising=False)
        yield


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """An empty working folder."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def loose():
    """``jaxport verify loose``, run once for all: what it came to, and its report."""
    verify, reports = compare.verify.verify, []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compare.verify, "verify", lambda *given: reports.append(verify(*given)) or reports[0])
        return jaxport(*LOOSE), reports[0]


@pytest.fixture
def replay(loose, monkeypatch):
    """Have ``verify`` answer with the report that ``loose`` left, changed as asked; the list is what it was given."""

    def use(**changed):
        def answer(pair, device, precision, seed, all_probes, oracle, progress):
            given.append((pair.name, device.name, precision.name, seed, all_probes, oracle.name))
            return dataclasses.replace(loose[1], **changed)

        given = []
        monkeypatch.setattr(compare.verify, "verify", answer)
        return given

    return use


@pytest.fixture(scope="module")
def job(tmp_path_factory):
    """The main job, run once for all on few steps: what it came to, and its folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("job"))
        return jaxport(*SHORT, "--out", "out"), Path("out").absolute()


@pytest.fixture
def rerun(job, monkeypatch):
    """Have the main job find what it found in ``job``, but for the verdict on the training run."""

    def use(verdict="match"):
        found = {
            name: strictly((job[1] / f"{name}.json").read_text()) for name in ("verify", "train", "contrast", "bench")
        }
        verified, trained = found["verify"], found["train"]
        monkeypatch.setattr(commands, "_contrast", lambda *given: found["contrast"])
        monkeypatch.setattr(commands, "_bench_apart", lambda *given: found["bench"])
        monkeypatch.setattr(commands, "_verify", lambda *given: (verified, False))
        monkeypatch.setattr(commands, "_train", lambda *given: trained | {"verdict": verdict})

    return use


@pytest.fixture
def idle(monkeypatch):
    """Neither a verification nor a training run may start."""
    for name in ("_verify", "_train"):
        monkeypatch.setattr(commands, name, lambda *given: pytest.fail("a long run has started"))


@pytest.mark.parametrize(
    "command", [(), *((name,) for name in ("verify", "train", "contrast", "bench", "read", "env"))]
)
def test_help_is_instant(command):
    """``--help`` describes the command and imports nothing slow."""
    code = "import runpy, sys\ntry: runpy.run_module('compare', run_name='__main__', alter_sys=True)\n"
    code += "finally: print(*sys.modules, file=sys.stderr)"
    ran = subprocess.run([sys.executable, "-c", code, *command, "--help"], capture_output=True, text=True, check=True)
    assert ran.stdout.startswith(" ".join(("usage: jaxport", *command)))
    assert "compare.cli" in ran.stderr.split()
    assert not SLOW & set(ran.stderr.split())


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

    monkeypatch.setattr(commands, "_train", interrupt)
    ran = jaxport("train", *SHORT, "--out", "out")
    assert (ran.code, ran.out, ran.err.splitlines()[1:]) == (130, "", ["jaxport: interrupted"])
    assert files(tmp_path) == []


def test_verify(loose):
    """A pair that matches: exit code 0, the verdict on standard output, the device on standard error."""
    ran, report = loose
    assert ran.code == 0
    assert re.search(r"^verdict +match$", ran.out, re.MULTILINE)
    assert re.fullmatch(r"device: cpu \(.+\)\n", ran.err)
    assert report.verdict is Verdict.MATCH
    assert {quantity.kind for quantity in report.quantities} == set(KINDS)


def test_verify_every(replay, loose):
    """``--every`` gives each quantity on each probe a row."""
    replay()
    rows = re.findall(r"^ ?(\S+) +(\S+) +match ", jaxport(*LOOSE, "--every").out, re.MULTILINE)
    assert [probe for _, probe in rows] == [one.probe for one in loose[1].quantities]
    assert all(one.name.startswith(name) for (name, _), one in zip(rows, loose[1].quantities, strict=True))


def test_verify_json(replay, loose, tmp_path):
    """``--json``: on standard output pure and alone, in a file the same; the keys are those of the design."""
    replay()
    ran = jaxport(*LOOSE, "--json", "-")
    form = strictly(ran.out)
    assert ran.code == 0
    assert set(FORM.split()) <= set(form)
    assert [set(PAIR.split()) - set(pair) for pair in form["pairs"]] == [set()]
    assert all(set(QUANTITY.split()) <= set(quantity) for quantity in form["pairs"][0]["quantities"])
    assert (form["schema"], form["verdict"], form["pairs"][0]["pair"]) == (1, "match", "loose")
    assert jaxport(*LOOSE, "--json", "x.json").out == loose[0].out
    assert strictly((tmp_path / "x.json").read_text()) == form
    assert files(tmp_path) == ["x.json"]


def test_numbers_that_are_not_finite(replay, loose):
    """NaN and infinity are strings in JSON, and shown like any number."""
    odd = dataclasses.replace(loose[1].quantities[0].judgement, gap=float("nan"), allowed=float("inf"))
    replay(quantities=(dataclasses.replace(loose[1].quantities[0], judgement=odd),))
    (quantity,) = strictly(jaxport(*LOOSE, "--json", "-").out)["pairs"][0]["quantities"]
    assert (quantity["gap"], quantity["allowed"]) == ("nan", "inf")
    assert re.search("^ ?output .* nan +inf ", jaxport(*LOOSE).out, re.MULTILINE)


def test_options_arrive(replay):
    """Device, precision, seed, probes and oracle's device reach the verification of each pair, by default of all."""
    given = replay()
    jaxport("verify", *CPU)
    jaxport(*LOOSE, "--dtype", "bfloat16", "--seed", 7, "--probes", "all", "--oracle-device", "cpu")
    plain = ("cpu", "float32", 0, False, "cpu")
    assert given[:-1] == [(name, *plain) for name in pairs.REGISTRY]
    assert given[-1] == ("loose", "cpu", "bfloat16", 7, True, "cpu")


def test_options_before_the_command(replay):
    """An option before the command counts, or is refused; it is never passed over."""
    given = replay()
    assert jaxport("--seed", 7, *LOOSE).code == 2 or given[0][3] == 7
    ran = jaxport("--json", "-", "env", *CPU)
    assert ran.code == 2 or strictly(ran.out)


def test_mismatch(monkeypatch):
    """A port that negates its logits gives exit code 1 and the word mismatch."""
    sound = pairs.loose()
    negated = dataclasses.replace(sound, name="negated", port=lambda params, x: -sound.port(params, x))
    monkeypatch.setitem(pairs.REGISTRY, "negated", lambda data, rows: negated)
    code, out, err = jaxport("verify", "negated", *CPU, "--json", "x.json")
    assert (code, len(err.splitlines())) == (1, 1)  # the device
    assert re.search(r"^verdict +mismatch$", out, re.MULTILINE)
    assert strictly(Path("x.json").read_text())["verdict"] == "mismatch"


def test_one_failing_pair(loose, monkeypatch):
    """One pair of several that does not match is enough for exit code 1, wherever it stands."""
    reports = iter([dataclasses.replace(loose[1], verdict=verdict) for verdict in (Verdict.MISMATCH, Verdict.MATCH)])
    monkeypatch.setattr(compare.verify, "verify", lambda *given: next(reports))
    ran = jaxport("verify", "loose", "mlp", *CPU, "--json", "-")
    assert (ran.code, strictly(ran.out)["verdict"]) == (1, "mismatch")


STRICT = {
    "match": ({}, (0, 0)),
    "float32_only": ({"verdict": Verdict.FLOAT32_ONLY}, (0, 1)),
    "precision": ({"precision": FLAG}, (0, 1)),
    "toothless": ({"teeth": Teeth(("labels shifted by one",), {"loss": ()})}, (0, 1)),
    "incomplete": ({"verdict": Verdict.INCOMPLETE}, (1, 1)),
    "invalid": ({"verdict": Verdict.INVALID}, (1, 1)),
}


@pytest.mark.parametrize("case", STRICT)
def test_strict(replay, case):
    """``--strict`` makes float32_only, a precision flag and a toothless check count; what is worse always does."""
    changed, codes = STRICT[case]
    replay(**changed)
    assert (jaxport(*LOOSE).code, jaxport(*LOOSE, "--strict").code) == codes


def test_train(tmp_path):
    """``train`` writes its JSON and its picture, nothing else, and says so on standard error."""
    ran = jaxport("train", *SHORT, "--out", "out")
    form = strictly((tmp_path / "out" / "train.json").read_text())
    assert files(tmp_path) == ["out/train.json", "out/training.png"]
    assert (ran.code, form["verdict"], len(form["steps"]), form["plan"]["batch"]) == (0, "match", 8, 500)
    assert ran.err.splitlines()[1:] == ["wrote out/train.json and out/training.png"]
    assert re.search(r"^verdict +match$", ran.out, re.MULTILINE)


def test_main_job(job):
    """The bare command verifies every pair, trains, shows the other uses, and ends by saying where to look."""
    ran, folder = job
    assert (ran.code, files(folder.parent)) == (0, [f"out/{name}" for name in WRITTEN])
    for heading in ("contrast: jaxport contrast mlp", "bench: jaxport bench mlp", "read: jaxport read mlp"):
        assert heading in ran.out.splitlines()
    assert (folder / "training.png").read_bytes().startswith(b"\x89PNG\r\n")
    verified = strictly((folder / "verify.json").read_text())
    assert {pair["pair"]: pair["verdict"] for pair in verified["pairs"]} == dict.fromkeys(pairs.REGISTRY, "match")
    assert ran.out.count("verdict    match") == len(pairs.REGISTRY) + 1
    last = ran.out.splitlines()[-1]
    assert last.startswith("The port is the same function. See out/training.png;")
    assert "out/verify.json and train.json" in last


def test_main_job_json(rerun, job, tmp_path):
    """``--json -`` with the main job: both forms on standard output, all text on standard error, files in report/."""
    rerun()
    ran = jaxport(*SHORT, "--json", "-")
    form = strictly(ran.out)
    assert files(tmp_path) == [f"report/{name}" for name in WRITTEN]
    assert (ran.code, set(form)) == (0, {"schema", "verify", "train", "contrast", "bench"})
    assert form["verify"] == strictly((job[1] / "verify.json").read_text())
    assert "The port is the same function." in ran.err


def test_training_that_fails(rerun):
    """A training run that does not match gives exit code 1, and the main job's last line says so."""
    rerun("mismatch")
    assert jaxport("train", *SHORT).code == 1
    ran = jaxport(*SHORT, "--out", "out")
    assert (ran.code, ran.out.splitlines()[-1].split(".")[0]) == (1, "The port is NOT the same function")


@pytest.mark.parametrize("folder", ["a_long_path/" * 12 + "out", "run[bold]"])
def test_where_to_look(rerun, folder):
    """The paths in the last line stand as they are, so that they can be copied."""
    rerun()
    assert f"{folder}/training.png" in jaxport(*SHORT, "--out", folder).out.splitlines()[-1]


class Screen(io.StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        return True


def test_colour(replay, job, loose, monkeypatch):
    """Colours on a terminal; none under NO_COLOR; where nobody watches no escape code at all."""
    replay()
    monkeypatch.setenv("TERM", "xterm-256color")
    shown = {}
    for variable in ("ANY", "NO_COLOR"):
        monkeypatch.setenv(variable, "1")
        monkeypatch.setattr(sys, "stdout", Screen())
        main(LOOSE)
        shown[variable] = sys.stdout.getvalue()
    colours = r"\x1b\[(\d+;)*(3|4|9|10)\d[;m]"
    assert re.search(colours, shown["ANY"])
    assert not re.search(colours, shown["NO_COLOR"])
    assert "\x1b" not in "".join((*loose[0][1:], *job[0][1:]))


def test_read_imports_no_framework():
    """Reading is instant: neither framework is loaded, with a lesson or without."""
    for lesson in ([], ["mlp"]):
        code = f"import sys; from compare.cli import main; main(['read', *{lesson!r}]); "
        code += "print(*sys.modules, file=sys.stderr)"
        ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert not {"torch", "jax", "flax", "optax", "matplotlib"} & set(ran.stderr.split())


def test_contrast(job):
    """Both ways on one batch: the tape's nodes, the residuals, both programs; as JSON the same."""
    ran = jaxport("contrast", "loose", *CPU, "--json", "-")
    form = strictly(ran.out)
    assert (ran.code, form["pair"]) == (0, "loose")
    assert form["loss_reference"] == pytest.approx(form["loss_port"], rel=1e-6)
    assert set(strictly((job[1] / "contrast.json").read_text())) == set(form)


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
from compare import cli, commands

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
commands.env = slow
sys.exit(cli.main(["env"]))
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (ran.returncode, ran.stderr) == (130, "jaxport: interrupted\n")
