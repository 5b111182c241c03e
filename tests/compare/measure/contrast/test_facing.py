"""Which nodes face which equations: against the truth written by hand, and where values alone would mislead."""

from pathlib import Path

import jax
import numpy as np
import pytest
import torch
from flax import linen
from jax import numpy as jnp
from torch import nn
from torch.nn import functional as F

from compare.measure.contrast.contrast import contrast
from compare.pair.pair import Pair
from compare.pair.pair_file import load
from compare.pair.pairs import find
from compare.weights.entry import linear
from compare.weights.weights import WeightMap
from tests.compare.measure.contrast.truth import TRUTH, truth_of

USERS_MODELS = True
ENOUGH = 0.95


@pytest.fixture(scope="module", params=TRUTH)
def judged(request, cpu):
    """A contrast, and the pairs of positions that face each other in truth."""
    name = request.param
    made = contrast(find(name) if name == "mlp" else load(Path(f"examples/{name}.py"))[0], cpu)
    return made, truth_of(name, made)


def test_it_is_the_truth_by_hand(judged):
    """Nearly all that is found is true, and nearly all that is true is found."""
    made, truth = judged
    found = {(node, one) for node, row in enumerate(made.tape) for one in (*row.loss, *row.gradient)}
    assert len(truth) > 20
    assert len(found & truth) / len(found) >= ENOUGH, sorted(found - truth)
    assert len(found & truth) / len(truth) >= ENOUGH, sorted(truth - found)


ROWS = np.random.default_rng(0).standard_normal((5, 4), dtype=np.float32)


def of(reference, port, rows=ROWS, **fields):
    """A pair of one's own on a few rows."""
    torch.manual_seed(0)
    return Pair(reference=reference() if isinstance(reference, type) else reference, port=port, batch=rows, **fields)


def faces(made, node):
    """The names of the equations that face the nodes of that name, in order."""
    return [[made.equations[one].name for one in row.loss] for row in made.tape if row.name == node]


class Dead(nn.Module):
    """A ReLU that lets nothing through, between two layers."""

    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Linear(4, 3), nn.Linear(3, 3)
        nn.init.constant_(self.one.bias, -100.0)

    def forward(self, x):
        return torch.tanh(self.two(torch.relu(self.one(x))))


class FlaxDead(linen.Module):
    @linen.compact
    def __call__(self, x):
        return jnp.tanh(linen.Dense(3, name="two")(linen.relu(linen.Dense(3, name="one")(x))))


def test_a_layer_all_dead(cpu):
    """Zeros are told by what they are made of, and what lets nothing through computes all the same."""
    made = contrast(of(Dead, FlaxDead()), cpu)
    assert faces(made, "ReluBackward0") == [["max"]]
    assert faces(made, "AddmmBackward0") == [["dot_general", "add"]] * 2
    assert faces(made, "TanhBackward0") == [["tanh"]]
    back = {
        row.path or row.name: [made.equations[one].name for one in row.gradient] for row in made.tape if not row.why
    }
    assert back["ReluBackward0"] == ["gt", "select_n"]  # its own, though all gradients below it are zeros too
    assert back["one"] == ["reduce_sum", "dot_general"]


class Doubled(nn.Module):
    """A copy, which computes nothing, and a sum of two equal operands, which does."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 3)

    def forward(self, x):
        x = self.layer(x)
        return x + x.clone()


class FlaxDoubled(linen.Module):
    @linen.compact
    def __call__(self, x):
        x = linen.Dense(3, name="layer")(x)
        return x + x


def test_a_copy_computes_nothing(cpu):
    """``x + x.clone()`` faces ``x + x``; the copy faces nothing, and says why."""
    made = contrast(of(Doubled, FlaxDoubled()), cpu)
    assert faces(made, "AddBackward0") == [["add"]]
    assert [row.why for row in made.tape if row.name == "CloneBackward0"] == ["layout"]


class Branches(nn.Module):
    """The same computed twice, in branches that go different ways."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 3)

    def forward(self, x):
        x = self.layer(x)
        one, two = torch.sin(x), torch.sin(x)
        return torch.exp(one) * torch.tanh(two)


class FlaxBranches(linen.Module):
    @linen.compact
    def __call__(self, x):
        x = linen.Dense(3, name="layer")(x)
        one, two = jnp.sin(x), jnp.sin(x)
        return jnp.exp(one) * jnp.tanh(two)


