"""What a pair's own random numbers reach: what several streams change, and nothing else."""

import jax
import torch

from compare.pair.prepare import prepare
from compare.sides.noise import noise_of
from compare.sides.quartet import Quartet
from compare.verdict.precision import FLOAT32
from tests.compare.small import loose_pair

USERS_MODELS = True


def reference(p, x):
    """The second output is drawn."""
    return x * p["w"], x + torch.randn(4, dtype=x.dtype, generator=torch.Generator().manual_seed(5))


def drawing(p, x, key):
    """The first output and the weight's gradient are drawn."""
    return x * p["w"] * jax.random.normal(key, (4,)), x


def quiet(p, x, key):
    return x * p["w"], x


def noise(cpu, theirs, ours):
    prepared = prepare(loose_pair(theirs, ours, rngs=("key",)))
    quartet = Quartet(prepared, FLOAT32, cpu, cpu)
    return noise_of(quartet, prepared.enter(0, 1).at(FLOAT32), None)


def test_what_either_side_draws_is_reached(cpu):
    """By name, with the lines of both; a generator of the model's own, which always starts alike, is no way out."""
    found = noise(cpu, reference, drawing)
    assert found.reaches == {"output/0", "output/1", "grad/w", "grad/input.input0"}
    assert [line.partition(",")[0] for line in found.drawn] == ["torch's randn", "jax.random.normal"]


def test_the_rest_is_not(cpu):
    """A number that is added reaches the output, and no gradient."""
    assert noise(cpu, reference, quiet).reaches == {"output/1"}


def test_nothing_is_reached_where_nothing_draws(cpu):
    """Two runs of a side are the same in every bit."""
    found = noise(cpu, lambda p, x: (x * p["w"], x), quiet)
    assert (found.drawn, found.reaches) == ((), frozenset())


def test_the_caller_s_random_state_is_left_alone(cpu):
    """As by any other run."""
    before = torch.random.get_rng_state()
    noise(cpu, reference, quiet)
    assert torch.equal(before, torch.random.get_rng_state())
