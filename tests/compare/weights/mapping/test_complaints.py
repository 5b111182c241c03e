"""What is said of an array that could not be paired: one line, the candidates, and a rule that resolves it."""

import ast
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import linen
from torch import nn

from compare.errors import UsageError
from compare.weights.mapping.complaints import BY_HAND, LEFT_OUT, AmbiguousError, UnmatchedError, ambiguous, unmatched
from compare.weights.mapping.find import find
from compare.weights.mapping.groups import Group
from compare.weights.mapping.lines import lines_of
from compare.weights.mapping.paired import arrays_of
from compare.weights.mapping.walk import Walk
from tests.compare.weights.mapping.carry import carried, normal
from tests.compare.weights.mapping.hand import chain, dense


class Bare:
    """A port model without layers of its own."""

    modules: dict = {}  # noqa: RUF012


def fork(*names, bias=""):
    walk = Walk()
    x = walk.input((2, 4))
    ys = [
        dense(walk, x, name, name.rpartition("/" if "/" in name else ".")[0] + bias if bias else "") for name in names
    ]
    walk.elementwise("mul", ys, (2, 4))
    return walk


def arrays(walk):
    return arrays_of(walk, dict.fromkeys(walk.units, False))


def lines(one, two, rules=None):
    sides = (dict.fromkeys(walk.units, False) for walk in (one, two))
    found, *_ = lines_of(one, next(sides), two, next(sides), rules or {}, {}, Bare())
    if found.unproved is not None:
        raise found.unproved
    return found


def rules_in(error):
    return ast.literal_eval(re.search(r"rules=(\{.*?\})", str(error))[1])


def test_of_many_the_first_are_named_and_the_others_counted():
    names, paths = ([form.format(at) for at in range(9)] for form in ("l{}.w", "params/m{}/k"))
    said = str(ambiguous(Group(arrays(fork(*names)), arrays(fork(*paths)))))
    assert "could be params/m0/k, params/m1/k, params/m2/k, params/m3/k, params/m4/k, params/m5/k or 3 more (" in said
    assert "and so could l1.w, l2.w, l3.w, l4.w, l5.w, l6.w and 2 more: say which with rules={'l0': 'm0'}" in said


def test_the_candidates_and_a_rule_are_named():
    group = Group(arrays(fork("a.w", "b.w", "c.w")), arrays(fork("params/x/k", "params/y/k", "params/z/k")))
    error = ambiguous(group)
    assert isinstance(error, AmbiguousError)
    assert str(error) == (
        "weight map: a.w could be params/x/k, params/y/k or params/z/k (same shape, same input, names do not tell), "
        "and so could b.w and c.w: say which with rules={'a': 'x'} (or 'y' or 'z')"
    )


def test_inputs_that_differ_are_not_called_the_same():
    assert "same input" not in str(
        ambiguous(Group(arrays(chain("a.w", "b.w")), arrays(chain("params/x/k", "params/y/k"))))
    )


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (fork("a.w", "b.w"), fork("params/x/k", "params/y/k")),
        (fork("a.w", "b.w", "c.w", bias=".b"), fork("params/x/k", "params/y/k", "params/z/k", bias="/b")),
        (fork("a", "b"), fork("params/x", "params/y")),
        (fork("m.a.w", "m.b.w"), fork("params/n/x/k", "params/n/y/k")),
    ],
)
def test_the_rule_that_is_named_resolves_it(one, two):
    rules, complaints = {}, 0
    while True:
        try:
            found = lines(one, two, rules)
            break
        except AmbiguousError as error:
            complaints += 1
            assert complaints <= 2, "each rule settles one more"
            rules |= rules_in(error)
    assert complaints
    pairs = {entry.reference: entry.port for entry in found.entries}
    assert len(pairs) == len(set(pairs.values())) == len(one.units)
    (name, path), *_ = rules.items()
    assert next(there for here, there in pairs.items() if here.startswith(name)).startswith(f"params/{path}")


