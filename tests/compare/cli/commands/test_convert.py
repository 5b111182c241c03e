"""``jaxport convert``: through a pair's map and through a saved one, and what it refuses."""

from pathlib import Path

import numpy as np
import pytest

from compare.checkpoints.checkpoint import Checkpoint
from compare.checkpoints.files import read, write
from compare.checkpoints.formats import FORMATS
from tests.compare.command_line import jaxport, refused

PAIR = """
import numpy as np
import torch
from flax import linen as nn
from compare import Pair

pair = Pair(torch.nn.Linear(3, 2), nn.Dense(2), lambda rng: rng.standard_normal((4, 3), dtype=np.float32))
"""
WEIGHT, BIAS = np.arange(6, dtype=np.float32).reshape(2, 3), np.arange(2, dtype=np.float32)

USERS_MODELS = True
pytestmark = pytest.mark.usefixtures("elsewhere")


def test_there_and_back():
    """By the pair, the map saved; back by the map alone: the bits are the same, and each says what it wrote."""
    Path("pair.py").write_text(PAIR)
    write(Path("torch.npz"), Checkpoint("reference", "npz", {"weight": WEIGHT, "bias": BIAS}))
    ran = jaxport("convert", "torch.npz", "flax.msgpack", "--pair", "pair.py", "--save-map", "map.json")
    assert (ran.code, ran.out) == (0, "wrote flax.msgpack: 2 arrays of the port, from 2\n"), ran
    assert np.array_equal(read(Path("flax.msgpack")).arrays["params/kernel"], WEIGHT.T)
    assert jaxport("convert", "flax.msgpack", "back.any", "--map", "map.json", "--format", "npz").code == 0
    Path("back.any").rename("back.npz")
    assert {name: array.tobytes() for name, array in read(Path("back.npz")).arrays.items()} == {
        "weight": WEIGHT.tobytes(),
        "bias": BIAS.tobytes(),
    }


def test_what_one_side_alone_has_is_accepted_by_name():
    """And left out of the file; refused without."""
    Path("pair.py").write_text(PAIR.replace("nn.Dense(2)", "nn.Dense(2, use_bias=False)"))
    write(Path("torch.npz"), Checkpoint("reference", "npz", {"weight": WEIGHT, "bias": BIAS}))
    command = ("convert", "torch.npz", "flax.msgpack", "--pair", "pair.py")
    assert "bias (2,) of the reference has no counterpart" in refused(jaxport(*command))
    ran = jaxport(*command, "--accept", "bias")
    assert (ran.code, ran.out) == (0, "wrote flax.msgpack: 1 array of the port, from 2\n"), ran
    assert "left out, since the port has no counterpart: bias" in ran.err


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((), "expected --pair FILE.py, whose weight map converts, or --map FILE.json"),
        (("--pair", "p.py", "--map", "m.json"), "give one of them"),
        (("--map", "m.json"), "in.npz: no such file or folder"),
        (("--map", "m.json", "--accept", "bias"), "--accept goes with --pair"),
    ],
)
def test_refused(arguments, expected):
    """No map, two of them, no checkpoint: one line each."""
    assert expected in refused(jaxport("convert", "in.npz", "out.npz", *arguments))


def test_the_help_lists_every_format():
    """Names and suffixes are those of the rows."""
    from compare.cli.cli import command_line

    (below,) = (action for action in command_line()._actions if action.dest == "==SUPPRESS==")
    text = below.choices["convert"].format_help().split()
    for row in FORMATS.values():
        assert any(row.name == word.strip("(),") for word in text)
        assert all(any(suffix == word.strip("(),") for word in text) for suffix in row.suffixes)


def test_a_file_that_is_read_is_not_written_over():
    """Nor where the folder was named, and not the file in it."""
    Path("pair.py").write_text(PAIR)
    Path("hub").mkdir()
    own = Path("hub/model.safetensors")
    write(own, Checkpoint("reference", "safetensors", {"weight": WEIGHT, "bias": BIAS}))
    before = own.read_bytes()
    assert "would be overwritten" in refused(jaxport("convert", "hub", str(own), "--pair", "pair.py"))
    assert own.read_bytes() == before
