"""How much is compared, as a record keeps it."""

import json
from dataclasses import asdict

import numpy as np
import pytest

from compare.errors import UsageError
from compare.sides.plan import BY_DEFAULT, Plan


def test_a_plan_goes_through_a_records_file():
    """As JSON and back."""
    for plan in (BY_DEFAULT, Plan(seed=3, all_probes=True, quick=True, steps=5, locate=False)):
        assert Plan(**json.loads(json.dumps(asdict(plan)))) == plan


def test_by_default_every_probe_of_the_batchs_own_shape_is_run():
    """And three training steps."""
    assert (BY_DEFAULT.quick, BY_DEFAULT.all_probes, BY_DEFAULT.steps) == (False, False, 3)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"seed": "a"}, "seed: expected a whole number from 0, got 'a'"),
        ({"seed": -1}, "seed: expected a whole number from 0, got -1"),
        ({"seed": 1.5}, "seed: expected a whole number from 0, got 1.5"),
        ({"seed": None}, "seed: expected a whole number from 0, got None"),
        ({"seed": True}, "seed: expected a whole number from 0, got True"),
        ({"seed": [1]}, "seed: expected a whole number from 0, got [1]"),
        ({"quick": "no"}, "quick: expected True or False, got 'no'"),
        ({"all_probes": 1}, "all_probes: expected True or False, got 1"),
        ({"locate": None}, "locate: expected True or False, got None"),
    ],
)
def test_what_is_no_plan_is_refused_where_it_is_made(fields, words):
    """A text such as "no" would be true."""
    with pytest.raises(UsageError) as raised:
        Plan(**fields)
    assert str(raised.value) == words


def test_a_seed_of_numpys_is_a_whole_number():
    """It goes to JSON as one."""
    assert json.dumps(asdict(Plan(seed=np.int64(3)))).startswith('{"seed": 3')
