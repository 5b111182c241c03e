"""A forward pass as JSON holds it: the same map comes of it, and no torch is needed to read it."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from flax import linen, nnx
from torch import nn

from compare.weights.mapping.find import find
from compare.weights.mapping.gates import Gate
from compare.weights.mapping.program import Program, plain_argument
from compare.weights.mapping.torch_trace import program_of
from tests.compare.weights.mapping.carry import normal
from tests.compare.weights.mapping.hand import roles, same_atoms

ROOT = Path(__file__).parents[4]


class Net(nn.Module):
    """A convolution with batch norm, flattened: with buffers, and outputs that have names."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm, self.out = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Linear(16, 5)

    def forward(self, x):
        h = torch.relu(self.norm(self.conv(x)))
        return {"logits": self.out(h.flatten(1)), "h": h}


class NetPort(linen.Module):
    @linen.compact
    def __call__(self, x, train=False):
        h = linen.Conv(4, (3, 3), padding="VALID")(x)
        h = linen.relu(linen.BatchNorm(use_running_average=not train, epsilon=1e-5)(h))
        return {"logits": linen.Dense(5)(h.reshape(h.shape[0], -1)), "h": h}


class First(nn.Module):
    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        return self.layer(x)[0]


MODELS = {
    "image": lambda: (Net(), NetPort(), normal(2, 3, 4, 4)),
    "recurrent": lambda: (
        First(nn.LSTM(4, 5, batch_first=True)),
        nnx.RNN(nnx.LSTMCell(4, 5, rngs=nnx.Rngs(0))),
        normal(2, 3, 4),
    ),
    "table": lambda: (nn.Embedding(7, 4), linen.Embed(7, 4), np.array([[1, 2, 6]], np.int32)),
}


@pytest.mark.parametrize("name", MODELS)
def test_a_program_read_back_from_json_gives_the_identical_map(name):
    reference, port, x = MODELS[name]()
    program = program_of(reference, (x,), {})
    read = Program.from_form(json.loads(json.dumps(program.to_form())))
    assert read == program
    one, two = (find(model, (x,), {}, port, (x,), {}) for model in (reference, read))
    assert one.weight_map.entries == two.weight_map.entries
    assert (one.inputs, one.outputs, one.constants) == (two.inputs, two.outputs, two.constants)
    assert one.notes == two.notes
    assert len(one.weight_map.entries) > 0


def test_what_comes_of_a_form_is_what_went_in():
    program = Program({"w": (2, 3)}, ["w"], {"w": (Gate("ih", "i", "l", True),)}, [["weight", 1, "w"]], [], {"out": 1})
    read = Program.from_form(json.loads(json.dumps(program.to_form())))
    assert read == program
    assert isinstance(read.weights["w"], tuple)
    assert isinstance(read.gates["w"][0], Gate)


EVENTS = [
    ["weight", 1, "w"], ["input", 2, [2, 3]], ["constant", 3, [2, 4]],
    ["op", "mm", "new", {"self": {"value": 2}, "mat2": {"value": 1}}, [4], [[2, 4]]],
    ["op", "tanh_", "new", {"self": {"value": 4}}, [5], [[2, 4]]],
    ["write", 3, [3, 5], None],
]  # fmt: skip


def test_a_replay_follows_the_events():
    trace = Program({"w": (3, 4)}, events=EVENTS, inputs=[2], outputs={"a": 5, "b": 3}).trace()
    unit = trace.walk.units["w"]
    assert (unit.kind, roles(unit)) == ("matrix", [("in", 3), ("out", 4)])
    assert trace.inputs[0].shape == (2, 3)
    assert trace.walk.uses[0].fate == {"tanh"}
    written = trace.outputs["b"]
    assert (written.moving, written.last) == (True, frozenset({0}))
    assert same_atoms(written.axes[1], trace.outputs["a"].axes[1])


def test_a_write_reaches_what_its_target_is_a_view_of():
    arguments = {"self": {"value": 3}, "dim": 0, "start": 0, "end": 2, "step": 1}
    events = [*EVENTS[:5], ["op", "slice", "view", arguments, [6], [[2, 4]]], ["write", 6, [6, 5], 3]]
    outputs = Program({"w": (3, 4)}, events=events, inputs=[2], outputs={"base": 3}).trace().outputs
    assert (outputs["base"].moving, outputs["base"].last) == (True, frozenset({0}))


def test_a_weight_is_not_written_into():
    product = ["op", "mm", "new", {"self": {"value": 2}, "mat2": {"value": 1}}, [6], [[2, 4]]]
    events = [*EVENTS[:5], ["write", 1, [1, 5], None], product]
    trace = Program({"w": (3, 4)}, events=events, inputs=[2], outputs={"y": 6}).trace()
    assert trace.walk.units["w"].uses == [0, 1]


def test_arguments_are_said_as_json_holds_them():
    item = ({"value": 3}, [None, 2, 0.5, True, "sum"], (1, 2), torch.float32)
    assert plain_argument(item) == [{"value": 3}, [None, 2, 0.5, True, "sum"], [1, 2], "torch.float32"]
    assert json.loads(json.dumps(plain_argument(item))) == plain_argument(item)


WITHOUT_TORCH = """
import json, sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "torchref"):
            raise ImportError("torch is blocked")
sys.meta_path.insert(0, Blocked())
from compare.weights.mapping.program import Program
trace = Program.from_form(json.load(sys.stdin)).trace()
print(json.dumps({name: [unit.kind, unit.sizes] for name, unit in trace.walk.units.items()}))
assert "torch" not in sys.modules
"""


def test_reading_a_program_needs_no_torch():
    program = program_of(Net(), (normal(2, 3, 4, 4),), {})
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH],
        input=json.dumps(program.to_form()), capture_output=True, text=True, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    expected = {name: [unit.kind, unit.sizes] for name, unit in program.trace().walk.units.items()}
    assert json.loads(done.stdout) == expected
