"""Where no evidence says which map is the true one, what both functions do says it; where that does not, nothing."""

import copy

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from torch import nn

from compare.errors import UsageError
from compare.pair.pair import Pair
from compare.pair.prepare import prepare
from compare.pair.trial import tried
from compare.weights.mapping.find import find

X = np.random.default_rng(0).standard_normal((5, 4)).astype(np.float32)


class Inverse(nn.Module):
    """A square matrix through its inverse, as an invertible 1x1 convolution runs backwards."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.w = nn.Parameter(torch.linalg.qr(torch.randn(4, 4))[0].contiguous())

    def forward(self, x):
        return x @ torch.inverse(self.w)


def layout_and_notes(port, name):
    ready = prepare(Pair(Inverse(), (port, {name: jnp.ones((4, 4))}), X))
    (entry,) = ready.weight_map.entries
    return entry.layout, ready.notes


def test_a_matrix_through_its_inverse_is_stored_as_the_functions_say():
    """The port may hold it either way round."""
    layout, notes = layout_and_notes(lambda p, x: x @ jnp.linalg.inv(p["w"]), "w")
    assert (layout, len(notes)) == ("same", 1)
    layout, notes = layout_and_notes(lambda p, x: jnp.linalg.solve(p["kernel"], x.T).T, "kernel")
    assert layout == "transpose (1, 0)"
    assert notes == ("the map of w was found by trying: of 2 both functions agree under this one",)


def test_of_another_function_the_plain_map_is_taken_and_that_is_said():
    layout, notes = layout_and_notes(lambda p, x: x @ jnp.linalg.inv(p["w"] + 0.1), "w")
    assert layout == "same"
    assert notes == ("the map of w is not sure: under none of 2 that were tried do both sides agree",)


def test_what_could_not_be_tried_is_said_of_the_plain_map():
    args = (X,), {}, (lambda p, x: x @ jnp.linalg.inv(p["w"]), {"w": jnp.ones((4, 4))}), (X,), {}
    found = find(Inverse(), *args, decide=lambda maps: (None, "the port raised"))
    assert (found.notes, found.doubted) == (
        ("the map of w is not sure: it could not be tried: the port raised",), ("w",),
    )  # fmt: skip


def test_a_matrix_whose_axes_do_the_same_is_stored_as_the_functions_say():
    class Skew(Inverse):
        def forward(self, x):
            return x @ (self.w - self.w.T)

    def port(p, x):
        return x @ (p["k"].T - p["k"])

    (entry,) = prepare(Pair(Skew(), (port, {"k": jnp.ones((4, 4))}), X)).weight_map.entries
    assert entry.layout == "transpose (1, 0)"


class Crossed(nn.Module):
    """Two layers of one shape on one input, copies of each other as they start."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.a = nn.Linear(4, 4)
        self.b = copy.deepcopy(self.a)

    def forward(self, x):
        return self.a(x) * torch.tensor([1.0, 1.0, 1.0, 2.0], dtype=x.dtype) * self.b(x)


WIDE = np.array([1, 1, 1, 2], np.float32)


def crossed(p, x):
    """The layers under names that tell nothing, the other one first."""
    first, second = (x @ p[name]["kernel"] + p[name]["bias"] for name in ("x", "y"))
    return first * WIDE * second


PARAMS = {name: {"kernel": jnp.ones((4, 4)), "bias": jnp.ones(4)} for name in ("x", "y")}


class Ordered(Crossed):
    def forward(self, x):
        return self.a(x) - 2 * self.b(x)


def ordered(p, x):
    first, second = (x @ p[name]["kernel"] + p[name]["bias"] for name in ("x", "y"))
    return second - 2 * first


def test_layers_that_start_alike_are_told_on_other_weights():
    pairs = {(one.reference, one.port) for one in prepare(Pair(Ordered(), (ordered, PARAMS), X)).weight_map.entries}
    assert pairs == {
        ("a.weight", "params/y/kernel"), ("a.bias", "params/y/bias"),
        ("b.weight", "params/x/kernel"), ("b.bias", "params/x/bias"),
    }  # fmt: skip


def test_of_maps_under_which_both_agree_the_first_is_taken():
    """A product of two layers is the same whichever is which."""
    pairs = [(one.reference, one.port) for one in prepare(Pair(Crossed(), (crossed, PARAMS), X)).weight_map.entries]
    assert ("a.weight", "params/x/kernel") in pairs


def test_what_no_trial_settles_is_refused_with_the_rule():
    def wrong(p, x):
        return ordered(p, x) * (1 + 1e-3)

    with pytest.raises(UsageError, match=r"a\.weight could be .* say which with rules="):
        prepare(Pair(Ordered(), (wrong, PARAMS), X))


