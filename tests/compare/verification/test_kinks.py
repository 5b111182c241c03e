"""A gradient that differs on a kink alone is right on both sides; one that differs around it is not."""

import jax.numpy as jnp
import numpy as np
import pytest
import torch

from compare.pair.prepare import prepare
from compare.sides.context import NOTHING_KNOWN
from compare.sides.judging import judge_port, reference_runs
from compare.sides.quartet import Quartet
from compare.sides.side import SideError
from compare.verdict.precision import FLOAT32
from compare.verification.kinks import Kinks, kinks
from tests.compare.small import loose_pair

USERS_MODELS = True
ZEROS = np.zeros((6, 4), np.float32)


def reference(p, x):
    return (x * p["w"]).abs() + 1


def slopes(left: float, right: float = 1.0):
    return lambda p, x: jnp.where(x >= 0, right * x * p["w"], left * x * p["w"]) + 1


def at_zero(cpu, of, port) -> Kinks:
    """The kinks on a batch of zeros."""
    quartet = Quartet(prepare(loose_pair(of, port, ZEROS)), FLOAT32, cpu, cpu)
    entering = quartet.prepared.enter(0, 1).at(FLOAT32)
    judged = judge_port(quartet, entering, None, *reference_runs(quartet, entering, None))
    return kinks(quartet, entering, None, judged, NOTHING_KNOWN, 0)


def test_both_one_sided_slopes_are_right(cpu):
    """|x| at 0: torch takes 0, JAX's where-form takes 1."""
    assert at_zero(cpu, reference, slopes(-1)) == Kinks(on=frozenset({"grad/input.input0"}))


@pytest.mark.parametrize("port", [slopes(-1.001), slopes(-1, 1.001)], ids=["left", "right"])
def test_a_wrong_slope_beside_it_is_none(cpu, port):
    assert at_zero(cpu, reference, port) == Kinks()


def test_a_gradient_that_vanishes_nearby_proves_nothing(cpu):
    """At 0 the sides differ; beside it both gradients are 0, whatever the port has there."""

    def flat(p, x):
        return torch.clamp(x * p["w"], -1e-9, 1e-9) * 1e9

    def steep(p, x):
        return jnp.clip(x * p["w"], -1e-9, 1e-9) * 2e9

    assert at_zero(cpu, flat, steep) == Kinks()


def test_where_the_port_raises_beside_it_there_is_none(cpu):
    """The reference takes numbers below 0, so the port must."""
    quartet = Quartet(prepare(loose_pair(reference, slopes(-1), ZEROS)), FLOAT32, cpu, cpu)
    entering = quartet.prepared.enter(0, 1).at(FLOAT32)
    judged = judge_port(quartet, entering, None, *reference_runs(quartet, entering, None))

    class Raising(Quartet):
        def working_port(self, entering, *given):
            if np.any(entering.batches[0].inputs["input0"] < 0):
                raise SideError("port", ValueError("below 0"))
            return super().working_port(entering, *given)

    raising = Raising(quartet.prepared, FLOAT32, cpu, cpu)
    assert kinks(raising, entering, None, judged, NOTHING_KNOWN, 0) == Kinks()


def refusing(refuses):
    """The reference, where it takes only some batches."""

    def of(p, x):
        if refuses(x):
            raise ValueError("such numbers are refused")
        return reference(p, x)

    return of


def test_where_the_reference_takes_no_neighbour_nothing_is_decided(cpu):
    """Neither for a kink nor against one, whatever the port's slopes are."""
    for port in (slopes(-1), slopes(-1.001)):
        found = at_zero(cpu, refusing(lambda x: bool((x < 0).any())), port)
        assert found.why.startswith("the reference raised ValueError: such numbers are refused (")
        assert found._replace(why="") == Kinks(
            undecided=frozenset({"grad/input.input0"}),
        )


def test_one_neighbour_is_enough_to_show_that_there_is_none(cpu):
    """Others are refused; the four differ in which numbers are below 0."""

    def first_below_0(x):
        return bool(x.flatten()[0] < 0)

    assert at_zero(cpu, refusing(first_below_0), slopes(-1)).undecided == {"grad/input.input0"}
    assert at_zero(cpu, refusing(first_below_0), slopes(-1.001)) == Kinks()


def only32(x):
    if x.dtype != jnp.float32:
        raise TypeError("float32 is expected")
    return x


def test_without_oracles_one_is_looked_for_too(cpu):
    """Neighbours as good as they can be there prove it; a slope that is off by 1e-5 beside it disproves it."""
    assert at_zero(cpu, reference, lambda p, x: slopes(-1)(p, only32(x))) == Kinks(on=frozenset({"grad/input.input0"}))
    for wrong in (slopes(-1.00001), slopes(-1, 1.00001)):
        assert at_zero(cpu, reference, lambda p, x, wrong=wrong: wrong(p, only32(x))) == Kinks()
