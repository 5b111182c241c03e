"""A checkpoint goes to the other framework and back through the weight map of a pair."""

import json
from dataclasses import replace

import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest
import torch
from flax import linen as nn

from compare.checkpoints.checkpoint import Checkpoint
from compare.checkpoints.convert import Conversion, conversion_of
from compare.checkpoints.files import read, write
from compare.errors import UsageError
from compare.pair.pair import Pair

USERS_MODELS = True


class Reference(torch.nn.Module):
    """A convolution, a batch norm with its counter, and a head tied to an embedding."""

    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 4, 3, padding=1)
        self.norm = torch.nn.BatchNorm2d(4)
        self.inner = torch.nn.Linear(4, 6, bias=False)
        self.head = torch.nn.Linear(6, 4, bias=False)
        self.again = torch.nn.Linear(4, 6, bias=False)
        self.again.weight = self.inner.weight

    def forward(self, x):
        x = self.norm(self.conv(x)).mean((2, 3))
        return self.again(self.head(torch.relu(self.inner(x))))


class Port(nn.Module):
    @nn.compact
    def __call__(self, x, train: bool = False):
        x = nn.BatchNorm(momentum=0.9, use_running_average=not train, name="norm")(
            nn.Conv(4, (3, 3), padding=1, name="conv")(x)
        )
        inner = nn.Dense(6, use_bias=False, name="inner")
        return inner(nn.Dense(4, use_bias=False, name="head")(nn.relu(inner(x.mean((1, 2))))))


@pytest.fixture(scope="module")
def pair() -> Pair:
    return Pair(Reference(), Port(), lambda rng: rng.standard_normal((2, 3, 5, 7), dtype=np.float32))


@pytest.fixture(scope="module")
def conversion(pair) -> Conversion:
    return conversion_of(pair)


@pytest.fixture
def arrays(pair) -> dict[str, np.ndarray]:
    """A state_dict with values of its own, in bfloat16 but for the statistics."""
    rng = np.random.default_rng(3)
    state = {}
    for name, tensor in pair.reference.state_dict().items():
        if tensor.is_floating_point():
            wide = rng.standard_normal(tuple(tensor.shape)).astype(np.float32)
            state[name] = wide if "running" in name else wide.astype(ml_dtypes.bfloat16)
        else:
            state[name] = np.array(0)
    state["again.weight"] = state["inner.weight"]
    return state


def same_bits(left, right):
    return left.dtype == right.dtype and left.shape == right.shape and left.tobytes() == right.tobytes()


def test_there_and_back_is_bit_identical(conversion, arrays):
    there, _ = conversion.converted(Checkpoint("reference", "npz", arrays))
    assert there.side == "port"
    assert same_bits(there.arrays["params/inner/kernel"], np.ascontiguousarray(arrays["inner.weight"].T))
    assert same_bits(
        there.arrays["params/conv/kernel"], np.ascontiguousarray(arrays["conv.weight"].transpose(2, 3, 1, 0))
    )
    assert same_bits(there.arrays["batch_stats/norm/var"], arrays["norm.running_var"])
    back, _ = conversion.converted(there)
    assert set(back.arrays) == set(arrays)
    assert [name for name in arrays if not same_bits(back.arrays[name], arrays[name])] == []


@pytest.mark.parametrize("side", ["reference", "port"])
def test_array_by_array_the_file_is_the_same(conversion, arrays, tmp_path, side):
    """Tied names, constants and the order of the arrays included."""
    checkpoint = Checkpoint("reference", "npz", arrays)
    if side == "port":
        checkpoint = conversion.converted(checkpoint)[0]
    for when_asked in (False, True):
        write(tmp_path / f"{when_asked}.safetensors", conversion.converted(checkpoint, when_asked)[0])
    assert (tmp_path / "True.safetensors").read_bytes() == (tmp_path / "False.safetensors").read_bytes()


def test_a_ports_checkpoint_with_dots_in_its_names_is_known(conversion, arrays):
    """As a flat file of a JAX original has them: it is carried to the reference, whose names have dots too."""
    there, _ = conversion.converted(Checkpoint("reference", "npz", arrays))
    dotted = {path.replace("/", "."): leaf for path, leaf in there.arrays.items()}
    back, _ = conversion.converted(Checkpoint("reference", "safetensors", dotted))
    assert back.side == "reference"
    assert [name for name in arrays if not same_bits(back.arrays[name], arrays[name])] == []


