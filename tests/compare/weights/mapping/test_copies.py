"""One array of the reference in several of the port: each gets its values, and their gradients are one sum."""

import jax
import numpy as np
import pytest
import torch
from flax import linen
from jax import numpy as jnp
from torch import nn

from compare import assert_port, convert_weights, verify
from compare.checkpoints.convert import conversion_of
from compare.errors import UsageError
from compare.pair.pair import Pair
from compare.weights.mapping.find import find
from tests.compare.weights.mapping.carry import carried

IDS = np.array([[1, 2, 6], [0, 5, 1]], np.int32)
PATHS = ("params/emb/embedding", "params/head/kernel")


class Tied(nn.Module):
    """An embedding whose weight is the head's too, under both names or under one."""

    def __init__(self, named: bool = True) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.emb, self.h, self.named = nn.Embedding(7, 3), nn.Linear(3, 4), named
        self.back = nn.Linear(4, 3)
        if named:
            self.head = nn.Linear(3, 7, bias=False)
            self.head.weight = self.emb.weight

    def forward(self, ids):
        x = self.back(torch.tanh(self.h(self.emb(ids))))  # nothing of it square: no layout is open
        return self.head(x) if self.named else x @ self.emb.weight.T


class Apart(linen.Module):
    """The same with an array for each."""

    epsilon: float = 0.0

    @linen.compact
    def __call__(self, ids):
        x = linen.Embed(7, 3, name="emb")(ids)
        x = linen.Dense(3, name="back")(jnp.tanh(linen.Dense(4, name="h")(x) + self.epsilon))
        return linen.Dense(7, use_bias=False, name="head")(x)


def converted(params, ids):
    """A function of the ``state_dict``, which has the array under both names."""
    x = jnp.tanh(params["emb.weight"][ids] @ params["h.weight"].T + params["h.bias"])
    return (x @ params["back.weight"].T + params["back.bias"]) @ params["head.weight"].T


def state_of(module):
    return {name: jnp.asarray(tensor.detach().numpy()) for name, tensor in module.state_dict().items()}


@pytest.mark.parametrize("named", [True, False])
def test_both_leaves_are_the_array_and_their_gradients_one(named):
    found = carried(Tied(named), Apart(), IDS) if named else found_by_trying(Tied(False), Apart())
    lines = {entry.port: entry for entry in found.weight_map.entries if entry.reference == "emb.weight"}
    assert set(lines) == set(PATHS)
    assert [entry.tied for entry in lines.values()] == [False, True]
    assert lines[PATHS[1]].layout == "transpose (1, 0)"
    (note,) = [note for note in found.notes if "one array of the reference" in note]
    assert f"used 2 times, and the port holds it as {PATHS[0]} and {PATHS[1]}" in note
    assert "its own gradient" in note


def found_by_trying(reference, port):
    return find(reference, (IDS,), {}, port, (IDS,), {}, decide=lambda maps: (0, ""))


def test_a_converters_port_has_it_under_both_names():
    module = Tied()
    found = carried(module, (converted, state_of(module)), IDS)
    tied = [entry for entry in found.weight_map.entries if entry.tied]
    assert [(entry.reference, entry.port) for entry in tied] == [("emb.weight", "params/head.weight")]


def test_a_fault_beside_it_is_found_as_well():
    """The map does not ask whether both functions agree, since the array has both names in the reference."""
    report = verify(Tied(), Apart(0.25), IDS, device="cpu", quick=True)
    assert str(report.verdict) == "mismatch"
    assert "h" in report.answer.split("`")[1]


def test_a_checkpoint_is_carried_both_ways_unless_training_parted_the_two():
    pair = Pair(Tied(), Apart(), IDS)
    conversion = conversion_of(pair)
    given = {name: tensor.detach().numpy() for name, tensor in pair.reference.state_dict().items()}
    leaves, _ = conversion.carried("reference", given)
    assert np.array_equal(leaves[PATHS[0]], leaves[PATHS[1]].T)
    back, _ = conversion.carried("port", leaves)
    assert all(np.array_equal(back[name], array) for name, array in given.items())
    leaves[PATHS[1]] = leaves[PATHS[1]] + np.float32(1e-3)
    with pytest.raises(UsageError, match=f"{PATHS[0]} and {PATHS[1]} differ, and the reference has one array for both"):
        conversion.carried("port", leaves)


def test_weights_of_both_are_judged():
    with pytest.warns(UserWarning, match="one array of the reference"):
        variables = convert_weights(Tied(), Apart(), IDS)
    assert_port(Tied(), (Apart(), variables), IDS, weights=True, quick=True, device="cpu")
    variables = jax.tree.map(lambda leaf: leaf, variables)
    variables["params"]["head"]["kernel"] = variables["params"]["head"]["kernel"] * 2
    with pytest.raises(AssertionError, match="params/head/kernel is scaled by 2"):
        assert_port(Tied(), (Apart(), variables), IDS, weights=True, quick=True, device="cpu")
