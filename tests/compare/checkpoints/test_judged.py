"""Weights of a pair's own models and of files, judged; what is asked for and not there."""

from collections.abc import Callable
from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import linen, nnx

from compare.checkpoints.checkpoint import Checkpoint
from compare.checkpoints.convert import Conversion, conversion_between
from compare.checkpoints.files import write
from compare.checkpoints.in_memory import convert_weights
from compare.checkpoints.judged import WeightsAsked, brought_together, judged_weights
from compare.errors import UsageError
from compare.pair.pair import Pair

X = np.random.default_rng(0).standard_normal((4, 6), dtype=np.float32)


class LinenDense(linen.Module):
    @linen.compact
    def __call__(self, x):
        return linen.Dense(3, name="fc")(x)


class NNXDense(nnx.Module):
    def __init__(self, kernel):
        self.fc = nnx.Linear(6, 3, rngs=nnx.Rngs(0))
        self.fc.kernel.set_value(jnp.asarray(kernel))

    def __call__(self, x):
        return self.fc(x)


class Reference(torch.nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.fc = torch.nn.Linear(6, 3)

    def forward(self, x):
        return self.fc(x)


def weights() -> tuple[np.ndarray, np.ndarray]:
    own = Reference().fc
    return own.weight.detach().numpy(), own.bias.detach().numpy()


def linen_port(kernel, bias):
    return LinenDense(), {"params": {"fc": {"kernel": jnp.asarray(kernel), "bias": jnp.asarray(bias)}}}


def nnx_port(kernel, bias):
    port = NNXDense(kernel)
    port.fc.bias.set_value(jnp.asarray(bias))
    return port


def equinox_port(kernel, bias):
    layer = eqx.nn.Linear(6, 3, key=jax.random.key(0))
    layer = eqx.tree_at(lambda one: (one.weight, one.bias), layer, (jnp.asarray(kernel).T, jnp.asarray(bias)))
    return lambda module, x: jax.vmap(module)(x), layer


def function_port(kernel, bias):
    return lambda params, x: x @ params["k"] + params["b"], {"k": kernel, "b": bias}


@pytest.mark.parametrize("made", [linen_port, nnx_port, equinox_port, function_port])
def test_a_port_of_any_kind_comes_with_its_weights(made: Callable):
    """Right ones, and a bias that is doubled."""
    weight, bias = weights()
    prepared, given = brought_together(Pair(Reference(), made(weight.T, 2 * bias), X))
    found = judged_weights(prepared)
    assert given is None
    assert found is not None
    assert sorted((line.sources[0], line.kind) for line in found.lines) == [
        ("fc.bias", "scaled"),
        ("fc.weight", "equal"),
    ]
    assert not found.failed  # nobody asked


def test_a_port_without_weights_has_none_to_judge():
    prepared, _ = brought_together(Pair(Reference(), LinenDense(), X))
    assert judged_weights(prepared) is None
    with pytest.raises(UsageError, match=r"the port has no weights of its own: give \(module, variables\)"):
        judged_weights(prepared, WeightsAsked(asked=True))


def test_variables_on_which_the_port_does_not_run_are_judged_all_the_same():
    """A kernel that nobody transposed is of another shape."""
    weight, bias = weights()
    prepared, given = brought_together(Pair(Reference(), linen_port(weight, bias), X))
    found = judged_weights(prepared, WeightsAsked(asked=True), given)
    assert found is not None
    assert [(line.name, line.kind) for line in found.wrong] == [("params/fc/kernel", "transposed")]
    assert found.failed


@pytest.mark.parametrize(
    ("params", "complaint"),
    [({}, ""), ({"fc": {"kernel": "a", "bias": "b"}}, "weights of the port: 'params/fc/.*' has dtype <U1")],
)
def test_no_weights_at_all_and_what_are_none(params, complaint):
    prepared, given = brought_together(Pair(Reference(), (LinenDense(), {"params": params}), X))
    if complaint:
        with pytest.raises(UsageError, match=complaint):
            judged_weights(prepared, WeightsAsked(asked=True), given)
        assert judged_weights(prepared, port=given) is None  # nobody asked
        return
    found = judged_weights(prepared, WeightsAsked(asked=True), given)
    assert found is not None
    assert {line.kind for line in found.lines} == {"missing"}
    assert found.failed


def test_of_what_cannot_be_brought_together_either_way_the_first_reason_is_said():
    other = linen.Dense(5)
    with pytest.raises(UsageError) as without:
        brought_together(Pair(Reference(), other, X))
    with pytest.raises(UsageError) as within:
        brought_together(Pair(Reference(), (other, other.init(jax.random.key(0), X)), X))
    assert str(within.value) == str(without.value)


@pytest.fixture(scope="module")
def bare():
    return brought_together(Pair(Reference(), LinenDense(), X))[0]


def test_files_take_the_place_of_either_sides_own(bare, tmp_path):
    """With the names that training adds; what the model does not have is named."""
    weight, bias = weights()
    wrong, right = tmp_path / "port.npz", tmp_path / "reference.pt"
    write(wrong, Checkpoint("port", "npz", {"fc/kernel": 2 * weight, "fc/bias": 3 * bias, "step": np.zeros(2)}))
    names = {"module._orig_mod.fc.weight": 2 * weight, "module._orig_mod.fc.bias": 3 * bias}
    write(right, Checkpoint("reference", "torch", names))
    found = judged_weights(bare, WeightsAsked("reference", True, right, wrong))
    assert found is not None
    assert [(line.name, line.kind) for line in found.lines] == [
        ("params/fc/kernel", "transposed"), ("params/fc/bias", "equal"),
    ]  # fmt: skip
    assert found.left_over == ("step",)
    assert len(found.notes) == 3


def test_the_other_direction(bare, tmp_path):
    """The port's weights are the original's: what the reference's loader did is said of the reference."""
    weight, bias = weights()
    path = tmp_path / "port.msgpack"
    original = {"params/fc/kernel": np.ascontiguousarray(weight.T), "params/fc/bias": -bias}
    write(path, Checkpoint("port", "msgpack", original))
    found = judged_weights(bare, WeightsAsked("port", True, None, path))
    assert found is not None
    assert [(line.name, line.kind) for line in found.wrong] == [("fc.bias", "scaled")]
    assert "of the reference are not what the port's weights make them" in found.answer


def test_a_file_of_another_model_is_refused(bare, tmp_path):
    path = tmp_path / "other.npz"
    write(path, Checkpoint("port", "npz", {"params/else/kernel": np.zeros(3)}))
    with pytest.raises(
        UsageError, match=r"other\.npz: none of its names is one of the model's, such as params/fc/kernel"
    ):
        judged_weights(bare, WeightsAsked(asked=True, port=path))


def test_a_file_of_the_other_side_is_told_by_its_names(bare, tmp_path):
    weight, bias = weights()
    path = tmp_path / "model.npz"
    write(path, Checkpoint("reference", "npz", {"fc.weight": weight, "fc.bias": bias}))
    with pytest.raises(UsageError, match=r"its names are the reference's: give it as --reference-weights"):
        judged_weights(bare, WeightsAsked(asked=True, port=path))


def test_a_doubt_of_the_map_is_handed_on(bare, tmp_path):
    """To the lines, and with a conversion: there and in the file that it is saved in."""
    weight, bias = weights()
    unsure = replace(bare, notes=("the map is not sure",), doubted=("fc.weight",))
    path = tmp_path / "port.npz"
    write(path, Checkpoint("port", "npz", {"params/fc/kernel": 2 * weight.T, "params/fc/bias": bias}))
    found = judged_weights(unsure, WeightsAsked(asked=True, port=path))
    assert found is not None
    assert (found.right, [line.name for line in found.unsure]) == (True, ["params/fc/kernel"])
    conversion_between(unsure).save(tmp_path / "map.json")
    for conversion in (conversion_between(unsure), Conversion.load(tmp_path / "map.json")):
        assert conversion.carried("reference", {"fc.weight": weight, "fc.bias": bias})[1] == ["the map is not sure"]


class Buffered(torch.nn.Module):
    """A statistic that no checkpoint holds, and that the port keeps among its own."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.fc = torch.nn.Linear(6, 3)
        self.register_buffer("mean", torch.linspace(-1, 1, 6), persistent=False)

    def forward(self, x):
        return self.fc(x - self.mean)


class BufferedPort(linen.Module):
    @linen.compact
    def __call__(self, x):
        mean = self.variable("batch_stats", "mean", jnp.zeros, 6)
        return linen.Dense(3, name="fc")(x - mean.value)


def test_a_buffer_that_no_checkpoint_holds_is_the_modules(tmp_path):
    reference, path = Buffered(), tmp_path / "model.pt"
    torch.save(reference.state_dict(), path)
    variables = convert_weights(reference, BufferedPort(), X, reference.state_dict())
    np.testing.assert_array_equal(variables["batch_stats"]["mean"], reference.mean.numpy())
    prepared, _ = brought_together(Pair(reference, (BufferedPort(), variables), X))
    found = judged_weights(prepared, WeightsAsked(asked=True, reference=path))
    assert found is not None
    assert found.right
    assert "batch_stats/mean" in [line.name for line in found.lines]


@pytest.fixture(scope="module")
def alone():
    torch.manual_seed(0)
    return brought_together(Pair(torch.nn.Linear(6, 3, bias=False), LinenDense(), X, accept=("fc.bias",)))[0]


@pytest.mark.parametrize(
    ("bias", "kind"), [(np.zeros(3, "f"), "equal"), (np.array([5, 1, 2], "f"), "another value"), (None, "missing")]
)
def test_what_one_side_alone_has_is_what_it_was_compared_with(alone, tmp_path, bias, kind):
    """The port is a match with the zeros that it starts with; of any other value no verdict was computed."""
    path = tmp_path / "port.npz"
    leaves = {"params/fc/kernel": alone.own["weight"].T} | ({} if bias is None else {"params/fc/bias": bias})
    write(path, Checkpoint("port", "npz", leaves))
    found = judged_weights(alone, WeightsAsked(asked=True, port=path))
    assert found is not None
    assert [(line.name, line.kind) for line in found.lines] == [("params/fc/kernel", "equal"), ("params/fc/bias", kind)]
    assert found.failed == (kind != "equal")
    back = judged_weights(alone, WeightsAsked("port", asked=True, port=path))
    assert back is not None
    assert back.right  # the reference has no such array; that the original's is another is said
    assert any("params/fc/bias" in note for note in back.notes) == (kind != "equal")


def test_what_one_side_alone_has_is_left_out_of_the_others_checkpoint_and_that_is_said(alone):
    leaves = {"params/fc/kernel": alone.own["weight"].T, "params/fc/bias": np.ones(3, "f")}
    back, notes = conversion_between(alone).converted(Checkpoint("port", "npz", leaves))
    assert set(back.arrays) == {"weight"}
    assert notes == ["left out, since the reference has no counterpart: params/fc/bias"]
