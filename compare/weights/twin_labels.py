"""The parts of an optax state by the labels of ``optax.partition``: each group of parameters has its own numbers."""

from collections.abc import Hashable, Iterable
from typing import Any

from compare.errors import UsageError
from compare.frameworks.optax_insides import Labelled, Stage

State = Any  # a state of optax's: named tuples in each other
INNER = "inner_states"  # of a ``PartitionState``: a state for each label


def labels_of(stages: Iterable[Stage]) -> frozenset[Hashable]:
    """The labels of the partitions that stages stand in."""
    return frozenset(mask.label for stage in stages for mask in stage.masks if isinstance(mask, Labelled))


def of_labels(state: State, labels: frozenset[Hashable]) -> State:
    """What of a state belongs to a parameter with these labels: of each partition the state of one label.

    Raises:
        UsageError: partitions in one transformation use each other's labels.
    """
    if getattr(state, "_fields", None) == (INNER,):
        own = [label for label in state.inner_states if label in labels]
        if len(own) > 1:
            raise UsageError(
                f"no twin: two partitions in one transformation use the labels {' and '.join(map(str, own))}, and its "
                f"state does not say whose is whose: give each partition labels of its own"
            )
        return tuple(of_labels(state.inner_states[label], labels) for label in own)
    if hasattr(state, "_fields"):
        return type(state)(*(of_labels(value, labels) for value in state))
    return tuple(of_labels(one, labels) for one in state) if isinstance(state, tuple) else state
