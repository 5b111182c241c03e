"""Which parameters share a transformation; and what is said of those that torch alone moves, or leaves."""

import pytest
import torch

from compare.errors import UsageError
from compare.weights.entry import Entry
from compare.weights.moved_alike import FROZEN, group_of, groups_by_label, label_of_leaves, notes_on
from compare.weights.twin_layout import Layout
from compare.weights.twin_recipes import recipe_of
from compare.weights.twin_state import Slots, order_of
from compare.weights.weights import WeightMap

NAMES = ("a", "b", "c")


def _slots(optimizer, tensors, layout=None):
    state = {name: optimizer.state.get(one, {}) for name, one in tensors.items()}
    layout = layout or Layout.of(tensors, None, None)
    return Slots(recipe_of(optimizer), layout, tensors, state, order_of(optimizer, tensors))


def _stepped(optimizer, tensors, *names):
    for name, one in tensors.items():
        one.grad = torch.ones(2) if name in names else None
    optimizer.step()


@pytest.fixture
def tensors():
    return {name: torch.nn.Parameter(torch.ones(2)) for name in NAMES}


def test_a_group_is_parted_by_steps(tensors):
    """What came later has seen fewer; what is frozen, or no parameter of the optimizer, stays."""
    optimizer = torch.optim.Adam([tensors["b"], tensors["a"]])
    slots = _slots(optimizer, tensors)
    assert groups_by_label(optimizer, slots) == {"group0": ("b", "a"), FROZEN: ("c",)}
    _stepped(optimizer, tensors, "a")
    labels = groups_by_label(optimizer, slots := _slots(optimizer, tensors))
    assert labels == {"group0.0": ("b",), "group0.1": ("a",), FROZEN: ("c",)}
    assert [group_of(label) for label in labels] == [0, 0, -1]
    assert label_of_leaves(slots.layout, labels)["params/a"] == "group0.1"
    tensors["b"].requires_grad_(False)
    assert groups_by_label(optimizer, slots) == {"group0": ("a",), FROZEN: ("b", "c")}


def test_a_leaf_of_two_labels_is_refused(tensors):
    """A transformation acts on whole leaves."""
    lines = WeightMap([Entry("a", "params/w"), Entry("b", "params/w")])
    layout = Layout(lines, {}, dict.fromkeys("ab", (2,)))
    with pytest.raises(UsageError, match="params/w holds a and b, which the optimizer treats differently"):
        label_of_leaves(layout, {"group0": ("a",), FROZEN: ("b",)})


def test_what_no_gradient_has_reached_is_named(tensors):
    """Where others of its group have begun; not where no parameter keeps anything (no momentum), nor in L-BFGS, whose
    one state is the first's."""
    given = [{"params": [tensors["a"], tensors["b"]], "momentum": 0.9}, {"params": [tensors["c"]]}]
    optimizer = torch.optim.SGD(given, lr=0.1)

    def notes():
        slots = _slots(optimizer, tensors)
        return notes_on(slots, groups_by_label(optimizer, slots))

    assert notes() == ()
    _stepped(optimizer, tensors, "a")
    (note,) = notes()
    assert note.startswith("b has had no gradient so far: torch leaves such a parameter alone")
    _stepped(optimizer, tensors, *NAMES)
    optimizer.zero_grad()
    assert notes() == ()
    optimizer = torch.optim.LBFGS(tensors.values(), max_iter=1)
    optimizer.state[tensors["a"]]["n_iter"] = 1
    assert notes() == ()


def test_a_frozen_parameter_with_a_gradient_is_named(tensors):
    """torch looks at the gradient alone, and moves it."""
    optimizer = torch.optim.SGD(tensors.values(), lr=0.1)
    _stepped(optimizer, tensors, *NAMES)
    tensors["b"].requires_grad_(False)
    slots = _slots(optimizer, tensors)
    (note,) = notes_on(slots, groups_by_label(optimizer, slots))
    assert note == "b is frozen and stays here; torch moves it until zero_grad() takes its gradient away"
    optimizer.step()
    assert float(tensors["b"].detach()[0]) == pytest.approx(0.8)
