"""Weights carried over in memory, for each kind of port and in both directions: what comes back is what it was."""

import copy
import warnings
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import linen, nnx

from compare import Pair, UsageError, convert_weights

X = np.random.default_rng(0).standard_normal((4, 6), dtype=np.float32)


class Reference(torch.nn.Module):
    """A weight under two names, and a buffer that no gradient moves."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.fc = torch.nn.Linear(6, 6)
        self.norm = torch.nn.BatchNorm1d(6)
        self.again = torch.nn.Linear(6, 6, bias=False)
        self.again.weight = self.fc.weight

    def forward(self, x):
        return self.again(self.norm(self.fc(x)))


class Port(linen.Module):
    @linen.compact
    def __call__(self, x, train: bool = False):
        fc = linen.Dense(6, name="fc")
        x = linen.BatchNorm(use_running_average=not train, momentum=0.9, epsilon=1e-5, name="norm")(fc(x))
        return x @ fc.variables["params"]["kernel"]


REFERENCE = Reference()
LINEAR = torch.nn.Linear(6, 3)
PAIR = Pair(REFERENCE, Port(), X, accept=("running_variance",))
# The port counts no batches, and how its kernel is used twice was found by trying.
SAID = pytest.mark.filterwarnings("ignore:convert_weights. ")


@SAID
def test_there_the_port_makes_what_the_reference_makes():
    """Parameters and running statistics, those of the module or of a state_dict, with the names that training adds."""
    wanted = REFERENCE.eval()(torch.from_numpy(X)).detach().numpy()
    for weights in (None, REFERENCE, REFERENCE.state_dict()):
        variables = convert_weights(PAIR, weights=weights)
        np.testing.assert_allclose(Port().apply(variables, X), wanted, rtol=1e-4, atol=1e-5)


def test_names_that_training_adds_are_seen_and_said():
    wrapped = {f"_orig_mod.{name}": tensor for name, tensor in LINEAR.state_dict().items()}
    with pytest.warns(UserWarning, match=r"_orig_mod\. was taken off the names \(torch\.compile adds it\)"):
        variables = convert_weights(LINEAR, linen.Dense(3), X, wrapped)
    np.testing.assert_array_equal(variables["params"]["kernel"], LINEAR.weight.detach().numpy().T)


@SAID
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_there_and_back_every_bit_is_the_same(dtype):
    """A state_dict that loads strictly, tied weights as one tensor."""
    given = copy.deepcopy(REFERENCE).to(dtype).state_dict()
    back = convert_weights(PAIR, weights=convert_weights(PAIR, weights=given), to="reference")
    assert set(back) == set(given)
    assert all(torch.equal(back[name], tensor) and back[name].dtype == tensor.dtype for name, tensor in given.items())
    assert back["again.weight"] is back["fc.weight"]
    Reference().to(dtype).load_state_dict(back)


def nnx_port():
    return nnx.Linear(6, 3, rngs=nnx.Rngs(0))


def equinox_port():
    return lambda module, x: jax.vmap(module)(x), eqx.nn.Linear(6, 3, key=jax.random.key(0))


def function_port():
    return lambda params, x: x @ params["k"] + params["b"], {"k": np.zeros((6, 3), "f"), "b": np.ones(3, "f")}


def called(port, held):
    return port[0](held, jnp.asarray(X)) if isinstance(port, tuple) else held(jnp.asarray(X))


@pytest.mark.parametrize("made", [nnx_port, equinox_port, function_port])
def test_each_kind_gets_what_it_holds_weights_in(made):
    """And gives it back; the user's own port keeps its weights."""
    port, wanted = made(), LINEAR(torch.from_numpy(X)).detach().numpy()
    before = np.asarray(called(port, port[1] if isinstance(port, tuple) else port))
    held = convert_weights(LINEAR, port, X)
    np.testing.assert_allclose(called(port, held), wanted, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(called(port, port[1] if isinstance(port, tuple) else port), before)
    back = convert_weights(LINEAR, port, X, held, to="reference")
    assert all(torch.equal(back[name], tensor) for name, tensor in LINEAR.state_dict().items())
    own = convert_weights(LINEAR, port, X, to="reference")  # the port's own
    assert not torch.equal(own["weight"], LINEAR.weight)


def test_leaves_by_path_and_one_collection_are_weights_too():
    leaves = {"params/kernel": LINEAR.weight.detach().numpy().T, "params/bias": LINEAR.bias.detach().numpy()}
    one = {"kernel": leaves["params/kernel"], "bias": leaves["params/bias"]}
    for weights in (leaves, {"params": one}):
        back = convert_weights(LINEAR, linen.Dense(3), X, weights, to="reference")
        assert torch.equal(back["weight"], LINEAR.weight)
    with pytest.warns(UserWarning, match="in no collection: params was put before them"):
        back = convert_weights(LINEAR, linen.Dense(3), X, one, to="reference")
    assert torch.equal(back["weight"], LINEAR.weight)


VARIABLES = {"params": {"kernel": LINEAR.weight.detach().numpy().T, "bias": LINEAR.bias.detach().numpy()}}
BY_PATH = {f"params/{name}": leaf for name, leaf in VARIABLES["params"].items()}


@pytest.mark.parametrize(
    ("port", "weights", "to"),
    [
        (linen.Dense(3), LINEAR, "reference"),
        (linen.Dense(3), LINEAR.state_dict(), "reference"),
        (linen.Dense(3), VARIABLES, "port"),
        (linen.Dense(3), BY_PATH, "port"),
        (nnx_port(), LINEAR.state_dict(), "reference"),
        (nnx_port(), nnx_port(), "port"),
        (nnx_port(), VARIABLES, "port"),
        (function_port(), LINEAR, "reference"),
        (function_port(), {"params/k": BY_PATH["params/kernel"], "params/b": BY_PATH["params/bias"]}, "port"),
    ],
)
def test_which_way_weights_go_is_not_guessed(port, weights, to):
    """Weights of the side that they are to be carried to are refused, however they are held."""
    other = {"port": "reference", "reference": "port"}[to]
    complaint = rf"these are the {to}'s, by names such as .*: give to='{other}' to carry them to the {other}"
    with pytest.raises(UsageError, match=complaint):
        convert_weights(LINEAR, port, X, weights, to=to)


@SAID
def test_all_that_the_command_says_is_warned_of():
    """What is left out of a training state, and what the other side has no place for."""
    state = {**VARIABLES, "step": np.int32(3)}
    with pytest.warns(UserWarning, match="left out, since the model has no such collection: step"):
        convert_weights(LINEAR, linen.Dense(3), X, state, to="reference")
    table = copy.deepcopy(LINEAR)
    table.register_buffer("seen", torch.ones(2))
    with pytest.warns(UserWarning, match="since the port has no counterpart: seen"):
        convert_weights(table, linen.Dense(3), X)


@pytest.mark.usefixtures("cpu")
def test_the_guides_block_runs():
    """As it stands on the page, but for the probes."""
    page = (Path(__file__).parents[3] / "docs" / "verify-your-port.md").read_text()
    block = page.split("<!-- converted -->\n```python\n")[1].split("```")[0]
    scope = {"torch_module": copy.deepcopy(LINEAR), "flax_module": linen.Dense(3), "batch": X}
    exec(block.replace("weights=True", "weights=True, quick=True"), scope)
    assert set(scope["variables"]["params"]) == {"kernel", "bias"}
    assert all(torch.equal(scope["state_dict"][name], tensor) for name, tensor in LINEAR.state_dict().items())


@pytest.mark.parametrize(
    ("arguments", "named", "complaint"),
    [
        ((PAIR, Port()), {}, "a Pair holds everything"),
        ((LINEAR, linen.Dense(3)), {}, "expected a reference, a port and a batch"),
        ((LINEAR, linen.Dense(3), X), {"to": "torch"}, "to: expected 'port' or 'reference', got 'torch'"),
        ((LINEAR, linen.Dense(3), X), {"to": "reference"}, "the port has no weights of its own"),
        ((LINEAR, linen.Dense(3), X, 3), {}, "expected a state_dict or an nn.Module, got 3"),
        ((LINEAR, linen.Dense(3), X, {"weight": np.zeros((3, 6))}), {}, "does not fit the reference: it has no bias"),
        ((LINEAR, linen.Dense(3), X, 3), {"to": "reference"}, "expected the variables of a Linen module"),
        ((LINEAR, nnx_port(), X, 3), {"to": "reference"}, "expected a module of NNX, or its state .*, got 3"),
        ((LINEAR, equinox_port(), X, 3), {"to": "reference"}, "expected an Equinox module like the port"),
    ],
)
def test_what_cannot_be_carried_is_one_line(arguments, named, complaint):
    with pytest.raises(UsageError, match=complaint):
        convert_weights(*arguments, **named)


NORM, PORT_NORM = torch.nn.BatchNorm1d(6), linen.BatchNorm(use_running_average=True, momentum=0.9, epsilon=1e-5)


def test_a_counter_that_the_port_does_not_keep_is_not_worth_a_word():
    """Every batch norm of torch has one."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        variables = convert_weights(NORM, PORT_NORM, X, accept=("running_variance",))
        back = convert_weights(NORM, PORT_NORM, X, variables, to="reference", accept=("running_variance",))
    assert torch.equal(back["num_batches_tracked"], NORM.num_batches_tracked)


def test_float64_that_jax_does_not_keep_is_warned_of():
    wide = {name: tensor.double() for name, tensor in LINEAR.state_dict().items()}
    with pytest.warns(UserWarning, match=r"2 of 2 arrays are float64 and become float32, first params/kernel"):
        variables = convert_weights(LINEAR, linen.Dense(3), X, wide)
    assert variables["params"]["kernel"].dtype == np.float32
    with jax.enable_x64(True), warnings.catch_warnings():
        warnings.simplefilter("error")
        assert convert_weights(LINEAR, linen.Dense(3), X, wide)["params"]["kernel"].dtype == np.float64


@pytest.mark.parametrize("held", ["state", "split", "pure", "text keys"])
def test_the_state_of_an_nnx_module_is_what_holds_its_weights(held):
    class Listed(nnx.Module):
        def __init__(self):
            self.layers = nnx.List([nnx.Linear(6, 3, rngs=nnx.Rngs(0))])

        def __call__(self, x):
            return self.layers[0](x)

    module = convert_weights(torch.nn.Sequential(LINEAR), Listed(), X)
    weights = nnx.state(module)
    if held == "split":
        weights = nnx.split(module)
    if held == "pure":
        weights = nnx.to_pure_dict(weights)
    if held == "text keys":  # as a file gives them back
        weights = {"layers": {"0": nnx.to_pure_dict(weights)["layers"][0]}}
    back = convert_weights(torch.nn.Sequential(LINEAR), Listed(), X, weights, to="reference")
    assert torch.equal(back["0.weight"], LINEAR.weight)
    if held != "text keys":
        with pytest.raises(UsageError, match="these are the port's"):
            convert_weights(torch.nn.Sequential(LINEAR), Listed(), X, weights)