def test_two_equal_branches(cpu):
    """Each faces one of the two, and neither both."""
    made = contrast(of(Branches, FlaxBranches()), cpu)
    rows = [row.loss for row in made.tape if row.name == "SinBackward0"]
    assert [len(row) for row in rows] == [1, 1]
    assert rows[0] != rows[1]


class Tied(nn.Module):
    """One layer used twice."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def forward(self, x):
        return torch.tanh(self.layer(torch.tanh(self.layer(x))))


class FlaxTied(linen.Module):
    def setup(self):
        self.layer = linen.Dense(4)

    def __call__(self, x):
        return jnp.tanh(self.layer(jnp.tanh(self.layer(x))))


def test_gradients_that_meet(cpu):
    """Their sum is the engine's, of which no node tells; both gradients are the same, so something made them."""
    made = contrast(of(Tied, FlaxTied()), cpu)
    assert [one.name for one in made.equations if one.why == "engine"] == ["add_any", "add_any"]
    assert "fused" not in {one.why for one in made.equations}


class Cube(nn.Module):
    """As many channels as rows and columns: the shape tells no axis from another."""

    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Conv2d(6, 6, 3, padding=1), nn.Conv2d(6, 6, 1)

    def forward(self, x):
        return F.avg_pool2d(self.two(torch.tanh(self.one(x))), 2)


class FlaxCube(linen.Module):
    @linen.compact
    def __call__(self, x):
        x = jnp.tanh(linen.Conv(6, (3, 3), padding=1, name="one")(x))
        return linen.avg_pool(linen.Conv(6, (1, 1), name="two")(x), (2, 2), (2, 2))


def test_a_cube_of_channels_rows_and_columns(cpu):
    """Values are told whatever the layout."""
    rows = np.random.default_rng(0).standard_normal((2, 6, 6, 6), dtype=np.float32)
    made = contrast(of(Cube, FlaxCube(), rows), cpu)
    assert faces(made, "ConvolutionBackward0") == [["conv_general_dilated", "add"]] * 2
    assert faces(made, "TanhBackward0") == [["tanh"]]
    assert all(row.why != "fused" for row in made.tape)


class Regular(nn.Module):
    """Dropout and batch norm, as people write them."""

    def __init__(self):
        super().__init__()
        self.one, self.norm, self.drop, self.two = nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Dropout(0.5), nn.Linear(6, 3)

    def forward(self, x):
        return self.two(self.drop(torch.relu(self.norm(self.one(x)))))


class FlaxRegular(linen.Module):
    @linen.compact
    def __call__(self, x, train: bool = True):
        x = linen.BatchNorm(use_running_average=not train, momentum=0.9, epsilon=1e-5, name="norm")(
            linen.Dense(6, name="one")(x)
        )
        x = linen.Dropout(0.5, deterministic=not train)(linen.relu(x))
        return linen.Dense(3, name="two")(x)


def test_dropout_and_batch_norm(cpu):
    """Both sides draw one mask; the draw itself is each framework's own, and no seed is the model's."""
    made = contrast(of(Regular, FlaxRegular(), accept=("running_variance",)), cpu)
    assert [row.path for row in made.tape if row.name == "MulBackward0"] == ["drop"]
    (dropped,) = faces(made, "MulBackward0")
    assert "select_n" in dropped
    assert {one.why for one in made.equations if one.name == "bernoulli"} == {"random"}
    assert "random_seed" not in {one.name for one in made.equations}
    assert all(row.why != "fused" for row in made.tape)
    assert [one.name for one in made.equations if one.why in ("zero", "fused")] == ["reduce_sum"]
    assert [one.path for one in made.equations if one.why == "zero"] == ["FlaxRegular/one"]  # a bias before the norm


