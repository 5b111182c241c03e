"""What is held against what: names that both sides have, and slots of an optimizer that both keep."""

import numpy as np

from compare.sides.quantities import judge_together, only_one_has_it, slot_of, unpaired_slots
from compare.verdict.precision import FLOAT32
from compare.verdict.verdict import Verdict

MOMENT, OTHER = "after/optimizer/exp_avg/w", "after/optimizer/exp_avg_sq/w"


def run(*names: str, value: float = 1.0, dtype: type = np.float64) -> dict[str, np.ndarray]:
    return {name: np.full(3, value, dtype) for name in names}


def together(reference, port, sizes=None):
    return judge_together((reference, port, reference, port), FLOAT32, sizes or {})


def test_every_quantity_of_either_side_is_judged():
    """In the reference's order; what one side lacks is invalid, with its owner."""
    judged = together(run("output/0", "loss"), run("loss", "output"))
    assert list(judged) == ["output/0", "loss", "output"]
    assert judged["loss"].verdict is Verdict.MATCH
    assert judged["output/0"].reason == "only the reference has it"
    assert judged["output"].reason == "only the port has it"


def test_a_quantity_that_one_run_lacks_is_no_quantity():
    """At the working precision as in float64."""
    whole, less = run("output", "loss"), run("output")
    assert only_one_has_it("loss", (whole, less), (whole, whole)).verdict is Verdict.INVALID
    assert only_one_has_it("output", (whole, less), (whole, whole)) is None


def test_a_slot_that_the_port_lacks_is_not_judged():
    """It is another way to the same updates; a slot that only one parameter lacks is none."""
    reference, port = run(MOMENT, OTHER, "update/w"), run(MOMENT, "update/w")
    assert unpaired_slots(reference, port) == {"exp_avg_sq"}
    assert unpaired_slots(port, reference) == set()
    assert set(together(reference, port)) == {MOMENT, "update/w"}
    partly = together(run(MOMENT, "after/optimizer/exp_avg/b"), run(MOMENT))
    assert partly["after/optimizer/exp_avg/b"].verdict is Verdict.INVALID


def test_a_slot_is_read_off_its_name():
    assert (slot_of(MOMENT), slot_of("update/w"), slot_of("after/state/mean")) == ("exp_avg", "", "")


def test_a_size_counts_as_at_least_what_is_ordinary():
    """What has vanished on a probe is judged by what it is on the pair's own batch."""
    reference, port = run("grad/w", value=1e-16), run("grad/w", value=2e-16)
    assert together(reference, port)["grad/w"].verdict is Verdict.MISMATCH
    assert together(reference, port, {"grad/w": 1.0})["grad/w"].verdict is Verdict.MATCH
