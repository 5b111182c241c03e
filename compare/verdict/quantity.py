"""One row of a report: a quantity, where it was taken, and what the judge said of it."""

from dataclasses import dataclass

from compare.verdict.verdict import Judgement, Verdict

RULE_KIND = "rule"  # of what is judged of the update rule apart from the model
KINDS = ("output", "loss", "gradient", "statistics", "by_hand", "update", "trajectory", "optimizer", RULE_KIND)
EVAL = "eval/"  # before the name of a quantity taken in evaluation mode, where the pair has two modes


def kind_of_quantity(name: str) -> str:
    """The kind of a quantity, from the first part of its name."""
    head, *rest = name.removeprefix(EVAL).split("/")
    if head == "after":
        head = rest[0]
    if head.startswith("step"):
        return "trajectory"
    return {"grad": "gradient", "state": "statistics"}.get(head, head)


@dataclass(frozen=True)
class Quantity:
    """``name`` is unique within a probe. On a ``kink`` both one-sided gradients are right: the verdict is match."""

    name: str
    kind: str
    probe: str
    judgement: Judgement
    kink: bool = False

    @property
    def verdict(self) -> Verdict:
        return Verdict.MATCH if self.kink else self.judgement.verdict
