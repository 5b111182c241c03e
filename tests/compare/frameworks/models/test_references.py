"""A reference as named arrays, and copies of it: the user's module is never called, changed or shared."""

import numpy as np
import pytest
import torch
from flax import linen
from torch import nn

from compare.errors import UsageError
from compare.frameworks.models.references import LooseTensors, ReferenceModel, _attributes, in_single
from compare.verdict.precision import FLOAT32, FLOAT64

CPU = torch.device("cpu")


class Tied(nn.Module):
    """One tensor under two names, one buffer under two, a table, a counter, a mask."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(5, 3)
        self.head = nn.Linear(3, 5, bias=False)
        self.head.weight = self.embed.weight
        self.register_buffer("table", torch.arange(3.0))
        self.register_buffer("hidden", torch.ones(2), persistent=False)
        self.register_buffer("steps", torch.tensor(0))
        self.register_buffer("mask", torch.ones(2, 2, dtype=torch.bool))

    def forward(self, ids):
        self.steps += 1
        return self.head(self.embed(ids) + self.table)


@pytest.fixture
def tied():
    """Its model."""
    return ReferenceModel(Tied())


def test_a_tied_tensor_is_listed_once(tied):
    """Under its first name; a gradient of it is compared once, as the sum it is."""
    assert tied.parameters == {"embed.weight": (5, 3)}


def test_buffers_and_counters_are_told_apart(tied):
    """Floating buffers are compared or listed, persistent or not; integers and booleans are counters."""
    assert tied.buffers == {"table": (3,), "hidden": (2,)}
    assert tied.counters == ["steps", "mask"]
    assert set(tied.state()) == {"embed.weight", "table", "hidden"}


def test_tied_tensors_stay_tied_in_a_copy(tied):
    """Or an optimizer would step them apart, and a gradient would be half of what it is."""
    weights = {name: np.full(array.shape, 2.0) for name, array in tied.state().items()}
    copied = tied.copy(weights, FLOAT64, CPU)
    assert copied.head.weight is copied.embed.weight
    assert list(dict(copied.named_parameters())) == ["embed.weight"]
    copied(torch.tensor([1])).sum().backward()
    assert copied.embed.weight.grad is not None
    assert (copied.embed.weight.detach() == 2).all()


def test_a_copy_shares_no_memory_with_the_users_module(tied):
    """Not even with what entered: neither an in-place step nor a buffer's count reaches either."""
    state = tied.state()
    before = {name: tensor.clone() for name, tensor in tied.module.state_dict().items()}
    entered = {name: array.copy() for name, array in state.items()}
    copied = tied.copy(state, FLOAT32, CPU)
    copied(torch.tensor([1]))
    with torch.no_grad():
        for tensor in (*copied.parameters(), *copied.buffers()):
            tensor.zero_()
    for name, tensor in tied.module.state_dict().items():
        assert torch.equal(tensor, before[name]), name
    for name, array in state.items():
        np.testing.assert_array_equal(array, entered[name])


@pytest.mark.parametrize("precision", [FLOAT32, FLOAT64], ids=lambda precision: precision.name)
def test_everything_floating_has_the_precision(tied, precision):
    """Parameters, buffers and what is among neither; integers keep their type."""
    copied = tied.copy({"embed.weight": np.ones((5, 3))}, precision, CPU)
    kinds = {name: str(tensor.dtype) for name, tensor in (*copied.named_parameters(), *copied.named_buffers())}
    floating = f"torch.{precision.name}"
    assert kinds == {
        "embed.weight": floating,
        "table": floating,
        "hidden": floating,
        "steps": "torch.int64",
        "mask": "torch.bool",
    }


def test_the_state_is_seen_not_copied_and_cannot_be_written():
    """A model of gigabytes is held once; whoever writes to its arrays is told."""
    module = nn.Linear(3, 2)
    array = ReferenceModel(module).state()["weight"]
    assert array.__array_interface__["data"][0] == module.weight.data_ptr()
    with pytest.raises(ValueError, match="read-only"):
        array[0, 0] = 1


def test_requires_grad_and_mode_come_along():
    """A frozen parameter stays frozen in the copy, and so does evaluation mode."""
    module = nn.Sequential(nn.Linear(2, 2), nn.Dropout()).eval()
    module[0].bias.requires_grad_(False)
    model = ReferenceModel(module)
    copied = model.copy(model.state(), FLOAT32, CPU)
    assert [tensor.requires_grad for tensor in copied.parameters()] == [True, False]
    assert not copied.training
    assert not copied[1].training


def test_hooks_work_on_the_copy_alone():
    """A user's forward hook is part of what the module computes; it stays registered, once, on the user's."""
    module = nn.Linear(2, 2)
    module.register_forward_hook(lambda layer, args, out: 2 * out)
    model = ReferenceModel(module)
    copied = model.copy(model.state(), FLOAT32, CPU)
    assert torch.equal(copied(torch.ones(2)), module(torch.ones(2)))
    assert len(module._forward_hooks) == 1


