"""The recorder: what a forward pass of torch leaves in a program, and what it must not touch."""

import numpy as np
import pytest
import torch
from torch import nn

from compare.errors import UsageError
from compare.weights.mapping.gates import Gate
from compare.weights.mapping.torch_trace import program_of, reference_gates
from tests.compare.weights.mapping.carry import normal
from tests.compare.weights.mapping.hand import roles


class Takes(nn.Module):
    """Any forward pass, and the arrays it uses."""

    def __init__(self, forward, **weights):
        super().__init__()
        self.function = forward
        for name, shape in weights.items():
            setattr(self, name, nn.Parameter(torch.ones(shape)))

    def forward(self, *args, **kwargs):
        return self.function(self, *args, **kwargs)


def kinds(module, *args, **kwargs):
    units = program_of(module, args, kwargs).trace().walk.units
    return {name: (unit.kind, roles(unit)) for name, unit in units.items()}


def test_the_reference_is_left_as_it_was():
    module = nn.Sequential(nn.BatchNorm1d(3), nn.Dropout(0.5)).train()
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    program_of(module, (normal(2, 3),), {})
    assert module.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in module.state_dict().items())
    assert torch.backends.mha.get_fastpath_enabled()
    assert torch.is_grad_enabled()


def test_parameters_buffers_and_inputs_have_their_names_and_order():
    program = program_of(nn.BatchNorm1d(3), (normal(2, 3),), {})
    assert program.weights["weight"] == (3,)
    assert program.weights["num_batches_tracked"] == ()
    assert program.optional == ["running_mean", "running_var", "num_batches_tracked"]
    assert list(program.outputs) == ["output"]
    assert [event for event in program.events if event[0] == "input"] == [["input", program.inputs[0], [2, 3]]]


def test_inputs_are_numbered_as_jax_lists_leaves():
    module = Takes(lambda self, x, *, b, a: {"sum": x["z"].sum() + x["y"].sum() + a.sum() + b.sum()})
    args = ({"z": normal(1, 2), "y": normal(3, 4)},)
    kwargs = {"b": normal(5, 6), "a": normal(7, 8)}
    program = program_of(module, args, kwargs)
    shapes = {number: shape for _, number, shape in (event for event in program.events if event[0] == "input")}
    assert [shapes[number] for number in program.inputs] == [[3, 4], [1, 2], [7, 8], [5, 6]]
    assert list(program.outputs) == ["output/sum"]


def test_what_is_no_array_reaches_the_model_as_it_is():
    seen = []
    program_of(Takes(lambda self, x, mode, size: seen.append((mode, size)) or x), (normal(2), "fast", 3), {})
    assert seen == [("fast", 3)]


def test_a_tensor_that_nobody_has_seen_is_a_constant():
    program = program_of(Takes(lambda self, x: x + torch.ones(3)), (normal(2, 3),), {})
    made = [event for event in program.events if event[0] in ("constant", "op") and event[-1] in ([3], [[3]])]
    assert made
    assert not program.trace().walk.uses


def test_attention_falls_apart_into_products():
    def attend(self, x):
        q, k, v = ((x @ w).view(1, 3, 2, 4).transpose(1, 2) for w in (self.q, self.k, self.k))
        return nn.functional.scaled_dot_product_attention(q, k, v)

    names = [event[1] for event in program_of(Takes(attend, q=(4, 8), k=(4, 8)), (normal(1, 3, 4),), {}).events[3:]]
    assert "bmm" in names
    assert not any("attention" in name for name in names)
    encoder = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)
    assert kinds(encoder, normal(1, 3, 4))["linear1.weight"] == ("matrix", [("out", 8), ("in", 4)])


def test_a_recurrent_layer_falls_apart_into_products():
    assert kinds(nn.LSTM(3, 4), normal(2, 1, 3))["weight_hh_l0"] == ("matrix", [("out", 16), ("in", 4)])


