"""What a step computes beside its products."""

import pytest

from compare.frameworks.steps.step_operation import Operation
from compare.measure.bench.gates.elements import computed, elements
from tests.compare.measure.bench.gates.made_up import observed, product


def beside(size=1000, name="relu", **known):
    return Operation(name, frozenset({"float32"}), size=size, **known)


PLAIN = observed("torch eager", operations=(product(), beside()))


@pytest.mark.parametrize(
    ("side", "operations", "words"),
    [
        ("torch", (product(), beside(), beside(100, needed=False)), ""),
        ("torch", (product(), beside(), beside(500, "copy_", needed=False)), "1 operations (copy_) on 33%"),
        ("jax", (product(), beside(30_000)), ""),
        ("jax", (product(), beside(1000, times=40)), "about the 1,000 elements of torch eager"),
        ("jax", (product(), beside(10)), "a step of torch eager to go over about the 10 elements of row"),
        ("jax", (product(), beside(), beside(10**6, "dynamic_update_slice")), ""),
        ("torch", None, ""),
    ],
    ids=["a metric", "a copy", "finer", "forty times", "nothing", "in place", "not looked into"],
)
def test_elements_of_a_row(side, operations, words):
    """Few are for nothing, and as many as on the other side, to a factor that a jaxpr makes."""
    sentence = computed(observed("row", side, operations=operations), PLAIN)
    assert (words in sentence) if words else sentence == ""


def test_of_the_plain_step_it_is_said_too():
    """An average of weights that one side keeps holds every ratio up."""
    plain = observed("torch eager", operations=(product(), beside(), beside(900, "lerp_", needed=False)))
    assert "a step of torch eager to compute what its loss" in computed(PLAIN, plain)


def test_elements_are_of_one_step():
    assert elements(observed(operations=(product(), beside(times=8)), steps_per_call=8)) == 1000
