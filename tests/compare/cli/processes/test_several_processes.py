"""A pair trained in two processes on either side, by the frameworks' own means: sound ones match, plants are named."""

import json
import textwrap
from pathlib import Path
from typing import Any

import pytest

from compare.cli.processes.launching import trained_reference
from tests.compare.command_line import jaxport, refused, strictly

SOUND = ("sound", "sound_dropout", "sound_strided", "sound_gathered")
PAIRS = Path(__file__).with_name("pairs_in_processes.py")
CAUSES = {
    "summed": "each gradient is 2 times that of one process: it is the sum over the processes",
    "averaged": "each gradient is 1/2 of that of one process: the loss is a sum over rows",
    "wrong_rows": "processes 0 and 1 both take rows 0 to 3 of 8, and no process takes rows 4 to 7 of 8",
    "normalized": "batch norm's statistics are those of each process's 4 rows alone",
    "normalized_strided": "batch norm's statistics are those of each process's 4 rows alone",
    "deviating": "what rows have in common is that of each process's 4 rows alone",
    "uneven": "each process's rows (at most 4), since 2 does not divide 7 rows, or some rows count for nothing",
    "scored_in_parts": "each process's 4 rows, since some rows count for nothing in it, or rows are scored against",
    "alone": "process 1 ends with other parameters than process 0",
}


@pytest.fixture(scope="module")
def trained() -> dict[str, Any]:
    """What became of each reference under torchrun, in three steps."""
    words = ["train", str(PAIRS), "--processes", "2", "--steps", "3", "--seed", "0", "--device", "cpu"]
    return trained_reference(words, 2, 600)["pairs"]


def test_a_sound_reference_takes_the_steps_of_one_process(trained: dict[str, Any]):
    """Every one of them: with dropout, by a wrapper and a sampler of its own, and with a loss that gathers rows."""
    for name in SOUND:
        assert (trained[name]["verdict"], trained[name]["cause"], trained[name]["processes"]) == ("match", "", 2)
        assert [step["step"] for step in trained[name]["steps"]] == [1, 2, 3]


@pytest.mark.parametrize("name", CAUSES)
def test_what_processes_break_is_seen_in_the_first_step_and_named(trained: dict[str, Any], name: str):
    """By what, put into one process, makes it the same."""
    assert (trained[name]["verdict"], trained[name]["steps"][0]["verdict"]) == ("mismatch", "mismatch")
    assert CAUSES[name] in trained[name]["cause"]


def test_every_pair_of_the_file_is_asked_for(trained: dict[str, Any]):
    """None is left out here."""
    assert {*trained} == {*CAUSES, *SOUND}


OWN = """
import numpy as np, optax, torch
from flax import linen
from compare import Batch, Pair

def square(outputs, targets):
    return ((outputs - targets) ** 2).mean()

def batch(rng):
    return Batch.of(*rng.standard_normal((2, 4, 3), np.float32))

pair = Pair(torch.nn.Linear(3, 3), linen.Dense(3), batch, loss=(square, square),
            optimizers=(lambda p: torch.optim.SGD(p, 0.1), optax.sgd(0.1)))
bare = Pair(torch.nn.Linear(3, 3), linen.Dense(3), batch)
"""


def test_both_sides_are_trained_and_told_in_one_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The port's arrays lie in both of its processes, and the steps of either side are judged."""
    monkeypatch.chdir(tmp_path)
    Path("own.py").write_text(OWN.partition("bare =")[0])
    ran = jaxport("train", "own.py", "--processes", "2", "--steps", "2", "--json", "own.json")
    assert ran.code == 0, ran.err
    (pair,) = strictly(Path("own.json").read_text())["pairs"]
    assert (ran.code, pair["verdict"], pair["processes"]["verdict"], pair["processes"]["port"]) == (0, *["match"] * 3)
    assert pair["mesh"]["devices"] == "2 host devices in 2 processes"
    assert "step2/update/weight" in {one["name"] for one in pair["quantities"]}
    assert "the reference in 2 processes takes the steps of one process: all of 2 match" in " ".join(ran.out.split())
    assert json.dumps(pair["mesh"]["inputs"]).count("P(data)") == 2


@pytest.mark.parametrize(
    ("told", "why"),
    [
        (("own.py", "--processes", "1"), "--processes"),
        (("--processes", "2"), "--processes: is of a pair's file: expected FILE.py"),
        (("own.py", "--processes", "2", "--mesh", "data=2"), "expected one of --processes and --mesh"),
        (("own.py", "--processes", "2", "--device", "gpu"), "run on the CPU"),
        (("own.py", "--processes", "2", "--data", "."), "--data: holds the images of the project's own pairs: own.py"),
    ],
)
def test_what_does_not_go_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: tuple[str, ...], why: str):
    """One line, before any process is started."""
    monkeypatch.chdir(tmp_path)
    Path("own.py").write_text(textwrap.dedent(OWN))
    assert why in refused(jaxport("train", *told))


def test_images_are_carried_to_either_sides_processes(monkeypatch: pytest.MonkeyPatch):
    """Of a pair of the project's own; what comes back without a step is refused, as of one process."""
    told = list[list[str]]()
    form = {"pairs": [{"pair": "mlp", "verdict": "match", "quantities": [{"kind": "output"}]}]}

    def trained(words: list[str], processes: int, limit: float) -> dict[str, Any]:
        told.append(words)
        return form if len(told) == 2 else {"pairs": {"mlp": {"verdict": "match"}}}

    for side in ("reference", "port"):
        monkeypatch.setattr(f"compare.cli.processes.several_processes.trained_{side}", trained)
    ran = jaxport("train", "mlp", "--processes", "2", "--data", "images")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.endswith("jaxport: pair mlp: no step was taken: expected a mode that can be compared\n")
    assert [words[words.index("--data") + 1] for words in told] == ["images", "images"]
