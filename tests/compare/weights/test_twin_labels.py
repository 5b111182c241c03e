"""Of each partition in a state, what belongs to one parameter."""

import jax.numpy as jnp
import optax
import pytest

from compare.errors import UsageError
from compare.frameworks.optax_insides import stages_of
from compare.weights.twin_labels import labels_of, of_labels
from compare.weights.twin_state import walked

PARAMS = {"x": jnp.ones(2), "y": jnp.ones(1)}
LABELS = {"x": "a", "y": "b"}


def test_a_state_is_narrowed_to_one_label():
    """The named tuples around it stay; without a partition all does."""
    rules = {"a": optax.trace(0.9), "b": optax.scale_by_rms()}
    state = optax.chain(optax.scale_by_rss(), optax.partition(rules, LABELS)).init(PARAMS)
    met = []
    walked(of_labels(state, frozenset("a")), lambda owner, *_: met.append(type(owner).__name__))
    assert met == ["ScaleByRssState", "TraceState"]
    assert of_labels(state[0], frozenset("a")) == state[0]


def test_a_stages_labels_are_its_partitions():
    """Of every one that it stands in."""
    rule = optax.partition({"a": optax.trace(0.9), "b": optax.set_to_zero()}, LABELS)
    assert [labels_of([stage]) for stage in stages_of(rule)] == [{"a"}, {"b"}]


def test_labels_that_two_partitions_share_are_refused():
    """x is one's a and the other's b."""
    one = optax.partition({"a": optax.trace(0.9), "b": optax.identity()}, LABELS)
    two = optax.partition({"a": optax.identity(), "b": optax.trace(0.9)}, {"x": "b", "y": "a"})
    state = optax.chain(one, two).init(PARAMS)
    with pytest.raises(UsageError, match="labels of its own"):
        of_labels(state, frozenset("ab"))
