"""What torch calls the stages that act on one parameter."""

import pytest
from torch import optim

from compare.errors import UsageError
from compare.frameworks.optax_insides import Stage, stages_of
from compare.weights.twin_words import CORES, torch_words


def test_every_rule_names_a_class_of_torchs():
    """And settings that its constructor takes."""
    import inspect

    for core in CORES.values():
        taken = set(inspect.signature(getattr(optim, core.torch)).parameters)
        assert {key.partition("[")[0] for key in (*core.keys.values(), *core.fixed)} <= taken, core


@pytest.mark.parametrize(
    ("stages", "words"),
    [
        ([Stage("set_to_zero")], ("", {}, None)),
        ([Stage("scale", {"step_size": -0.5})], ("SGD", {}, 0.5)),
        (
            [
                Stage("scale", {"step_size": -1.0}),
                Stage("add_decayed_weights", {"weight_decay": 0.1}),
                Stage("trace", {"decay": 0.9, "nesterov": True}),
                Stage("scale", {"step_size": -0.5}),
            ],
            ("SGD", {"maximize": True, "weight_decay": 0.1, "momentum": 0.9, "nesterov": True}, 0.5),
        ),
    ],
)
def test_stages_in_torchs_order_are_settings(stages, words):
    """A sign first, a decay, the rule, the rate."""
    assert torch_words(stages) == words


@pytest.mark.parametrize(
    ("after", "why"),
    [
        ("add_decayed_weights", "after the learning rate"),
        ("scale", "more than one"),
        ("scale_by_trust_ratio", "torch has no"),
    ],
)
def test_what_stands_where_torch_has_nothing_is_named(after, why):
    """Behind the learning rate."""
    given = {"add_decayed_weights": {"weight_decay": 0.1}, "scale": {"step_size": 2.0}}.get(after, {})
    with pytest.raises(UsageError, match=why):
        torch_words([Stage("scale", {"step_size": -0.5}), Stage(after, given)])


def test_a_decay_that_torchs_class_cannot_decouple_is_refused():
    """RMSprop has none after its rule."""
    import optax

    chain = optax.chain(optax.scale_by_rms(eps_in_sqrt=False), optax.add_decayed_weights(0.1), optax.scale(-0.1))
    with pytest.raises(UsageError, match="RMSprop has no decoupled_weight_decay"):
        torch_words(stages_of(chain))
