"""What the watched reference notes: passages in order, the cotangent of each use alone, no checkpoint twice."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from compare.arrays.batch import Batch
from compare.explain.calls.change import Change
from compare.explain.locate.cuts import IN, OUT, Cut
from compare.explain.locate.reference import WatchedReference, by_cut
from compare.frameworks import devices
from compare.pair.pair import Pair
from compare.pair.prepare import prepare
from compare.sides.reference import ReferenceSide
from compare.verdict.precision import FLOAT32, FLOAT64
from tests.compare.explain.locate.models import WIDTH, Blocks, X, blocks_pair, brought_together, seeded

LOSS = (lambda z: (z**3).sum(), lambda z: (z**3).sum())


class Of(nn.Module):
    """Layers, and what is done with them."""

    def __init__(self, call: Callable[[Any, torch.Tensor], torch.Tensor], **layers: nn.Module) -> None:
        super().__init__()
        self.call = call
        for name, layer in layers.items():
            self.add_module(name, layer)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.call(self, x)


class Attend(nn.Module):
    """A layer of three arguments, two by name."""

    def forward(self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
        return torch.softmax(query @ key.T, -1) @ value


def linear(inside: int = WIDTH, out: int = WIDTH) -> nn.Module:
    return seeded(lambda: nn.Linear(inside, out))


def watched(module: nn.Module, *paths: str, mode: Any = None, precision: Any = FLOAT64) -> WatchedReference:
    """One run; the port is no matter here."""
    names = [name for name, _ in module.named_parameters()]
    pair = Pair(module, lambda p, x: x, lambda rng: Batch.of(X), loss=LOSS, name="of") if names else None
    assert pair
    prepared = prepare(pair)
    side = WatchedReference(frozenset(paths), prepared, precision, devices.choose("cpu").torch)
    side.ends = side.watch(prepared.enter(0, 1).at(FLOAT32), mode)  # type: ignore[attr-defined]
    return side


def cuts(side: WatchedReference) -> dict[Cut, tuple[np.ndarray, np.ndarray | None]]:
    return {cut: (value, cotangent) for cut, value, cotangent in by_cut(side.passages)}


def test_passages_come_in_order_with_calls_and_layers_between():
    """Every boundary of the layers asked for; layers without a counterpart by name, the calls made before by number."""
    side = watched(seeded(Blocks), "", "blocks.0", "blocks.0.norm", "head")
    seen = [(one.path, one.way) for one in side.passages]
    inside = [("blocks.0", IN), ("blocks.0.norm", IN), ("blocks.0.norm", OUT), ("blocks.0", OUT)]
    assert seen == [("", IN), *inside, ("head", IN), ("head", OUT), ("", OUT)]
    assert side.passages[4].layers == ("blocks.0.fc", "blocks.0.act")
    names = [call.name for call in side.torch_calls]
    assert names[: side.passages[3].number] == ["layer_norm"]
    assert names[side.passages[3].number : side.passages[4].number] == ["linear", "gelu", "add"]
    assert all("models.py:" in one.place for one in side.passages[1:-1])


def test_watching_changes_nothing():
    """Outputs, loss and every gradient are those of the plain side, bit by bit."""
    quartet, entering = brought_together(blocks_pair())
    device = devices.choose("cpu").torch
    side = WatchedReference(frozenset({"", "blocks.1", "blocks.1.norm"}), quartet.prepared, FLOAT64, device)
    plain = ReferenceSide(quartet.prepared, FLOAT64, device).run(entering)
    made = side.watch(entering, None)
    assert made.keys() == plain.keys()
    for name, array in plain.items():
        np.testing.assert_array_equal(made[name], array, err_msg=name)


def test_each_use_of_a_tensor_has_its_own_cotangent():
    """A residual's tensor enters a layer and goes past it: at the layer there is only what the layer sends back."""
    side = watched(Of(lambda m, x: m.b(m.a(x)) + m.a.weight.sum() * m.a(x), a=linear(), b=linear()), "a", "b")
    at = cuts(side)
    weight = linear().weight.detach().double().numpy()
    np.testing.assert_allclose(at[Cut("b", 0, IN, 0)][1], at[Cut("b", 0, OUT, 0)][1] @ side_weight(side, "b", weight))
    module = Of(lambda m, x: m.b(h := m.a(x)) + h, a=linear(), b=linear())
    at = cuts(watched(module, "a", "b"))
    back = at[Cut("b", 0, OUT, 0)][1]
    np.testing.assert_allclose(at[Cut("a", 0, OUT, 0)][1], at[Cut("b", 0, IN, 0)][1] + back)
    assert np.linalg.norm(at[Cut("b", 0, IN, 0)][1]) > 0.1


def side_weight(side: WatchedReference, path: str, own: np.ndarray) -> np.ndarray:
    """What entered: the module's own, moved away from 0 and 1, which these weights are not."""
    return own