@pytest.mark.parametrize(
    ("module", "has_mode"),
    [
        (nn.Linear(2, 2), False),
        (nn.Dropout(0.1), True),
        (nn.Sequential(nn.Sequential(nn.BatchNorm1d(2))), True),
        (nn.BatchNorm1d(2, track_running_stats=False), False),
        (nn.LayerNorm(2), False),
        (nn.LSTM(2, 2), False),
        (nn.LSTM(2, 2, num_layers=2, dropout=0.1), True),
        (nn.MultiheadAttention(2, 1), False),
        (nn.MultiheadAttention(2, 1, dropout=0.1), True),
        (nn.RReLU(), True),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_mode_is_compared_only_where_a_layer_has_one(module, has_mode):
    """A network without dropout and batch statistics is run once, not twice."""
    assert ReferenceModel(module).has_mode == has_mode


def test_a_forward_that_takes_its_mode_has_one():
    """As JAX-minded torch code passes ``train``."""
    assert ReferenceModel(LooseTensors(lambda params, x: x, {})).has_mode is False

    class Told(nn.Module):
        def forward(self, x, training=False):
            return x

    assert ReferenceModel(Told()).has_mode


def _with_sparse():
    module = nn.Linear(2, 2)
    module.weight = nn.Parameter(torch.eye(2).to_sparse())
    return module


def _uninitialised():
    class Bare(nn.Module):
        def __init__(self):
            pass

    return Bare()


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning", "ignore::torch.jit.TracerWarning")
@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: torch.jit.script(nn.Linear(2, 2)), "the model"),
        (lambda: torch.jit.trace(nn.Linear(2, 2), torch.ones(1, 2)), "the model"),
        (lambda: nn.Sequential(nn.ReLU(), torch.jit.script(nn.Linear(2, 2))), "1"),
    ],
    ids=["script", "trace", "inside"],
)
def test_torchscript_is_refused_not_accused(make, name):
    """A copy of such a module keeps its own parameters: their gradients would come out as zero."""
    with pytest.raises(UsageError, match=f"^reference: {name} is a TorchScript module, .* give the nn.Module"):
        ReferenceModel(make())


@pytest.mark.parametrize(
    ("reference", "complaint"),
    [
        (3, "reference: expected an nn.Module or a function, got int"),
        (nn.Linear, "reference: expected an nn.Module or a function, got type"),
        (lambda params, x: x, "a function has no weights of its own: give the pair weights="),
        (linen.Dense(3), "reference: Dense is a JAX model: expected an nn.Module: the reference is torch's side"),
        (nn.LazyLinear(3), "weight has no shape yet: call the module once"),
        (nn.Linear(2, 2, device="meta"), "weight is on the meta device and has no values: load the module's weights"),
        (_with_sparse(), "weight is sparse: expected dense parameters of floats or complex numbers"),
        (_uninitialised(), "reference: Bare is not initialised: call super"),
    ],
)
def test_what_is_no_reference_is_refused(reference, complaint):
    """A class, a lazy layer, a function without weights: each in one line."""
    with pytest.raises(UsageError, match=complaint):
        ReferenceModel(reference)


def test_a_module_that_cannot_be_copied_says_why():
    """A result kept in an attribute is no leaf: deepcopy refuses it."""
    module = nn.Sequential(nn.Linear(2, 2))
    module[0].last = module(torch.ones(2))
    model = ReferenceModel(module)
    with pytest.raises(UsageError, match=r"cannot be copied .its 0.last: Runtime.*no results of its own"):
        model.copy(model.state(), FLOAT32, CPU)


def test_a_function_of_loose_tensors_runs_as_a_module():
    """Names with dots, as a state_dict has them."""
    model = ReferenceModel(lambda p, x: x @ p["fc.weight"].t(), {"fc.weight": np.ones((2, 3))})
    assert model.parameters == {"fc.weight": (2, 3)}
    copied = model.copy({"fc.weight": np.ones((2, 3))}, FLOAT64, CPU)
    assert torch.equal(copied(torch.ones(1, 3, dtype=torch.float64)), torch.full((1, 2), 3.0, dtype=torch.float64))


def test_complex_parameters_are_copied_in_the_precision_of_the_run():
    """``double()`` would leave them in complex64, and ``to(float64)`` would drop their imaginary parts."""
    module = nn.Linear(2, 2, dtype=torch.complex64)
    module.register_buffer("turns", torch.tensor([1j]))
    model = ReferenceModel(module)
    assert model.complex_names == {"weight", "bias", "turns"}
    assert model.buffers == {"turns": (1,)}
    weights = {"weight": np.full((2, 2), 1 + 2j), "bias": np.full(2, 3j)}
    for precision, dtype in ((FLOAT32, torch.complex64), (FLOAT64, torch.complex128)):
        copied = model.copy(weights, precision, CPU)
        assert {tensor.dtype for tensor in (*copied.parameters(), *copied.buffers())} == {dtype}
        assert copied.weight[0, 0] == 1 + 2j
        assert copied.turns[0] == 1j
    assert {tensor.dtype for tensor in in_single(copied).parameters()} == {torch.complex64}


def test_a_function_may_be_given_complex_tensors():
    model = ReferenceModel(lambda p, x: x @ p["w"], {"w": np.ones((2, 3), np.complex64)})
    assert model.complex_names == {"w"}
    assert model.copy(model.state(), FLOAT64, CPU)._parameters["w"].dtype is torch.complex128


class Refusing(tuple):
    """What cannot tell its length, as a library's own kind of tuple."""

    def __len__(self) -> int:
        raise NotImplementedError


def test_a_container_that_refuses_its_length_is_walked_over_all_the_same():
    """It is the walk that asks for it; the module never does."""
    module = nn.Linear(2, 2)
    module.kinds = Refusing([torch.ones(2), Refusing([torch.zeros(1)])])
    copied = ReferenceModel(module).copy(ReferenceModel(module).state(), FLOAT64, CPU)
    assert type(copied.kinds) is Refusing
    assert [tuple(held.shape) for held in _attributes(module)] == [(1,), (2,)]