def test_a_leftover_names_the_nearest_and_why_they_are_not_it():
    (w,) = arrays(chain("att.q.weight"))
    others = Walk()
    x = others.input((2, 4))
    dense(others, x, "params/att/q/kernel", "params/att/q/bias", out=5)
    dense(others, x, "params/other/kernel", out=6)
    error = unmatched(w, "the reference", arrays(others), set())
    assert isinstance(error, UnmatchedError)
    assert str(error) == (
        "weight map: att.q.weight (4, 4) of the reference has no counterpart in the port; nearest: "
        "params/att/q/kernel (5, 4) is of another size; params/other/kernel (6, 4) is of another size" + BY_HAND
    )


def test_one_that_is_taken_or_of_another_kind_is_said_to_be():
    here, there = chain("w"), Walk()
    there.elementwise("add", [there.input((2, 4)), there.weight("params/w", (4,))], (2, 4))
    (mine,), (theirs,) = arrays(here), arrays(there)
    told = str(unmatched(theirs, "the port", [mine], set()))
    assert told == (
        "weight map: params/w (4,) of the port has no counterpart in the reference; "
        "nearest: w (4, 4) is a matrix, not a summand" + BY_HAND + LEFT_OUT  # a vector may do nothing
    )
    assert "w (4, 4) is another's counterpart" in str(unmatched(theirs, "the port", [mine], {mine}))
    assert "nearest" not in str(unmatched(theirs, "the port", [], set()))


def test_every_kind_of_array_has_its_words():
    walk = Walk()
    x = walk.input((2, 4))
    dense(walk, x, "params/matrix", "params/shift")
    walk.elementwise("mul", [x, walk.weight("params/scale", (4,))], (2, 4))
    walk.elementwise("max", [x, walk.weight("params/loose", (4,))], (2, 4))
    walk.take(walk.weight("params/table", (7, 4)), walk.input((3,)), [0], (3, 4))
    walk.weight("params/unused", (4,))
    specs = ((0, 1, 2), (0, 1, 2), (0, 1, 2))
    walk.conv(walk.input((2, 4, 7)), walk.weight("params/conv", (4, 4, 3)), specs, (2, 4, 5), 1, False)
    named = {array.name.removeprefix("params/"): array for array in arrays(walk)}
    told = {name: str(unmatched(named["matrix"], "the reference", [array], set())) for name, array in named.items()}
    said = {name: text.removesuffix(BY_HAND).partition(" is ")[2] for name, text in told.items()}
    assert said == {
        "matrix": "of another size", "shift": "a summand, not a matrix", "scale": "a factor, not a matrix",
        "loose": "used in another way, not a matrix", "table": "a table, not a matrix",
        "unused": "never used, not a matrix", "conv": "a convolution's kernel, not a matrix",
    }  # fmt: skip


def test_both_are_what_a_user_can_mend():
    assert issubclass(AmbiguousError, UsageError)
    assert issubclass(UnmatchedError, UsageError)


def test_the_rule_for_a_layer_of_a_recurrent_stack_resolves_it():
    """Which torch packs into the arrays of one module, by their endings."""

    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn = nn.LSTM(3, 2, bidirectional=True)

        def forward(self, x):
            return self.rnn(x)[0]

    class TwoPort(linen.Module):
        @linen.compact
        def __call__(self, x):
            picks = jnp.array([2, 1, 0])
            one = linen.RNN(linen.OptimizedLSTMCell(2), time_major=True)(x)
            other = linen.RNN(linen.OptimizedLSTMCell(2), time_major=True)(x[picks])[picks]
            return jnp.concatenate([one, other], -1)

    x = normal(3, 4, 3)
    with pytest.raises(AmbiguousError) as refused:
        find(Two(), (x,), {}, TwoPort(), (x,), {})
    rules = rules_in(refused.value)
    assert rules == {"rnn.*_l0": "OptimizedLSTMCell_0"}
    pairs = {(entry.reference, entry.port) for entry in carried(Two(), TwoPort(), x, rules=rules).weight_map.entries}
    assert ("rnn.weight_ih_l0_reverse", "params/OptimizedLSTMCell_1/ii/kernel") in pairs


