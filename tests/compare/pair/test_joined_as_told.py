"""A class token at the end, the second input first: whose rows are whose, the port's own weights say."""

import jax.numpy as jnp
import numpy as np
import pytest
import torch
from torch import nn

from compare.pair.pair import Pair
from compare.pair.prepare import prepare
from compare.weights.own.loader import loader_notices
from tests.compare.weights.mapping.carry import normal

X = normal(2, 4, 3)
ORDER = [1, 2, 3, 4, 0]  # the patches, then the token


class Tokens(nn.Module):
    """A token before a sequence, and a position for each."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.token, self.pos = nn.Parameter(torch.randn(1, 1, 3)), nn.Parameter(torch.randn(1, 5, 3))
        self.out = nn.Linear(3, 2)

    def forward(self, x):
        x = torch.cat([self.token.expand(len(x), -1, -1), x], 1) + self.pos
        return self.out(torch.tanh(x[:, 0]))


def at_the_end(read=-1):
    def port(p, x):
        x = jnp.concatenate([x, jnp.broadcast_to(p["token"], (len(x), 1, 3))], 1) + p["pos"]
        return jnp.tanh(x[:, read]) @ p["out"]["kernel"] + p["out"]["bias"]

    return port


def weights(reference, order):
    own = {name: tensor.detach().numpy() for name, tensor in reference.named_parameters()}
    out = {"kernel": own["out.weight"].T, "bias": own["out.bias"]}
    return {"token": own["token"], "pos": own["pos"][:, order], "out": out}


def positions(ready):
    made = ready.weight_map.to_port({name: np.zeros(shape) for name, shape in ready.shapes.items()} | {
        "pos": np.arange(15.0).reshape(1, 5, 3)}, ready.leaves)  # fmt: skip
    return (made["params/pos"][0, :, 0] / 3).astype(int).tolist()


def test_where_no_weights_say_it_both_functions_do_and_the_report_says_what_a_loader_must_do():
    ones = {"token": jnp.ones((1, 1, 3)), "pos": jnp.ones((1, 5, 3)),
            "out": {"kernel": jnp.ones((3, 2)), "bias": jnp.ones(2)}}  # fmt: skip
    ready = prepare(Pair(Tokens(), (at_the_end(), ones), X))
    assert positions(ready) == ORDER
    (notice,) = loader_notices(ready.weight_map.entries, ready.shapes, ready.leaves)
    assert notice.startswith("your loader must permute pos's axis 1 from (0, 1:5) to (1:5, 0)")


@pytest.mark.parametrize(("order", "rows"), [(ORDER, ORDER), ([0, 1, 2, 3, 4], [0, 1, 2, 3, 4])])
def test_weights_that_the_port_comes_with_say_which(order, rows):
    """Those of a loader that copies the table as it is are judged as they are: another function."""
    reference = Tokens()
    ready = prepare(Pair(reference, (at_the_end(), weights(reference, order)), X))
    assert positions(ready) == rows


def test_another_function_is_not_made_the_same():
    """It reads a patch: under neither map do both agree, and the rows stay as they are."""
    reference = Tokens()
    ready = prepare(Pair(reference, (at_the_end(2), weights(reference, [0] * 5)), X))
    assert positions(ready) == [0, 1, 2, 3, 4]
    assert not ready.notes