def test_of_a_training_state_the_model_is_carried_over(conversion, arrays):
    """Flax's has a step and the optimizer's arrays beside the variables: left out, and said."""
    there, _ = conversion.converted(Checkpoint("reference", "npz", arrays))
    state = {"step": np.array(3), "opt_state/0/count": np.array(3), **there.arrays}
    back, notes = conversion.converted(Checkpoint("port", "msgpack", state))
    assert [name for name in arrays if not same_bits(back.arrays[name], arrays[name])] == []
    assert "left out, since the model has no such collection: step, opt_state" in notes
    with pytest.raises(UsageError, match="has params/more, which the model does not"):
        conversion.converted(Checkpoint("port", "msgpack", {**state, "params/more": np.zeros(2)}))


def test_names_that_training_adds_are_taken_off_and_said(conversion, arrays):
    wrapped = {f"module._orig_mod.{name}": array for name, array in arrays.items()}
    plain, _ = conversion.converted(Checkpoint("reference", "npz", arrays))
    there, notes = conversion.converted(Checkpoint("reference", "npz", wrapped))
    assert all(same_bits(leaf, plain.arrays[path]) for path, leaf in there.arrays.items())
    assert [note.split(" ")[0] for note in notes[:2]] == ["module.", "_orig_mod."]


def test_what_has_no_counterpart_is_said(conversion, arrays):
    """But a counter, of which every batch norm of torch has one; of many arrays a few."""
    there, notes = conversion.converted(Checkpoint("reference", "npz", arrays))
    _, back = conversion.converted(there)
    assert [note for note in (*notes, *back) if "num_batches_tracked" in note] == []
    tables = {f"table{at}": np.ones(3) for at in range(7)}
    more = replace(conversion, constants={**conversion.constants, **tables})
    _, notes = more.converted(Checkpoint("reference", "npz", arrays | tables))
    few = "table0, table1, table2, table3, table4 and 2 more"
    assert f"left out, since the port has no counterpart: {few}" in notes
    assert f"as the model makes them, since the port has none: {few}" in more.converted(there)[1]


def test_a_saved_map_converts_alike(conversion, arrays, tmp_path):
    conversion.save(tmp_path / "map.json")
    loaded = Conversion.load(tmp_path / "map.json")
    checkpoint = Checkpoint("reference", "npz", arrays)
    first, second = conversion.converted(checkpoint)[0].arrays, loaded.converted(checkpoint)[0].arrays
    assert first.keys() == second.keys()
    assert all(same_bits(first[path], second[path]) for path in first)


@pytest.mark.parametrize("dtype", [np.int8, np.int64, np.bool_, np.complex64])
def test_what_are_no_floats_is_no_checkpoint_of_a_model_of_floats(conversion, arrays, tmp_path, dtype):
    """Of either side, through the map as found or as saved; the counter, an integer in the model too, stays one."""
    there, _ = conversion.converted(Checkpoint("reference", "npz", arrays))
    conversion.save(tmp_path / "map.json")
    for side, given, name in (("reference", arrays, "head.weight"), ("port", there.arrays, "params/head/kernel")):
        changed = given | {name: np.ones(given[name].shape, dtype)}
        for each in (conversion, Conversion.load(tmp_path / "map.json")):
            with pytest.raises(UsageError, match=rf"{name} is {np.dtype(dtype)} \(.*\), the model's is float"):
                each.converted(Checkpoint(side, "npz", changed))


@pytest.mark.parametrize("dtype", [ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn, np.float16, np.float64])
def test_any_width_of_floats_is_a_checkpoint_of_it(conversion, arrays, dtype):
    arrays["head.weight"] = np.ones((4, 6), dtype)
    there, _ = conversion.converted(Checkpoint("reference", "npz", arrays))
    assert there.arrays["params/head/kernel"].dtype == dtype


def test_a_map_that_was_saved_before_numbers_were_noted_converts(conversion, arrays, tmp_path):
    path = tmp_path / "map.json"
    conversion.save(path)
    form = json.loads(path.read_text())
    del form["numbers"]
    path.write_text(json.dumps(form))
    assert Conversion.load(path).converted(Checkpoint("reference", "npz", arrays))[0].side == "port"


