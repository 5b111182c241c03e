"""Two runs on one machine, one against the other: on samples that are made up."""

import copy

import numpy as np
import pytest

from compare.errors import UsageError
from compare.measure.bench.two_runs import between

RNG = np.random.default_rng(0)
ENVIRONMENT = {
    "device": "cpu", "device_name": "a processor", "processor": "a processor", "system": "Linux x86_64", "cores": 2,
    "python": "3.11.7", "versions": {"torch": "2.13.0", "jax": "0.10.2"},
}  # fmt: skip


def row(name, step, **more):
    rounds = [(step * (1 + 0.005 * RNG.standard_normal(12))).tolist() for _ in range(3)]
    return {
        "name": name,
        "median": step,
        "stopped": {},
        "samples": [(one, [0.5 * x for x in one]) for one in rounds],
        **more,
    }


def run(jit=2e-4, **more):
    rows = [row("torch eager", 5e-4), row("jax.jit", jit), {**row("stopped", 1e-4), "stopped": {"work": "less"}}]
    return {
        "environment": copy.deepcopy(ENVIRONMENT), "pair": "mlp", "batch": 64, "precision": "float32", "threads": 1,
        "title": "by hand", "processes": 3, "forced": False, "noise": 0.01, "unpublished": "", "rows": rows, **more,
    }  # fmt: skip


def test_a_row_that_became_faster_is_said_to_be():
    """By both kinds of time; a row that stayed is the same; what a gate stopped is not compared."""
    two = between(run(), run(jit=1e-4))
    found = {one.name: one for one in two.rows}
    assert set(found) == {"torch eager", "jax.jit"}
    assert found["jax.jit"].by_wall.value == pytest.approx(2.0, rel=0.01)
    assert (found["jax.jit"].by_wall.word, found["jax.jit"].by_processor.word) == ("FAST", "FAST")
    assert found["torch eager"].by_wall.word == "SAME"
    assert between(run(jit=1e-4), run()).rows[1].by_wall.word == "SLOW"


def test_versions_and_rows_that_differ_are_said():
    """They are what is asked about."""
    after = run()
    after["environment"]["versions"]["jax"] = "0.12.0"
    after["rows"].append(row("numpy by hand", 4e-4))
    two = between(run(), after)
    assert (two.versions, two.only) == ({"jax": ("0.10.2", "0.12.0")}, ("numpy by hand",))


def test_the_noise_is_the_larger_of_both():
    """A noisy run settles nothing that the quiet one would have."""
    two = between(run(noise=0.02), run(jit=1.9e-4, noise=0.04))
    assert two.noise == 0.04
    assert two.rows[1].by_wall.word == "AMBIGUOUS"


def test_a_machine_that_became_slower_is_no_change():
    """Every row by a tenth, torch eager too, whose version is the same: nothing is called slower."""
    slower = run(jit=2.2e-4)
    slower["rows"][0] = row("torch eager", 5.5e-4)
    two = between(run(), slower)
    assert two.noise == pytest.approx(0.1, rel=0.1)
    assert {one.by_wall.word for one in two.rows} == {"AMBIGUOUS"}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"batch": 8}, "batch is 64 and 8"),
        ({"environment": {**ENVIRONMENT, "device_name": "another"}}, "device_name is 'a processor' and 'another'"),
        ({"unpublished": "busy"}, "publishes no ratio, so there is none between them: busy"),
    ],
)
def test_what_cannot_be_compared(change, why):
    """Another question, another machine, a machine that was not quiet: one line each."""
    with pytest.raises(UsageError, match=why):
        between(run(), {**run(), **change})
