"""The gradient of a row is as exact as eager's: precision shows there, and not in the parameters after a step."""

from collections.abc import Sequence
from dataclasses import replace
from math import inf

import numpy as np

from compare.arrays.arrays import Arrays
from compare.measure.bench.gates.observation import Observed, Point, Rebuild
from compare.verdict.precision import FLOAT64, Precision

TIMES = 4.0  # eager's error, in the median of the draws: honest rows have 0.92 to 1.05 times
ALONE = 16.0  # the same of one parameter, whose few entries may be lucky,
LARGE = 2.0**8  # where it is above so many roundoffs

Draw = tuple[Arrays, Arrays, Arrays]  # the gradient: of the row, of eager, in float64


def draws(row: Observed, plain: Rebuild, precision: Precision) -> list[Draw]:
    """At every point that the row was looked at: its gradient, and those of the plain step put at the same place. What
    the plain step does not train is left out: frozen, or held in another parameter as the sum of both."""
    made: list[Draw] = []
    for point in row.points:
        if point.gradients and (not row.masked or point.steps % len(row.entering.batches) == 0):
            exact = {name: array for name, array in at(row, point, plain, FLOAT64).items() if array.any()}
            eager = at(row, point, plain, precision)
            made.append(({name: point.gradients[name] for name in exact}, {name: eager[name] for name in exact}, exact))
    return made


def at(row: Observed, point: Point, plain: Rebuild, precision: Precision) -> Arrays:
    """The plain step's gradient from the row's parameters, on the row's next batch."""
    batch = row.entering.batches[point.steps % len(row.entering.batches)]
    entering = replace(row.entering, weights=dict(point.parameters), batches=(batch,))
    return plain(entering, precision).gradients()


def median_error(drawn: Sequence[Draw]) -> float | None:
    """Of the row's gradient against float64, relative to its size; None where no draw could be looked at."""
    return float(np.median([_error(own, exact) for own, _, exact in drawn])) if drawn else None


def gradient_error(drawn: Sequence[Draw], precision: Precision) -> str:
    """The median error against float64 is at most ``TIMES`` eager's; nor does one parameter stand out."""
    if not drawn:
        return ""
    for own, _, _ in drawn:
        if sentence := _usable(own, precision):
            return sentence
    errors = [(_error(own, exact), _error(eager, exact)) for own, eager, exact in drawn]
    ratio = float(np.median([_ratio(*pair) for pair in errors]))
    if ratio > TIMES:
        mine, eager = (float(np.median(column)) for column in zip(*errors, strict=True))
        return _sentence("the gradient's error", mine, eager, len(drawn))
    for name in drawn[0][2]:
        errors = [
            (_error({name: own[name]}, {name: exact[name]}), _error({name: eager[name]}, {name: exact[name]}))
            for own, eager, exact in drawn
        ]
        mine, eager = (float(np.median(column)) for column in zip(*errors, strict=True))
        if float(np.median([_ratio(*pair) for pair in errors])) > ALONE and mine > LARGE * precision.unit_roundoff:
            return _sentence(f"the error of the gradient by {name}", mine, eager, len(drawn))
    return ""


def _usable(own: Arrays, precision: Precision) -> str:
    """A gradient that says something: finite, not zero, and above the subnormal numbers."""
    entries = np.concatenate([np.abs(array).ravel() for array in own.values()] or [np.zeros(1)])
    if not np.isfinite(entries).all():
        return f"gradient: expected finite numbers, got {np.count_nonzero(~np.isfinite(entries)):,} that are not"
    if not entries.any():
        return "gradient: expected one that moves the parameters, got zero in every entry: nothing is trained"
    tiny = np.count_nonzero((entries > 0) & (entries < precision.smallest_normal))
    if tiny > 0.01 * entries.size:
        return (
            f"gradient: expected normal numbers, got {tiny:,} of {entries.size:,} subnormal: processors are slow on "
            "them, and the sides do not treat them alike"
        )
    return ""


def _error(own: Arrays, exact: Arrays) -> float:
    """|own - exact| / |exact| over all parameters together."""
    gap = sum(float(np.sum(np.square(own[name] - exact[name]))) for name in exact)
    size = sum(float(np.sum(np.square(array))) for array in exact.values())
    return float(np.sqrt(gap / size)) if size else (inf if gap else 0.0)


def _ratio(mine: float, eager: float) -> float:
    return mine / eager if eager else (inf if mine else 1.0)


def _sentence(what: str, mine: float, eager: float, count: int) -> str:
    return (
        f"precision: expected {what} against float64 within {TIMES:g} times eager's {eager:.1e}, got {mine:.1e} "
        f"({_ratio(mine, eager):,.1f} times, median of {count} draws)"
    )
