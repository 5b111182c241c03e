"""The reference is recorded where there is no JAX, and the port judged where there is no torch."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from compare.errors import UsageError
from compare.sides.records import Record

ROOT = Path(__file__).parents[3]

BLOCKED = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {names!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}")

sys.meta_path.insert(0, Blocked())
from compare.cli.cli import main
sys.exit(main())
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
    images, labels = rng.standard_normal((3, 3, 5, 7), dtype="float32"), rng.integers(0, 6, 3)
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


def jaxport(folder: Path, without: set[str], *arguments: str) -> subprocess.CompletedProcess:
    program = BLOCKED.format(names=without)
    return subprocess.run(
        [sys.executable, "-c", program, *arguments], cwd=folder, capture_output=True, text=True, check=False,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "HOME": str(folder), "COLUMNS": "160"},
    )  # fmt: skip


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
    done = jaxport(folder, {"jax", "jaxlib", "flax", "optax"}, "verify", "reference.py", "--record", "r.npz")
    assert (done.returncode, done.stderr) == (0, "")
    return folder


def test_a_sound_port_matches_the_record_without_torch(folder):
    """Outputs, gradients, dropout, statistics, kinks and training steps, probes and mutants included."""
    done = jaxport(folder, {"torch"}, "verify", "sound.py", "--against", "r.npz")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.rstrip().endswith("match")
    assert "trajectory" in done.stdout
    assert "statistics" in done.stdout or "state/" in done.stdout


@pytest.mark.parametrize("port", ["rate", "decay"])
def test_a_fault_shows_against_the_record(folder, port):
    done = jaxport(folder, {"torch"}, "verify", f"{port}.py", "--against", "r.npz", "--quick")
    assert done.returncode == 1
    assert "mismatch" in done.stdout


def test_a_record_goes_through_its_file(folder):
    record = Record.load(folder / "r.npz")
    assert record.facts["pair"] == "reference"
    entering = record.entering(("norm.running_mean", "norm.running_var"))
    assert entering.weights["conv.weight"].shape == (4, 3, 3, 3)
    assert len(entering.batches) == 3
    assert not np.array_equal(*(batch.inputs["input0"] for batch in entering.batches[:2]))


def test_what_does_not_belong_together_is_refused(folder):
    """One line each, exit code 2."""
    for arguments, words in [
        (("lossless.py", "--against", "r.npz"), "with a loss"),
        (("reference.py", "--against", "sound.py"), "expected a record"),
        (("sound.py", "--against", "none.npz"), "no such file"),
        (("sound.py", "--record", "a.npz", "--against", "r.npz"), "one at a time"),
        (("sound.py", "rate.py", "--against", "r.npz"), "take one pair"),
    ]:
        done = jaxport(folder, set(), "verify", *arguments)
        assert done.returncode == 2, done.stdout + done.stderr
        assert len(done.stderr.strip().splitlines()) == 1
        assert words in done.stderr


def test_a_truncated_record_is_refused(folder):
    whole = (folder / "r.npz").read_bytes()
    (folder / "cut.npz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UsageError, match=r"cut\.npz"):
        Record.load(folder / "cut.npz")
