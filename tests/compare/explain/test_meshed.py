"""Ports on a mesh of four devices, which one process makes: sound ones match, and what sharding breaks is named."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import jax
import pytest

PAIRS = Path(__file__).with_name("sharded_pairs.py")
EXAMPLE = Path(__file__).parents[3] / "examples" / "sharded.py"
CAUSES = {
    "planted_mean_of_means": (
        "reduction",
        "is not the mean of the losses of each shard's 4 rows along `data`, since some rows count",
    ),
    "planted_sum": ("gradient reduction", "the gradient of up.weight is the sum over `data`"),
    "planted_batch_norm": ("batch statistics", "batch norm's statistics are those of each shard's 4 rows along `data`"),
    "planted_one_key": ("dropout key", "every shard along `data` drops what the first one drops"),
    "planted_padding": ("padding", "1 row that pads the batch of 7 for `data` (zeros, behind the model) is counted"),
    "planted_low": ("collective", "lax.psum over `model` at"),
    "planted_lazy": ("update", "the entries [8:16] of up.weight, which device 1 of 2 along `data` or `model` holds"),
    "planted_size": ("mesh size", "the port's code computes with the mesh's own size at "),
    "planted_slower": ("mesh size", "the port's code computes with the mesh's own size at "),
}
if jax.__version__ == "0.10.2":
    CAUSES["compiled_wrongly"] = ("partitioning", "the compiler makes another function of the port on data=2,model=2")
SOUND = ["sound_linen", "sound_nnx", "sound_by_hand", "sound_dropout", "sound_batch_norm", "sharded"]


# The command, and then the same of a program whose own mesh is in context, as an annotated NNX model asks for.
BOTH_WAYS = """
import runpy, sys
from compare.cli.cli import main
code = main(sys.argv[2:])
import jax
from compare import verify
mesh = jax.make_mesh((2, 2), ("data", "model"), axis_types=(jax.sharding.AxisType.Auto,) * 2)
with jax.set_mesh(mesh):
    pairs = runpy.run_path(sys.argv[3])
    for name in ("planted_sum", "sound_nnx"):
        verify(pairs[name], mesh=mesh, quick=True, device="cpu", progress=False).to_json(f"{sys.argv[1]}/{name}.json")
sys.exit(code)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where everything is left by the one process that makes the devices: JAX makes them once."""
    out = tmp_path_factory.mktemp("mesh")
    words = ["verify", str(PAIRS), str(EXAMPLE), "--mesh", "data=2,model=2", "--quick", "--device", "cpu"]
    environment = {name: value for name, value in os.environ.items() if name != "XLA_FLAGS"}
    done = subprocess.run(
        [sys.executable, "-c", BOTH_WAYS, str(out), *words, "--json", str(out / "verify.json")],
        capture_output=True, text=True, check=False, env=environment, timeout=600,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr[-2000:]
    return out


@pytest.fixture(scope="module")
def reports(folder: Path) -> dict[str, dict[str, Any]]:
    """What ``jaxport verify --mesh`` found of each pair."""
    return {pair["pair"]: pair for pair in json.loads((folder / "verify.json").read_text())["pairs"]}


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_port_matches_on_a_mesh(reports: dict[str, dict[str, Any]], name: str):
    """All of it: dropout and batch statistics on shards too, and a mesh that the code makes itself."""
    pair = reports[name]
    assert pair["verdict"] == "match", [one for one in pair["quantities"] if one["verdict"] != "match"]
    assert pair["coverage"]["not_compared"] == pair["coverage"]["drawn"] == []


@pytest.mark.parametrize("name", CAUSES)
def test_what_sharding_breaks_is_seen_and_named(reports: dict[str, dict[str, Any]], name: str):
    """By one cause, which is certain."""
    pair, (setting, text) = reports[name], CAUSES[name]
    assert pair["verdict"] == "mismatch"
    assert [(cause["setting"], cause["certain"]) for cause in pair["causes"]] == [(setting, True)]
    assert text in pair["causes"][0]["text"]


@pytest.mark.parametrize("name", ["planted_sum", "sound_nnx"])
def test_a_program_is_told_what_the_command_says(folder: Path, reports: dict[str, dict[str, Any]], name: str):
    """``verify(..., mesh=...)``: every quantity, layout and cause; the weights are drawn anew where a file is run."""

    def words(pair: dict[str, Any]) -> list[Any]:
        quantities = [(one["name"], one["probe"], one["verdict"]) for one in pair["quantities"]]
        return [pair["verdict"], pair["mesh"], quantities, [cause["text"] for cause in pair["causes"]]]

    (told,) = json.loads((folder / f"{name}.json").read_text())["pairs"]
    assert words(told) == words(reports[name])


def test_every_pair_of_the_file_is_asked_for(reports: dict[str, dict[str, Any]]):
    """None is left out here."""
    assert sorted(reports) == sorted({*SOUND, *CAUSES, "compiled_wrongly"})


def test_the_mesh_is_really_used(reports: dict[str, dict[str, Any]]):
    """As the port's annotations say, and its rules; what goes between devices is counted in what was compiled."""
    linen, by_hand = reports["sound_linen"]["mesh"], reports["sound_by_hand"]["mesh"]
    assert (linen["axes"], linen["devices"]) == ("data=2,model=2", "4 host devices")
    assert linen["leaves"]["params/up/kernel"] == reports["sound_nnx"]["mesh"]["leaves"]["params/up/kernel"]
    assert linen["leaves"] == {
        "params/up/kernel": "P(None, model)",
        "params/up/bias": "whole",
        "params/down/kernel": "P(model)",
        "params/down/bias": "whole",
    }
    assert by_hand["leaves"]["params/up.weight"] == by_hand["leaves"]["params/up.bias"] == "P(model)"
    assert {*linen["inputs"].values()} == {"P(data)"}
    assert linen["collectives"]["all-reduce"] >= 1
    assert linen["unused"] == []
    assert reports["sound_dropout"]["mesh"]["unused"] == ["model"]
