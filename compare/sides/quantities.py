"""Which quantities of two sides' runs are held against each other, and the judgement on each."""

from collections.abc import Mapping

from compare.arrays.aside import touched
from compare.sides.side import OPTIMIZER_STATE, Run
from compare.verdict.precision import Precision
from compare.verdict.verdict import Judgement, Verdict, judge


def judge_together(
    runs: tuple[Run, Run, Run, Run], precision: Precision, sizes: Mapping[str, float]
) -> dict[str, Judgement]:
    """The judgement on every quantity that a float64 run has, in the reference's order.

    Args:
        runs: the reference's and the port's at ``precision``, then both in float64.
        sizes: what a quantity's size counts as at least (``Context.sizes``).
    """
    t, j, t64, j64 = runs
    unpaired = unpaired_slots(t64, j64)
    judgements: dict[str, Judgement] = {}
    for name in dict.fromkeys([*t64, *j64]):
        if slot_of(name) in unpaired:
            continue
        if missing := only_one_has_it(name, (t, t64), (j, j64)):
            judgements[name] = missing
        else:
            judgements[name] = judge(t[name], j[name], t64[name], j64[name], precision, sizes.get(name, 0.0))
            touched(sum(run[name].nbytes for run in runs))
    return judgements


def only_one_has_it(name: str, of_reference: tuple[Run, ...], of_port: tuple[Run, ...]) -> Judgement | None:
    """``invalid`` for a quantity that one of the two sides, or one of its runs, has not; None where all have it."""
    if all(name in run for run in (*of_reference, *of_port)):
        return None
    owner = "reference" if name in of_reference[-1] else "port"
    return Judgement(Verdict.INVALID, reason=f"only the {owner} has it")


def slot_of(name: str) -> str:
    """The slot of the optimizer that a quantity is of, by torch's name; empty for any other quantity."""
    return name.split("/")[2] if name.startswith(OPTIMIZER_STATE) else ""


def unpaired_slots(reference: Run, port: Run) -> frozenset[str]:
    """What torch's optimizer keeps and the port's does not, by torch's name: another way to the same updates, which
    are compared by themselves."""
    return frozenset(map(slot_of, reference)) - frozenset(map(slot_of, port)) - {""}