class Force(nn.Module):
    """A gradient inside the model: its loss has gradients of gradients."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(4, 8), nn.Linear(8, 1)

    def forward(self, x):
        x = x.detach().requires_grad_()
        return torch.autograd.grad(self.b(torch.tanh(self.a(x))).sum(), x, create_graph=True)[0]


class FlaxForce(linen.Module):
    def setup(self):
        self.a, self.b = linen.Dense(8), linen.Dense(1)

    def __call__(self, x):
        def energy(x):
            return jnp.sum(self.b(jnp.tanh(self.a(x))))

        return jnp.zeros_like(x) + energy(x) if self.is_initializing() else jax.grad(energy)(x)


def test_a_gradient_inside_the_loss(cpu):
    """What the inner backward pass ran is on the tape like all else, and faces what the inner gradient computes."""
    ways = WeightMap(linear("a", "a"), linear("b", "b"))
    square = (lambda force: (force**2).sum(), lambda force: jnp.sum(force**2))
    made = contrast(of(Force, FlaxForce(), loss=square, weight_map=ways), cpu)
    names = {row.name for row in made.tape}
    assert {"PowBackward0", "TanhBackwardBackward0", "MmBackward0", "TanhBackward0"} <= names
    computing = [row for row in made.tape if row.why in ("", "fused")]
    assert all(row.why == "" for row in computing)
    equations = [one.why for one in made.equations if one.why in ("", "fused", "engine")]
    assert equations.count("fused") <= len(equations) / 10


class Recurrent(nn.Module):
    """A layer that torch may run as one kernel, steps and all."""

    def __init__(self):
        super().__init__()
        self.lstm, self.out = nn.LSTM(4, 3, batch_first=True), nn.Linear(3, 2)

    def forward(self, x):
        return self.out(self.lstm(x)[0])


class FlaxRecurrent(linen.Module):
    @linen.compact
    def __call__(self, x):
        return linen.Dense(2, name="out")(linen.RNN(linen.OptimizedLSTMCell(3, name="lstm"))(x))


def test_a_loop_is_one_with_what_it_runs(cpu):
    """The scan faces the layer, and so does its body, which is listed once with its count."""
    rows = np.random.default_rng(0).standard_normal((2, 5, 4), dtype=np.float32)
    made = contrast(of(Recurrent, FlaxRecurrent(), rows), cpu)
    assert all(row.why != "fused" for row in made.tape)
    computing = [one for one in made.equations if one.why in ("", "fused", "engine")]
    assert sum(one.why == "fused" for one in computing) <= len(computing) / 10
    body = [one for one in made.equations if one.times == 5 and one.name == "dot_general"]
    assert body
    assert all(one.nodes for one in body)


def test_each_step_faces_its_own_equations(cpu):
    """Of a loop that one side writes out and the other scans: the body's equations face each step's nodes of their kind
    and no other, forward and back."""
    made = contrast(of(written_out, scanned, THREE_STEPS, weights=recurrence), cpu)
    for node, equation, runs in (("TanhBackward0", "tanh", 1), ("MmBackward0", "dot_general", 2)):
        nodes = [at for at, row in enumerate(made.tape) if row.name == node]
        beside = [one.nodes for one in made.equations if one.name == equation and one.half == "loss"]
        assert len(nodes) == 3 * runs == sum(map(len, beside))
        assert sorted(at for own in beside for at in own) == nodes
    assert [one.why for one in made.equations if one.name == "scan"] == ["loop", "loop"]
    assert "fused" not in {row.why for row in (*made.tape, *made.equations)}


THREE_STEPS = np.random.default_rng(0).standard_normal((2, 3, 4), dtype=np.float32)


def recurrence(rng):
    """The weights of a recurrence."""
    return {"w": rng.standard_normal((4, 4)).astype(np.float32), "u": rng.standard_normal((4, 4)).astype(np.float32)}


def written_out(params, x):
    """Step by step."""
    h = x[:, 0]
    for step in range(x.shape[1]):
        h = torch.tanh(x[:, step] @ params["w"] + h @ params["u"])
    return h


def scanned(params, x):
    """The same in a loop of JAX's."""
    return jax.lax.scan(
        lambda h, row: (jnp.tanh(row @ params["w"] + h @ params["u"]), None), x[:, 0], jnp.moveaxis(x, 1, 0)
    )[0]


class Written(nn.Module):
    """Writes into what it has made: all of it, whose formula needs what was there, and a part."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 6)

    def forward(self, x):
        x = self.layer(x)
        gate = torch.sigmoid(x)
        x = (x - 1).mul_(gate)
        x[:, 1:3].exp_()
        return torch.sin(x)


class FlaxWritten(linen.Module):
    @linen.compact
    def __call__(self, x):
        x = linen.Dense(6, name="layer")(x)
        x = (x - 1) * linen.sigmoid(x)
        return jnp.sin(x.at[:, 1:3].set(jnp.exp(x[:, 1:3])))


def test_what_is_written_in_place_is_on_the_tape(cpu):
    """No node of the model's is left out for being written otherwise than its operation runs."""
    made = contrast(of(Written, FlaxWritten()), cpu)
    names = {row.name for row in made.tape}
    assert {"MulBackward0", "CopySlices", "SinBackward0", "SubBackward0"} <= names
    assert faces(made, "MulBackward0") == [["mul"]]
    assert "scatter" in faces(made, "CopySlices")[0]
    assert "fused" not in {row.why for row in made.tape}
