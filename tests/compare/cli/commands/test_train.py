"""``jaxport train``: the form and the picture, and where they are written."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from compare.pair.training_recipes import in_words
from tests.compare.command_line import SHORT, files, jaxport, refused, strictly

ROOT = Path(__file__).parents[4]

pytestmark = pytest.mark.usefixtures("elsewhere")


def test_train(tmp_path):
    """``train`` writes its JSON and its picture, nothing else, and says so on standard error."""
    ran = jaxport("train", *SHORT, "--out", "out")
    form = strictly((tmp_path / "out" / "train.json").read_text())
    assert files(tmp_path) == ["out/train.json", "out/training.png"]
    assert (ran.code, form["verdict"], len(form["steps"]), form["plan"]["batch"]) == (0, "match", 8, 500)
    assert ran.err.splitlines()[1:] == ["wrote out/train.json and out/training.png"]
    assert re.search(r"^verdict +match$", ran.out, re.MULTILINE)


def test_an_unknown_recipe():
    """Before a device is looked for."""
    ran = jaxport("train", "--recipe", "nosuch")
    assert "--recipe nosuch: there is none" in refused(ran)
    assert "device: " not in ran.err


def test_the_recipe_is_named(tmp_path):
    """With what it is, in the JSON and on the terminal."""
    ran = jaxport("train", *SHORT, "--recipe", "sgd-steps", "--json", "train.json")
    form = strictly((tmp_path / "train.json").read_text())
    assert (form["recipe"], form["trained_by"]) == ("sgd-steps", in_words("sgd-steps"))
    assert re.search(r"^recipe +sgd-steps: SGD with momentum, dropped to a tenth", ran.out, re.MULTILINE)


def test_a_checkpoint_that_is_none_is_one_line(tmp_path):
    """And it stays as it was."""
    (tmp_path / "there.npz").write_bytes(b"PK\3\4 not whole")
    assert "there.npz: no whole .npz archive" in refused(
        jaxport("train", *SHORT, "--checkpoint", "there.npz", "--resume")
    )
    assert "is there already" in refused(jaxport("train", *SHORT, "--checkpoint", "there.npz"))
    assert (tmp_path / "there.npz").read_bytes() == b"PK\3\4 not whole"


def test_a_killed_run_goes_on(tmp_path):
    """Ended by the system at a moment that nobody chose, it comes to the numbers of a run that never was."""
    rng = np.random.default_rng(0)
    arrays = {f"x_{part}": rng.integers(0, 256, (20, 6, 6), np.uint8) for part in ("train", "test")}
    np.savez(tmp_path / "data.npz", **arrays, **{f"y_{part}": np.arange(20) % 10 for part in ("train", "test")})
    told = ["train", "--epochs", "8", "--batch", "10", "--data", "data.npz", "--device", "cpu"]
    told += ["--checkpoint", "run.npz", "--json"]
    start = [sys.executable, "-m", "compare", *told]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    killed = subprocess.Popen([*start, "-"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    while not (tmp_path / "run.npz").exists():
        assert killed.poll() is None
        time.sleep(0.01)
    killed.kill()
    killed.wait()
    resumed = jaxport(*told, "resumed.json", "--resume")
    (tmp_path / "run.npz").unlink()
    never = jaxport(*told, "never.json")
    assert (resumed.code, never.code) == (0, 0)
    assert re.search(r"^going on from run.npz: after \d+ steps$", resumed.err, re.MULTILINE)
    assert (tmp_path / "resumed.json").read_text() == (tmp_path / "never.json").read_text()


PAIR = """
import jax.numpy as jnp, numpy as np, optax, torch
from flax import linen
from compare.pair.pair import Pair

def make(rate):
    return Pair(
        torch.nn.Linear(3, 2), linen.Dense(2), lambda rng: rng.standard_normal((4, 3), np.float32),
        optimizers=(lambda p: torch.optim.SGD(p, 0.1, momentum=0.9), optax.sgd(rate, momentum=0.9)),
    )

pair = make({rate})
"""


@pytest.mark.parametrize(("rate", "code"), [("0.1", 0), ("lambda step: jnp.where(step > 6, 0.11, 0.1)", 1)])
def test_a_pairs_file_is_trained(tmp_path, rate, code):
    """By its own optimizers, each of as many steps as are asked for judged; a rate that changes late is seen."""
    (tmp_path / "own.py").write_text(PAIR.replace("{rate}", rate))
    ran = jaxport("train", "own.py", "--steps", "9", "--device", "cpu", "--json", "own.json")
    (pair,) = strictly((tmp_path / "own.json").read_text())["pairs"]
    wrong = {one["name"] for one in pair["quantities"] if one["name"][:4] == "step" and one["verdict"] != "match"}
    assert ran.code == code
    assert "step9/update/weight" in {one["name"] for one in pair["quantities"]}
    assert any(name.startswith("step8/") for name in wrong) == bool(code)
    assert not any(name.startswith("step6/") for name in wrong)


@pytest.mark.parametrize(
    ("told", "why"),
    [
        (("own.py", "--recipe", "nadam"), "--recipe means nothing beside a pair, which is trained by its optimizers="),
        (("own.py", "--epochs", "15"), "--epochs means nothing beside a pair"),
        (("nowhere.py",), "nowhere.py: there is no such file"),
        (("--steps", "3"), "--steps: is of a pair's file"),
        (("--mesh", "data=2"), "--mesh: is of a pair's file"),
        (("own.py", "--mesh", "data=64", "--device", "cpu"), "mesh data=64: expected 64 devices, JAX has"),
        (("own.py", "--steps", "99999999"), "pair own: 99,999,999 training steps: expected at most 333,333"),
    ],
)
def test_what_does_not_go_together(tmp_path, told, why):
    """One line."""
    (tmp_path / "own.py").write_text(PAIR.format(rate=0.1))
    assert why in refused(jaxport("train", *told))


@pytest.mark.parametrize(("rate", "code"), [("0.1", 0), ("lambda step: jnp.where(step > 2, 0.2, 0.1)", 1)])
def test_a_pairs_file_is_trained_on_a_mesh(tmp_path, rate, code):
    """Here of the one device that this process has: every step is judged there, and a rate that changes is seen."""
    (tmp_path / "own.py").write_text(PAIR.replace("{rate}", rate))
    told = ("--steps", "4", "--mesh", "data=1", "--device", "cpu", "--json", "own.json")
    ran = jaxport("train", "own.py", *told)
    (pair,) = strictly((tmp_path / "own.json").read_text())["pairs"]
    assert (ran.code, pair["mesh"]["axes"]) == (code, "data=1")
    assert "step4/update/weight" in {one["name"] for one in pair["quantities"]}


def test_a_pair_without_optimizers_is_refused_before_any_runs(tmp_path, monkeypatch):
    """A file of two, of which one can be trained: no minute is spent on the other."""
    (tmp_path / "own.py").write_text(
        PAIR.format(rate=0.1)
        + "\nfrom dataclasses import replace\nbare = replace(pair, optimizers=None, name='bare')\n"
    )
    monkeypatch.setattr("compare.verification.verification.verify", lambda *given, **named: pytest.fail("it has begun"))
    assert "pair bare: expected optimizers=" in refused(jaxport("train", "own.py", "--device", "cpu"))
