"""The quantities of a pair as rows: flat, of plain values, for a table or a data frame."""

from dataclasses import dataclass

from compare.report.contract import Entry, PairForm, QuantityForm


@dataclass(frozen=True)
class QuantityRow:
    """One quantity on one probe. ``pandas.DataFrame(rows)`` has a column for each field.

    Attributes:
        name, kind, probe, verdict: words, as in the report.
        gap: how far the two float64 runs are apart; allowed: up to where rounding explains it. Both absolute, as are
            ``scale``, the size of the quantity, and the errors of either side's run at working precision.
        relative: the gap over the scale; nan where the quantity is zero.
        bits_reference, bits_port: leading bits that each side gets right.
        detection_limit: the smallest relative difference that would have been seen.
        kink: the difference sits on a kink, and counts as none.
        reason: why, where the numbers do not say it.
        worst_index: of the entry that is furthest apart; None where there is none, and then both of its values are nan.
            Of a complex quantity they are complex numbers.
    """

    name: str
    kind: str
    probe: str
    verdict: str
    gap: float
    allowed: float
    relative: float
    error_reference: float
    error_port: float
    scale: float
    bits_reference: float
    bits_port: float
    detection_limit: float
    kink: bool
    reason: str
    worst_index: tuple[int, ...] | None
    worst_reference: complex
    worst_port: complex


def quantity_rows(pair: PairForm) -> list[QuantityRow]:
    """Every quantity on every probe; numbers that are not finite are floats here, not words."""
    return [_row(quantity) for quantity in pair["quantities"]]


def _row(quantity: QuantityForm) -> QuantityRow:
    gap, scale, worst = float(quantity["gap"]), float(quantity["scale"]), quantity["worst"]
    return QuantityRow(
        name=quantity["name"],
        kind=quantity["kind"],
        probe=quantity["probe"],
        verdict=quantity["verdict"],
        gap=gap,
        allowed=float(quantity["allowed"]),
        relative=gap / scale if scale else float("nan"),
        error_reference=float(quantity["error_reference"]),
        error_port=float(quantity["error_port"]),
        scale=scale,
        bits_reference=float(quantity["bits_reference"]),
        bits_port=float(quantity["bits_port"]),
        detection_limit=float(quantity["detection_limit"]),
        kink=quantity["kink"],
        reason=quantity["reason"],
        worst_index=tuple(worst["index"]) if worst else None,
        worst_reference=_entry(worst["reference"]) if worst else float("nan"),
        worst_port=_entry(worst["port"]) if worst else float("nan"),
    )


def _entry(held: Entry) -> complex:
    """An entry as JSON holds it: a number, or the parts of a complex one."""
    return complex(*map(float, held)) if isinstance(held, list | tuple) else float(held)
