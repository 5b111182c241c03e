"""A pair made ready: both models brought together, what enters them, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from flax import linen

from compare.arrays.batch import Batch
from compare.errors import UsageError
from compare.pair.pair import Pair
from compare.pair.prepare import prepare
from compare.weights.entry import linear
from compare.weights.weights import WeightMap
from tests.compare.small import DENSE_MAP, NORM_MAP, X, dense_pair, loose_pair, norm_pair

USERS_MODELS = True


def test_the_weights_are_the_references_own_moved_away_from_0_and_1():
    """What is exactly 0 or 1 would hide a forgotten bias, scale or statistic; everything else enters as it is."""
    ready = prepare(norm_pair())
    entering, own = ready.enter(0, 1), dict(ready.pair.reference.state_dict())
    np.testing.assert_array_equal(entering.weights["0.weight"], own["0.weight"].numpy())
    for name, value in (("1.weight", 1), ("1.bias", 0)):
        assert (own[name] == value).all()
        away = np.abs(entering.weights[name] - value)
        assert ((away > 0.01) & (away < 0.1001)).all()
    assert set(entering.buffers) == {"1.running_mean", "1.running_var"}
    assert (entering.buffers["1.running_var"] > 0.8).all()
    assert (entering.buffers["1.running_mean"] != 0).all()


def test_the_users_module_keeps_its_zeros_and_ones():
    """What is moved is a copy."""
    pair = norm_pair()
    prepare(pair).enter(0, 1)
    assert (pair.reference[1].weight == 1).all()
    assert (pair.reference[1].bias == 0).all()


def test_modes_are_compared_where_a_side_has_them():
    """Either side's is enough."""
    assert prepare(norm_pair()).modes == (True, False)
    assert prepare(dense_pair()).modes == (None,)
    told = loose_pair(lambda p, x: x * p["w"], lambda p, x, train: x * p["w"])
    assert prepare(told).modes == (True, False)


def test_buffers_and_constants_are_told_apart():
    """Buffers in the map are compared; the counter is a constant."""
    ready = prepare(norm_pair())
    assert ready.buffers == ("1.running_mean", "1.running_var")
    assert ready.constants == ("1.num_batches_tracked",)
    assert ready.leaves["batch_stats/BatchNorm_0/mean"] == (5,)


def test_statistics_that_are_not_in_the_map_are_no_buffers():
    """Then the reference's are constants, and the port's enter as it initialises them."""
    ready = prepare(norm_pair(weight_map=WeightMap(entry for entry in [NORM_MAP.entries[:4]] for entry in entry)))
    assert ready.buffers == ()
    assert ready.constants == ("1.running_mean", "1.running_var", "1.num_batches_tracked")
    assert set(ready.port.fixed) == {"batch_stats/BatchNorm_0/mean", "batch_stats/BatchNorm_0/var"}


REFUSED = {
    "a map of too few": (
        lambda: dense_pair(weight_map=WeightMap(linear("fc", "Dense_0"))),
        "head.bias of the reference",
    ),
    "a port of other sizes": (
        lambda: replace(dense_pair(), port=linen.Sequential([linen.Dense(5), linen.Dense(3)])),
        "weight map: params/",
    ),
    "weights of another shape": (
        lambda: loose_pair(None, lambda p, x: x, weights=lambda rng: {"w": np.ones((2, 2))}),
        "reference: expected an nn.Module or a function, got NoneType",
    ),
    "weights for a module that has others": (
        lambda: dense_pair(weights=lambda rng: {"fc.weight": np.ones((5, 4))}),
        "pair dense: weights= gives nothing for fc.bias, the reference has (5,)",
    ),
    "weights in another shape": (
        lambda: dense_pair(
            weights=lambda rng: {
                "fc.weight": np.ones((4, 5)),
                "fc.bias": np.ones(5),
                "head.weight": np.ones((3, 5)),
                "head.bias": np.ones(3),
            }
        ),
        "pair dense: weights= gives (4, 5) for fc.weight, the reference has (5, 4)",
    ),
    "a port that raises": (
        lambda: replace(dense_pair(), port=Raising()),
        "pair dense: the port raised ValueError: no such thing",
    ),
}


class Raising(linen.Module):
    """A port that cannot even be traced."""

    @linen.compact
    def __call__(self, x):
        raise ValueError("no\nsuch thing")


@pytest.mark.parametrize(("build", "complaint"), REFUSED.values(), ids=REFUSED)
def test_what_does_not_fit_is_refused_in_one_line(build, complaint):
    """Before anything is computed."""
    with pytest.raises(UsageError) as raised:
        prepare(build()).enter(0, 1)
    assert complaint in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        (
            {"accept": (3,)},
            "accept: expected a tuple of names of parameters that one side alone has, or of .running_var",
        ),
        ({"loss": lambda z: z}, "loss: expected two functions"),
        ({"loss": (1,)}, "loss: expected two functions"),
    ],
)
def test_a_pair_checks_its_fields(fields, complaint):
    """When it is made."""
    with pytest.raises(UsageError, match=complaint):
        dense_pair(**fields)


def test_inputs_are_named_as_the_reference_names_them():
    """Positional ones, for reports: a module's by its forward, a function's without its parameters."""
    assert dense_pair().input_names() == ("x",)
    assert loose_pair(lambda p, ids, mask: ids, None).input_names() == ("ids", "mask")
    pair = Pair(dense_pair().reference, dense_pair().port, X, weight_map=DENSE_MAP)
    assert list(pair.draw(np.random.default_rng(0)).inputs) == ["x"]
    assert list(replace(pair, batch=Batch({"mine": X})).draw(np.random.default_rng(0)).inputs) == ["mine"]


def test_the_optimizers_may_be_a_plain_pair():
    """A function of the parameters and an optax transformation."""
    import optax

    transformation = optax.sgd(0.1)
    training = dense_pair(optimizers=(torch.optim.SGD, transformation)).training()
    assert training is not None
    assert training.port() is transformation
    assert dense_pair().training() is None
