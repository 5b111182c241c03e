"""``jaxport weights``: the answer line by line, for either direction, with files; its exit codes and its JSON."""

import numpy as np
import pytest
import torch

from compare.checkpoints.checkpoint import Checkpoint
from compare.checkpoints.files import write
from tests.compare.command_line import CPU, jaxport, refused, strictly

PAIR = """
import jax
import jax.numpy as jnp
import numpy as np
import torch
from flax import linen
from compare import Pair


class Port(linen.Module):
    @linen.compact
    def __call__(self, x):
        x = linen.relu(linen.Conv(4, (3, 3), padding=1, name="conv")(x.transpose(0, 2, 3, 1)))
        return linen.Dense(3, name="head")(x.reshape(len(x), -1))


torch.manual_seed(0)
reference = torch.nn.Sequential(
    torch.nn.Conv2d(2, 4, 3, padding=1), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(100, 3)
)
x = np.random.default_rng(0).standard_normal((2, 2, 5, 5), dtype="f")
own = {name: jnp.asarray(tensor.detach().numpy()) for name, tensor in reference.state_dict().items()}
conv = {"kernel": own["0.weight"].transpose(2, 3, 1, 0), "bias": own["0.bias"]}
variables = {"params": {"conv": conv, "head": {"kernel": own["3.weight"].T, "bias": own["3.bias"]}}}
"""
LOADER = "your loader must permute head's rows from (C, H, W) to (H, W, C): params/head/kernel is 3.weight.reshape"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A pair with plainly transposed weights, one without any, and files of right and wrong ones."""
    where = tmp_path_factory.mktemp("weights")
    (where / "given.py").write_text(PAIR + "pair = Pair(reference, (Port(), variables), x)\n")
    (where / "bare.py").write_text(PAIR + "pair = Pair(reference, Port(), x)\n")
    torch.manual_seed(0)
    reference = torch.nn.Sequential(
        torch.nn.Conv2d(2, 4, 3, padding=1), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(100, 3)
    )
    own = {name: tensor.detach().numpy() for name, tensor in reference.state_dict().items()}
    head = own["3.weight"].reshape(3, 4, 25).transpose(2, 1, 0).reshape(100, 3)
    port = {
        "params/conv/kernel": own["0.weight"].transpose(2, 3, 1, 0), "params/conv/bias": own["0.bias"],
        "params/head/kernel": head, "params/head/bias": own["3.bias"],
    }  # fmt: skip
    low = {path: np.ascontiguousarray(leaf.astype(np.float16)) for path, leaf in port.items()}
    write(where / "right.safetensors", Checkpoint("port", "safetensors", low))
    write(
        where / "port.msgpack",
        Checkpoint("port", "msgpack", {path: np.ascontiguousarray(leaf) for path, leaf in port.items()}),
    )
    wrapped = {f"module.{name}": array for name, array in own.items()}
    wrapped["module.3.weight"] = np.ascontiguousarray(head.T)
    write(where / "wrong.pt", Checkpoint("reference", "torch", wrapped))
    return where


def said(out: str) -> str:
    return " ".join(out.split())


def test_the_ports_own_weights_are_judged_line_by_line(folder):
    """One array is flattened as torch does: the report leads with what a loader has to do."""
    ran = jaxport("weights", folder / "given.py", *CPU)
    assert ran.code == 1
    assert said(ran.out).split("notice ")[1].startswith(LOADER)
    assert "params/head/kernel: permuted: rows in the order (C, H, W) for (H, W, C); from 3.weight" in said(ran.out)
    assert "answer 1 of 4 arrays of the port are not what the reference's weights make them" in said(ran.out)


def test_a_file_of_right_ones_is_right_and_the_json_says_all(folder):
    ran = jaxport("weights", folder / "bare.py", "--port-weights", folder / "right.safetensors", "--json", "-", *CPU)
    form = strictly(ran.out)
    assert ran.code == 0
    assert form["weights"]["right"] is True
    assert {line["text"] for line in form["weights"]["lines"]} == {"rounded to float16"}
    assert form["loader"][0].startswith(LOADER)


def test_a_pytorch_port_of_a_jax_original_is_judged_as_such(folder):
    """The words are those of the reference's loader, and the names that training added are seen."""
    options = (
        "--original",
        "port",
        "--port-weights",
        folder / "port.msgpack",
        "--reference-weights",
        folder / "wrong.pt",
    )
    ran = jaxport("weights", folder / "bare.py", *options, *CPU)
    text = said(ran.out)
    assert ran.code == 1
    assert "your loader must permute 3's columns from (H, W, C) to (C, H, W)" in text
    assert "3.weight: permuted: columns in the order (H, W, C) for (C, H, W); from params/head/kernel" in text
    assert "module. was taken off the names (DataParallel, DistributedDataParallel or AveragedModel adds it)" in text


def test_what_cannot_be_judged_is_one_line(folder):
    assert "the port has no weights of its own" in refused(jaxport("weights", folder / "bare.py", *CPU))
    options = ("--port-weights", folder / "wrong.pt")
    assert "its names are the reference's: give it as --reference-weights" in refused(
        jaxport("weights", folder / "bare.py", *options, *CPU)
    )


def test_what_one_side_alone_has_is_accepted_by_name(tmp_path):
    file = tmp_path / "one.py"
    file.write_text(
        """
import numpy as np
import torch
from flax import linen
from compare import Pair

reference = torch.nn.Linear(3, 2)
variables = {"params": {"kernel": reference.weight.detach().numpy().T}}
pair = Pair(reference, (linen.Dense(2, use_bias=False), variables), np.ones((4, 3), "f"))
"""
    )
    assert "bias (2,) of the reference has no counterpart" in refused(jaxport("weights", file, *CPU))
    ran = jaxport("weights", file, "--accept", "bias", *CPU)
    assert (ran.code, "the port's own weights are the reference's: 1 array" in ran.out) == (0, True), ran


def test_two_files_beside_each_other(folder):
    """Through the pair's map or a saved one, the first right; the report is the same."""
    files = (folder / "wrong.pt", folder / "port.msgpack")
    ran = jaxport("weights", *files, "--pair", folder / "bare.py", *CPU)
    assert ran.code == 1
    assert "port.msgpack: beside wrong.pt, through" in said(ran.out)
    assert "params/head/kernel: permuted" in said(ran.out)
    jaxport("convert", files[1], folder / "out.npz", "--pair", folder / "bare.py", "--save-map", folder / "map.json")
    by_map = jaxport("weights", *files, "--map", folder / "map.json", "--json", "-", *CPU)
    assert by_map.code == 1
    assert [line["kind"] for line in strictly(by_map.out)["weights"]["lines"]].count("permuted") == 1
    assert jaxport("weights", folder / "out.npz", files[1], "--map", folder / "map.json", *CPU).code == 0


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("a.pt", "b.pt"), "expected one pair, or two checkpoints and --pair FILE.py or --map FILE.json"),
        (("a.pt", "--map", "m.json"), "expected two checkpoints beside --pair or --map, got 1"),
        (("a.pt", "b.pt", "--map", "m.json", "--pair", "p.py"), "give one of them"),
        (("a.pt", "b.pt", "--map", "m.json", "--original", "port"), "the first is the original"),
        (("a.pt", "b.pt", "--map", "m.json", "--accept", "x"), "--accept goes with --pair"),
        (("a.pt", "b.pt", "--map", "m.json"), "m.json: cannot be read"),
    ],
)
def test_two_files_refused(arguments, expected):
    """One line each, before anything is read."""
    assert expected in refused(jaxport("weights", *arguments, *CPU))
