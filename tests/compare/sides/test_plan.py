"""How much is compared, as a record keeps it."""

import json
from dataclasses import asdict

from compare.sides.plan import BY_DEFAULT, Plan


def test_a_plan_goes_through_a_records_file():
    """As JSON and back."""
    for plan in (BY_DEFAULT, Plan(seed=3, all_probes=True, quick=True, steps=5, locate=False)):
        assert Plan(**json.loads(json.dumps(asdict(plan)))) == plan


def test_by_default_every_probe_of_the_batchs_own_shape_is_run():
    """And three training steps."""
    assert (BY_DEFAULT.quick, BY_DEFAULT.all_probes, BY_DEFAULT.steps) == (False, False, 3)
