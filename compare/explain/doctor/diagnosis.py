"""What the doctor says."""

from dataclasses import dataclass

from compare.explain.calls.change import Change


@dataclass(frozen=True)
class Cause:
    """One setting that the two sides do not share.

    Attributes:
        setting: as a porter knows it: "epsilon", "approximate", "padding", "bias", "gate order", ...
        reference, port: what each side has: "1e-05", "1e-06".
        text: one sentence without the place.
        evidence: "read" (read on both sides), "counterfactual" (the reference with the port's closes the gap), "both".
        before, after: the gap over the reference's size, without and with the change.
        reopens: of one of several that explain the gap together, what is left of it with the others alone.
        change: what was tried; None where nothing could be.
        certain: whether the change is proven to close the gap. doubt: why not, where there is more to say than by how
            much it does.
    """

    setting: str
    reference: str
    port: str
    text: str
    evidence: str
    before: float
    after: float
    change: Change | None
    certain: bool
    doubt: str = ""
    reopens: float | None = None


@dataclass(frozen=True)
class Diagnosis:
    """Why a segment differs.

    Attributes:
        causes: the certain ones first.
        settings: what was read on both sides and differs, in words, whether or not it explains the gap.
        excluded: what was tried and does not close the gap alone, in short words; with a second fault beside it one of
            them may be true all the same.
        observed: what the arrays say by themselves.
    """

    causes: tuple[Cause, ...] = ()
    settings: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    observed: tuple[str, ...] = ()