def test_what_is_written_in_place_carries_on():
    def forward(self, x):
        y = torch.zeros(2, 4)
        y[:, :2] = x @ self.w
        return y * self.scale

    found = program_of(Takes(forward, w=(3, 2), scale=(4,)), (normal(2, 3),), {}).trace()
    assert found.walk.units["scale"].kind == "scale"
    (use,) = [use for use in found.walk.uses if use.unit.leaf == "scale"]
    assert use.before == {0}


def test_a_tied_weight_has_one_name_and_two_uses():
    module = nn.Sequential(nn.Linear(3, 3, bias=False), nn.Linear(3, 3, bias=False))
    module[1].weight = module[0].weight
    walk = program_of(module, (normal(2, 3),), {}).trace().walk
    assert list(walk.units) == ["0.weight"]
    assert walk.units["0.weight"].uses == [0, 1]


def test_a_model_that_raises_when_it_evaluates_is_traced_as_it_trains():
    def forward(self, x):
        if not self.training:
            raise RuntimeError("only in training")
        return x @ self.w

    assert kinds(Takes(forward, w=(3, 3)), normal(2, 3))["w"][0] == "matrix"


def test_a_model_that_takes_a_gradient_is_traced_with_a_tape():
    """Of an energy by where it is, which without a tape raises; what its backward pass runs is part of the program."""

    def forward(self, x):
        x = x.detach().requires_grad_()
        return torch.autograd.grad(torch.tanh(x @ self.w).sum(), x, create_graph=True)[0]

    assert kinds(Takes(forward, w=(3, 4)), normal(2, 3))["w"][0] == "matrix"


def test_a_model_that_raises_in_both_is_told_of_the_first():
    def forward(self, x):
        raise RuntimeError("training\n  mode" if self.training else "evaluation\n  mode")

    with pytest.raises(UsageError) as caught:
        program_of(Takes(forward), (normal(2),), {})
    assert str(caught.value).startswith("the reference raised RuntimeError: evaluation mode (")


@pytest.mark.parametrize(
    ("layer", "gates"),
    [(nn.LSTM, "ifgo"), (nn.LSTMCell, "ifgo"), (nn.GRU, "rzn"), (nn.GRUCell, "rzn"), (nn.RNN, "h"), (nn.RNNCell, "h")],
)
def test_recurrent_weights_name_the_gates_they_pack(layer, gates):
    found = reference_gates(nn.ModuleDict({"r": layer(3, 4)}))
    end = "_l0" if issubclass(layer, nn.RNNBase) else ""
    assert set(found) == {f"r.{kind}_{source}{end}" for kind in ("weight", "bias") for source in ("ih", "hh")}
    assert found[f"r.bias_hh{end}"] == tuple(Gate("hh", gate, f"r{end}", True) for gate in gates)
    assert found[f"r.weight_ih{end}"] == tuple(Gate("ih", gate, f"r{end}", False) for gate in gates)


def test_numbers_are_integers_where_the_batch_has_integers():
    module = Takes(lambda self, ids: nn.functional.embedding(ids, self.t), t=(5, 3))
    assert kinds(module, np.array([[0, 4]]))["t"] == ("table", [("in", 5), ("out", 3)])


def test_what_raises_only_while_it_is_noted_is_not_the_references_fault():
    """A module that looks at who runs it; what raises whoever looks is its own."""

    class Watched(nn.Module):
        def __init__(self, always):
            super().__init__()
            self.fc, self.always = nn.Linear(2, 2), always

        def forward(self, x):
            if self.always or torch.utils._python_dispatch._get_current_dispatch_mode() is not None:
                raise NotImplementedError
            return self.fc(x)

    x = np.ones((3, 2), np.float32)
    with pytest.raises(
        UsageError, match=r"the reference runs, and jaxport cannot follow its operations \(NotImplementedError\)"
    ):
        program_of(Watched(False), (x,), {})
    with pytest.raises(UsageError, match=r"^the reference raised NotImplementedError"):
        program_of(Watched(True), (x,), {})
