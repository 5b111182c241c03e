"""The reference is recorded where there is no JAX, and the port judged where there is no torch."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from compare.errors import UsageError
from compare.sides.record_file import ReferenceRecord
from tests.compare.command_line import jaxport, refused
from tests.compiling import quick_environment

ROOT = Path(__file__).parents[3]

APART = r"""
import json, sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {names!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}")

sys.meta_path.insert(0, Blocked())
from compare.cli.cli import main
codes = []
for command in {commands!r}:
    codes.append(main(command))
    print("\f")
print(json.dumps(codes), file=sys.stderr)
"""

REFERENCE = """
import torch
from compare import Batch, Pair

class Reference(torch.nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.conv = torch.nn.Conv2d(3, 4, 3, padding=1)
        self.norm = torch.nn.BatchNorm2d(4)
        self.drop = torch.nn.Dropout(0.3)
        self.lstm = torch.nn.GRU(4, 5, batch_first=True)
        self.head = torch.nn.Linear(5, 6)

    def forward(self, x):
        x = self.drop(torch.relu(self.norm(self.conv(x))).mean(3))
        return self.head(self.lstm(x.transpose(1, 2))[0])[:, -1]

def batch(rng):
    images, labels = rng.standard_normal((3, 3, 2, 7), dtype="float32"), rng.integers(0, 6, 3)
    return Batch.of((images,), (labels,), bounds={"targets": (0, 6)})

pair = Pair(Reference(), None, batch, loss=(torch.nn.functional.cross_entropy, None),
            optimizers=(lambda p: torch.optim.AdamW(p, lr=1e-2, weight_decay=0.1), None))
"""

PORT = """
import optax
from flax import linen as nn
from compare import Pair

class Port(nn.Module):
    @nn.compact
    def __call__(self, x, train: bool = False):
        x = nn.Conv(4, (3, 3), padding=1)(x)
        x = nn.relu(nn.BatchNorm(momentum=0.9, use_running_average=not train)(x)).mean(2)
        x = nn.Dropout(RATE, deterministic=not train)(x.swapaxes(1, 2)).swapaxes(1, 2)
        return nn.Dense(6)(nn.RNN(nn.GRUCell(5))(x))[:, -1]

def loss(logits, labels):
    return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()

pair = Pair(None, Port(), None, loss=(None, loss), optimizers=(None, optax.adamw(1e-2, weight_decay=DECAY)),
            accept=("running_variance",))
"""


def apart(folder: Path, without: set[str], *commands: str) -> tuple[list[int], list[str]]:
    """The exit code of each command, in one process that finds no module ``without``, and what each showed."""
    program = APART.format(names=without, commands=[command.split() for command in commands])
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=False,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "HOME": str(folder), "COLUMNS": "160"}
        | quick_environment(),
    )  # fmt: skip
    *stages, codes = done.stderr.splitlines() or [""]
    others = [line for line in stages if not line.startswith(("recording the reference: ", "judging the port: "))]
    assert (done.returncode, others) == (0, []), done.stdout + done.stderr
    assert len(stages) <= len(commands) * len(set(stages))  # each stage once
    return json.loads(codes), done.stdout.split("\f\n")[:-1]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A record, made without JAX, and ports beside it."""
    folder = tmp_path_factory.mktemp("two environments")
    (folder / "reference.py").write_text(REFERENCE)
    sound = PORT.replace("RATE", "0.3").replace("DECAY", "0.1")
    (folder / "sound.py").write_text(sound)
    (folder / "rate.py").write_text(PORT.replace("RATE", "0.2").replace("DECAY", "0.1"))
    (folder / "decay.py").write_text(PORT.replace("RATE", "0.3").replace("DECAY", "0.11"))
    (folder / "lossless.py").write_text(sound.replace("loss=(None, loss), ", ""))
    codes, _ = apart(folder, {"jax", "jaxlib", "flax", "optax"}, "verify reference.py --record r.npz")
    assert codes == [0]
    return folder


def test_ports_are_judged_against_the_record_without_torch(folder):
    """A sound one: outputs, gradients, dropout, statistics, kinks and steps, probes and mutants included. Then a fault
    of the forward pass, and one of the optimizer alone."""
    against = "--against r.npz --no-locate"
    codes, shown = apart(
        folder, {"torch"}, "verify sound.py --against r.npz", f"verify rate.py {against}", f"verify decay.py {against}"
    )
    assert codes == [0, 1, 1]
    sound, rate, decay = shown
    assert sound.rstrip().endswith("match")
    assert "trajectory" in sound
    assert "statistics" in sound or "state/" in sound
    assert "mismatch" in rate
    assert "mismatch" in decay


def test_a_record_goes_through_its_file(folder):
    record = ReferenceRecord.load(folder / "r.npz")
    assert record.facts["pair"] == "reference"
    entering = record.entering(("norm.running_mean", "norm.running_var"))
    assert entering.weights["conv.weight"].shape == (4, 3, 3, 3)
    assert len(entering.batches) == 3
    assert not np.array_equal(*(batch.inputs["input0"] for batch in entering.batches[:2]))


def test_what_does_not_belong_together_is_refused(folder, monkeypatch):
    """One line each, exit code 2."""
    monkeypatch.chdir(folder)
    for arguments, words in [
        (("lossless.py", "--against", "r.npz"), "with a loss"),
        (("reference.py", "--against", "sound.py"), "expected a record"),
        (("sound.py", "--against", "none.npz"), "no such file"),
        (("sound.py", "--record", "a.npz", "--against", "r.npz"), "one at a time"),
        (("sound.py", "rate.py", "--against", "r.npz"), "take one pair"),
    ]:
        assert words in refused(jaxport("verify", *arguments))


def test_a_truncated_record_is_refused(folder):
    whole = (folder / "r.npz").read_bytes()
    (folder / "cut.npz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UsageError, match=r"cut\.npz"):
        ReferenceRecord.load(folder / "cut.npz")