def test_a_reference_that_does_not_run_in_float64_is_tried_in_float32():
    class Single(Inverse):
        def forward(self, x):
            return super().forward(x.float())

    ready = prepare(
        Pair(Single(), (lambda p, x: jnp.linalg.solve(p["kernel"], x.T).T, {"kernel": jnp.ones((4, 4))}), X)
    )
    (entry,) = ready.weight_map.entries
    assert (entry.layout, ready.doubted) == ("transpose (1, 0)", ())
    assert ready.notes == ("the map of w was found by trying: of 2 both functions agree under this one",)


@pytest.mark.parametrize("side", ["reference", "port"])
def test_what_raises_under_every_map_tells_nothing_of_any(side):
    whole = True

    def port(p, x):
        if side == "port" and not whole:
            raise TypeError("no more")
        return x @ jnp.linalg.inv(p["w"])

    def wanted(entering, precision):
        if side == "reference":
            raise TypeError("no more")
        return {"output": np.zeros((5, 4))}

    ready = prepare(Pair(Inverse(), (port, {"w": jnp.ones((4, 4))}), X))
    whole = False
    at, why = tried([ready, ready], ready.enter(0, 1), wanted)
    assert at is None
    assert why.startswith(f"the {side} raised TypeError: no more")


def test_a_reference_that_cannot_be_tried_leaves_the_question_open():
    class Single(Ordered):
        def forward(self, x):
            if not torch.equal(self.a.weight, self.b.weight):
                raise TypeError("copies of each other only")
            return super().forward(x)

    with pytest.raises(UsageError, match="say which with rules="):
        prepare(Pair(Single(), (ordered, PARAMS), X))


def test_the_layout_of_an_output_that_nothing_tells_is_tried():
    """Of 4 channels of 4 by 4, through products of an image with itself."""

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(1, 4, 1)

        def forward(self, x):
            y = self.conv(x)
            return torch.fft.fft2(y).abs() @ y

    def port(p, x):
        y = x * p["k"] + p["b"]
        spectrum = jnp.abs(jnp.fft.fft2(y, axes=(1, 2)))
        return jnp.einsum("bhkc,bkwc->bhwc", spectrum, y)

    x = np.random.default_rng(0).standard_normal((2, 1, 4, 4)).astype(np.float32)
    leaves = {"k": jnp.ones((1, 4)), "b": jnp.ones(4)}
    ready = prepare(Pair(Net(), (port, leaves), x, port_inputs=lambda x: jnp.moveaxis(x, 1, -1)))
    assert ready.output_axes == {"output": (0, 3, 1, 2)}


class Noisy(Inverse):
    """A second output that no map makes equal: each side draws its own noise."""

    def forward(self, x):
        y = super().forward(x)
        return y, y + torch.randn_like(y)


def noisy(p, x, noise):
    y = x @ jnp.linalg.inv(p["w"].T)
    return y, y + jax.random.normal(noise, y.shape)


def test_what_is_drawn_at_random_decides_nothing():
    ready = prepare(Pair(Noisy(), (noisy, {"w": jnp.ones((4, 4))}), X, rngs=("noise",)))
    assert [entry.layout for entry in ready.weight_map.entries] == ["transpose (1, 0)"]
    assert ready.notes == ("the map of w was found by trying: of 2 both functions agree under this one",)


def test_where_all_is_drawn_at_random_nothing_is_decided():
    class Noise(Inverse):
        def forward(self, x):
            return super().forward(x) + torch.randn_like(x)

    def port(p, x, noise):
        return noisy(p, x, noise)[1]

    (note,) = prepare(Pair(Noise(), (port, {"w": jnp.ones((4, 4))}), X, rngs=("noise",))).notes
    assert note.endswith("it could not be tried: every output of the reference is drawn at random")


def test_the_reference_is_run_once_on_each_weights():
    """However many maps there are, and fail there."""
    ready, runs = prepare(Pair(Inverse(), (lambda p, x: x @ jnp.linalg.inv(p["w"]), {"w": jnp.ones((4, 4))}), X)), []
    entering = ready.enter(0, 1)

    def wanted(entered, precision):
        runs.append(entered)
        right = np.linalg.inv(np.asarray(entering.weights["w"], np.float64))
        return {"output": np.asarray(X, np.float64) @ right}  # whatever the weights: no map agrees elsewhere

    assert tried([ready] * 5, entering, wanted) == (None, "")
    assert len(runs) == 2