class Pairs(nn.Module):
    """Layers of two kernels each, which nothing but their names tells apart."""

    def __init__(self):
        super().__init__()
        self.left, self.right = (nn.ModuleList([nn.Linear(4, 4, bias=False) for _ in range(3)]) for _ in range(2))

    def forward(self, x):
        for left, right in zip(self.left, self.right, strict=True):
            x = torch.tanh(left(x)) * torch.tanh(right(x))
        return x


def scanned(p, x):
    return jax.lax.scan(lambda x, own: (jnp.tanh(x @ own["a"]) * jnp.tanh(x @ own["b"]), None), x, p)[0]


def test_the_rule_for_a_stack_of_layers_resolves_it():
    """Which holds each layer's array: the rule speaks of all of them."""
    x, port = normal(2, 4), (scanned, {name: jnp.ones((3, 4, 4)) for name in "ab"})
    with pytest.raises(AmbiguousError) as refused:
        find(Pairs(), (x,), {}, port, (x,), {})
    rules = rules_in(refused.value)
    assert rules == {"left.*": "a"}
    lines = carried(Pairs(), port, x, rules=rules).weight_map.entries
    assert {(entry.reference, entry.port, entry.port_view.steps[-1]) for entry in lines} == {
        (f"{name}.{at}.weight", f"params/{leaf}", ("index", (0, at)))
        for name, leaf in (("left", "a"), ("right", "b"))
        for at in range(3)
    }


def test_a_stack_is_tried_in_the_same_way_in_every_layer():
    """In two ways, though there are three layers, which are no query, key and value either."""
    x, counts = normal(2, 4), []
    port = (scanned, {name: jnp.ones((3, 4, 4)) for name in "ab"})
    find(Pairs(), (x,), {}, port, (x,), {}, decide=lambda maps: (counts.append(len(maps)) or 0, ""))
    assert counts == [2]


class Tied(nn.Module):
    """An embedding whose weight is the head's too, or not."""

    def __init__(self, tied: bool) -> None:
        super().__init__()
        self.emb, self.h, self.head = nn.Embedding(7, 3), nn.Linear(3, 3), nn.Linear(3, 7, bias=False)
        if tied:
            self.head.weight = self.emb.weight

    def forward(self, ids):
        return self.head(torch.tanh(self.h(self.emb(ids))))


class TiedPort(linen.Module):
    tied: bool

    @linen.compact
    def __call__(self, ids):
        table = linen.Embed(7, 3, name="emb")
        x = jnp.tanh(linen.Dense(3, name="h")(table(ids)))
        return table.attend(x) if self.tied else linen.Dense(7, use_bias=False, name="head")(x)


IDS = np.array([[1, 2], [0, 6]])


def test_a_tie_of_the_port_alone_is_named():
    """Neither a map by hand nor leaving an array out helps there."""
    with pytest.raises(UnmatchedError, match="is another's counterpart, and used more than once"):
        find(Tied(False), (IDS,), {}, TiedPort(True), (IDS,), {})
    assert find(Tied(True), (IDS,), {}, TiedPort(True), (IDS,), {})


class Autoencoder(nn.Module):
    """A square matrix used both ways."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.zeros(3, 3))

    def forward(self, x):
        return torch.sigmoid(x @ self.w) @ self.w.T


def test_a_tie_of_the_reference_alone_that_nothing_tells_is_named():
    """Where nobody tries whether one array is both: how the second has it is open."""

    def port(params, x):
        return jnp.tanh(x @ params["a"]) @ params["b"]

    x = np.ones((2, 3), np.float32)
    parameters = {"a": jnp.zeros((3, 3)), "b": jnp.zeros((3, 3))}
    with pytest.raises(
        UnmatchedError, match=r"params/b .3, 3. of the port has no counterpart .* are the two tied there"
    ):
        find(Autoencoder(), (x,), {}, (port, parameters), (x,), {})
