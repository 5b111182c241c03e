"""Arrays at the cuts, judged: by the port's own rounding only where that could matter; owners and users."""

from typing import Any

import numpy as np
import pytest

from compare.explain.locate.crossings import LOSS, Judge, RoughJudge, rough
from compare.explain.locate.cuts import IN, OUT
from compare.explain.locate.port import Crossed
from compare.verdict.precision import FLOAT32
from compare.verdict.verdict import Verdict
from tests.compare.explain.locate.models import PAIRS, cut, looked

RNG = np.random.default_rng(0)
EXACT = RNG.standard_normal(50)
LOW = EXACT.astype(np.float32)


def judged(j64: Any, j: Any = LOW, t64: Any = EXACT, t: Any = LOW) -> tuple[Verdict, int]:
    """The verdict, and how many runs of the port at the working precision it took."""
    runs: list[Crossed] = []

    def run() -> Crossed:
        runs.append(Crossed({}, {}, {"output": j}))
        return runs[-1]

    judge = Judge(FLOAT32, run)
    one = judge(t, t64, j64, lambda run: run.ends["output"])
    assert judge(t, t64, j64, lambda run: run.ends["output"]).verdict is one.verdict
    return one.verdict, len(runs)


def test_where_no_float64_runs_so_many_roundings_are_one_array():
    """Of its size; another shape, or another place of what is not finite, is none."""
    judge = RoughJudge(FLOAT32)
    within, beyond = LOW * (1 + rough(FLOAT32) / 2), LOW * (1 + 2 * rough(FLOAT32))
    said = [judge(LOW, LOW, other.astype(np.float32)).verdict for other in (LOW, within, beyond)]
    assert said == [Verdict.MATCH, Verdict.MATCH, Verdict.MISMATCH]
    assert judge(LOW, LOW, LOW[:-1]).verdict is Verdict.INVALID
    assert judge(LOW, LOW, np.where(LOW > 1, np.nan, LOW)).verdict is Verdict.INVALID


def test_what_agrees_or_is_plainly_apart_needs_no_run_at_the_working_precision():
    """A gap that no rounding explains is one already."""
    assert judged(EXACT) == (Verdict.MATCH, 0)
    assert judged(EXACT * 1.001) == (Verdict.MISMATCH, 0)
    assert judged(EXACT[:-1]) == (Verdict.INVALID, 0)
    assert judged(np.where(EXACT > 1, np.nan, EXACT)) == (Verdict.INVALID, 0)


def test_a_gap_of_roundings_size_is_held_against_the_ports_own():
    """A port that loses bits itself is no fault in float64, one that does not is; the run is made once."""
    apart = EXACT + 1e-11 * RNG.standard_normal(50)
    assert judged(apart)[1] == 1
    assert judged(apart)[0] is not Verdict.MATCH
    assert judged(apart, j=(EXACT * (1 + 1e-5)).astype(np.float32)) == (Verdict.MATCH, 1)


def test_a_zero_of_the_reference_allows_for_the_ports_rounding():
    """A gradient that is nothing in the reference and cancels in the port; one that does not cancel is a difference."""
    zero = np.zeros(50)
    assert judged(1e-17 * EXACT, j=1e-8 * LOW, t64=zero, t=zero) == (Verdict.MATCH, 1)
    assert judged(EXACT, j=LOW, t64=zero, t=zero) == (Verdict.MISMATCH, 1)


def test_integers_are_held_equal():
    """An output may be one."""
    whole = np.arange(4)
    assert Judge(FLOAT32, lambda: Crossed({}, {}))(whole, whole, whole).verdict is Verdict.MATCH
    assert Judge(FLOAT32, lambda: Crossed({}, {}))(whole, whole, whole + 1).verdict is Verdict.MISMATCH


def test_an_end_that_the_port_lacks_is_invalid():
    """By its name."""
    low, exact = {"output": LOW, "state/a": LOW}, {"output": EXACT, "state/a": EXACT}
    made = Judge(FLOAT32, lambda: Crossed({}, {})).ends(low, exact, {"output": EXACT}, forced=False)
    assert {name: one.verdict for name, one in made.items()} == {"output": Verdict.MATCH, "state/a": Verdict.INVALID}


@pytest.fixture(scope="module")
def sections():
    """Three blocks, another epsilon in the second."""
    return looked("the second block").sections


def test_owner_and_user_are_the_layers_whose_code_is_around(sections):
    """What enters a layer is made by the one around it; what leaves it is used there; the loss is around everything."""
    owners = {(one.cut.path, one.cut.way): (one.owner, one.user) for one in sections.crossings}
    assert owners["", IN] == (LOSS, "")
    assert owners["", OUT] == ("", LOSS)
    assert owners["blocks.0", IN] == ("", "blocks.0")
    assert owners["blocks.0.norm", OUT] == ("blocks.0.norm", "blocks.0")
    around = {one.cut.path: one.around for one in sections.crossings if one.cut.way == OUT}
    assert around["blocks.2.fc"] == (("", 0), ("blocks.2", 0))


def test_each_array_is_judged_by_itself_and_in_the_ports_own_run(sections):
    """The epsilon shows at its norm's output only; on its own the port carries it on."""
    by_cut = {(one.cut.path, one.cut.way): one for one in sections.crossings}
    apart = [at for at, one in by_cut.items() if one.forward.verdict is not Verdict.MATCH]
    assert apart == [("blocks.1.norm", OUT)]
    arrived = [at for at, one in by_cut.items() if one.arrived.verdict is not Verdict.MATCH]
    assert arrived[0] == ("blocks.1.norm", OUT)
    assert arrived[-1] == ("", OUT)
    assert [at for at, one in by_cut.items() if one.backward.verdict is not Verdict.MATCH] == [("blocks.1.norm", IN)]


def test_plain_oracles_say_the_same_of_it(sections):
    """The model has no float32 of its own."""
    _, again = cut(PAIRS["the second block"][0]())
    assert [one.forward.verdict for one in again.crossings] == [one.forward.verdict for one in sections.crossings]