def test_one_tensor_given_three_times_counts_once():
    """query = key = value: one array, and the sum of what comes back."""
    module = Of(lambda m, x: m.attend(h := m.a(x), key=h, value=h), a=linear(), attend=Attend())
    at = cuts(watched(module, "a", "attend"))
    assert [cut.leaf for cut in at if cut.path == "attend"] == [0, 0]
    np.testing.assert_array_equal(at[Cut("attend", 0, IN, 0)][1], at[Cut("a", 0, OUT, 0)][1])
    module = Of(lambda m, x: m.attend(h := m.a(x), key=h + 1, value=h), a=linear(), attend=Attend())
    assert [cut.leaf for cut in cuts(watched(module, "attend")) if cut.way == IN] == [0, 1]


def test_what_a_layer_changes_in_place_is_noted_as_it_entered():
    """An in-place ReLU: the value before, and the cotangent of that value."""
    at = cuts(watched(Of(lambda m, x: m.relu(m.a(x)) + 1, a=linear(), relu=nn.ReLU(inplace=True)), "a", "relu"))
    entered, left = at[Cut("relu", 0, IN, 0)], at[Cut("relu", 0, OUT, 0)]
    assert (entered[0] < 0).any()
    np.testing.assert_array_equal(left[0], np.maximum(entered[0], 0))
    np.testing.assert_array_equal(entered[1], left[1] * (entered[0] > 0))
    np.testing.assert_array_equal(entered[1], at[Cut("a", 0, OUT, 0)][1])


def test_each_call_of_a_layer_is_numbered():
    """The cotangents of both calls, and not their sum."""
    at = cuts(watched(Of(lambda m, x: m.a(torch.tanh(m.a(x))), a=linear()), "a"))
    assert [(cut.call, cut.way) for cut in at] == [(0, IN), (0, OUT), (1, IN), (1, OUT)]
    assert not np.allclose(at[Cut("a", 0, OUT, 0)][1], at[Cut("a", 1, OUT, 0)][1])


@pytest.mark.parametrize("reentrant", [False, True])
def test_a_checkpoint_is_not_counted_twice(reentrant):
    """Its second forward pass, within the backward pass, is passed over; a reentrant one records no gradient inside."""
    module = Of(lambda m, x: m.b(checkpoint(m.a, torch.tanh(x), use_reentrant=reentrant)), a=linear(), b=linear())
    side = watched(module, "a", "b")
    plain = watched(Of(lambda m, x: m.b(m.a(torch.tanh(x))), a=linear(), b=linear()), "a", "b")
    assert [one.boundary for one in side.passages] == [one.boundary for one in plain.passages]
    assert len(side.torch_calls) >= len(plain.torch_calls)
    for cut, (value, cotangent) in cuts(side).items():
        np.testing.assert_array_equal(value, cuts(plain)[cut][0])
        if reentrant and cut.path == "a":
            assert cotangent is None
        else:
            np.testing.assert_array_equal(cotangent, cuts(plain)[cut][1])
    np.testing.assert_array_equal(side.ends["grad/a.weight"], plain.ends["grad/a.weight"])


def test_what_no_gradient_is_asked_for_has_none_and_what_gets_none_has_zero():
    """detach() and no_grad(): None behind them, a zero before."""

    def call(m: Any, x: torch.Tensor) -> torch.Tensor:
        h = m.a(x)
        with torch.no_grad():
            t = m.b(h)
        return m.a(h.detach()) + t

    at = cuts(watched(Of(call, a=linear(), b=linear()), "a", "b"))
    assert at[Cut("b", 0, IN, 0)][1] is None
    assert at[Cut("b", 0, OUT, 0)][1] is None
    assert at[Cut("a", 1, IN, 0)][1] is None
    np.testing.assert_array_equal(at[Cut("a", 0, OUT, 0)][1], np.zeros((len(X), WIDTH)))


def test_dropout_is_replayed_under_watch():
    """In training mode, with its shape; the passage after it has the zeros."""
    module = Of(lambda m, x: m.b(m.drop(m.a(x))), a=linear(), drop=nn.Dropout(0.5), b=linear())
    side = watched(module, "a", "b", mode=True)
    assert [one.shape for one in side.result.dropouts] == [(len(X), WIDTH)]
    assert (cuts(side)[Cut("b", 0, IN, 0)][0] == 0).any()


def test_a_run_can_end_at_a_boundary_or_be_changed():
    """Nothing after the boundary runs; a changed weight is seen from where it is used on."""
    quartet, entering = brought_together(blocks_pair())
    paths = frozenset({"", "blocks.1.norm"})
    side = WatchedReference(paths, quartet.prepared, FLOAT64, devices.choose("cpu").torch)
    plain = side.watch(entering, None)
    before = cuts(side)
    change = Change(attributes={("blocks.1.norm", "eps"): 1e-2})
    assert side.watch(entering, None, change, until=("blocks.1.norm", 0, OUT)) == {}
    after = cuts(side)
    assert [cut.way for cut in after] == [IN, IN, OUT]
    inside, out = Cut("blocks.1.norm", 0, IN, 0), Cut("blocks.1.norm", 0, OUT, 0)
    np.testing.assert_array_equal(after[inside][0], before[inside][0])
    assert 1e-4 < np.abs(after[out][0] - before[out][0]).max() < 0.1
    doubled = side.watch(entering, None, Change(weights={"head.bias": lambda bias: 2 * bias}))
    np.testing.assert_allclose(doubled["output"] - plain["output"], np.tile(entering.weights["head.bias"], (5, 1)))