@pytest.mark.parametrize("text", ["[" * 100_000, '{"schema": 1, "schema": 1}', '{"schema": 1}', "[]", "null", "\x00"])
def test_what_is_no_map_is_one_line(tmp_path, text):
    path = tmp_path / "map.json"
    path.write_text(text)
    with pytest.raises(UsageError, match="is no weight map"):
        Conversion.load(path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda a: a.pop("head.weight"), "has no head.weight"),
        (lambda a: a.update(extra=np.zeros(3)), "has extra, which the model does not"),
        (lambda a: a.update({"head.weight": np.zeros((4, 7))}), r"head.weight is \(4, 7\), the model's is \(4, 6\)"),
        (
            lambda a: a.update({"again.weight": a["inner.weight"] + a["inner.weight"]}),
            "again.weight and inner.weight differ",
        ),
    ],
    ids=["missing", "left over", "another shape", "untied"],
)
def test_a_checkpoint_that_does_not_fit_is_refused(conversion, arrays, change, words):
    change(arrays)
    with pytest.raises(UsageError, match=words):
        conversion.converted(Checkpoint("reference", "npz", arrays))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema": 9}', "no json"])
def test_a_file_that_is_no_map_is_refused(text, tmp_path):
    (tmp_path / "map.json").write_text(text)
    with pytest.raises(UsageError, match=r"map\.json"):
        Conversion.load(tmp_path / "map.json")


class Recurrent(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = torch.nn.LSTM(3, 4, batch_first=True)

    def forward(self, x):
        return self.lstm(x)[0]


class Scanned(nn.Module):
    @nn.compact
    def __call__(self, x):
        return nn.RNN(nn.OptimizedLSTMCell(4))(x)


def test_two_biases_that_become_one_come_back_as_their_sum_and_zero():
    """The one line that is not one to one: said both ways, and the function stays the same."""
    pair = Pair(Recurrent(), Scanned(), lambda rng: rng.standard_normal((2, 5, 3), dtype=np.float32))
    state = {name: tensor.numpy() for name, tensor in pair.reference.state_dict().items()}
    conversion = conversion_of(pair)
    there, notes = conversion.converted(Checkpoint("reference", "npz", state))
    back, returned = conversion.converted(there)
    assert "sum" in " ".join(notes)
    assert "zero" in " ".join(returned)
    both = [back.arrays[name] for name in ("lstm.bias_ih_l0", "lstm.bias_hh_l0")]
    assert np.array_equal(both[0] + both[1], state["lstm.bias_ih_l0"] + state["lstm.bias_hh_l0"])
    assert any(not one.any() for one in both)


class Turned(torch.nn.Module):
    """A complex layer; the port holds its parts apart."""

    def __init__(self):
        super().__init__()
        self.turn = torch.nn.Linear(3, 4, bias=False, dtype=torch.cfloat)

    def forward(self, x):
        return self.turn(x.to(self.turn.weight.dtype)).abs()


class TurnedPort(nn.Module):
    apart: bool

    @nn.compact
    def __call__(self, x):
        if not self.apart:
            return jnp.abs(nn.Dense(4, False, param_dtype=jnp.complex64, name="turn")(x))
        real, imag = (self.param(f"turn_{part}", nn.initializers.normal(), (3, 4)) for part in ("re", "im"))
        return jnp.abs(x @ real + 1j * (x @ imag))


@pytest.mark.parametrize("suffix", [".npz", ".safetensors", ".msgpack", ".orbax"])
@pytest.mark.parametrize("apart", [False, True])
def test_complex_checkpoints_go_there_and_back_in_every_format(apart, suffix, tmp_path):
    """complex64 and its parts, bit by bit; and a file of floats is no checkpoint of a complex model."""
    made = conversion_of(Pair(Turned(), TurnedPort(apart), np.ones((2, 3), np.float32)))
    array = (np.arange(12) + 1j * np.arange(12, 24)).reshape(4, 3).astype(np.complex64)
    write(tmp_path / "reference.pt", Checkpoint("reference", "torch", {"turn.weight": array}))
    there, _ = made.converted(read(tmp_path / "reference.pt"))
    if apart:
        np.testing.assert_array_equal(there.arrays["params/turn_im"], array.imag.T)
        assert {leaf.dtype.name for leaf in there.arrays.values()} == {"float32"}
    else:
        assert same_bits(there.arrays["params/turn/kernel"], np.ascontiguousarray(array.T))
    path = tmp_path / f"port{suffix}"
    write(path, there)
    back, _ = made.converted(Checkpoint("port", "npz", read(path).arrays))
    assert same_bits(back.arrays["turn.weight"], array)
    with pytest.raises(UsageError, match=r"turn.weight is float32 \(float\), the model's is complex"):
        made.converted(Checkpoint("reference", "npz", {"turn.weight": array.real}))
