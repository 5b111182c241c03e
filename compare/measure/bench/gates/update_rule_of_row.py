"""The update rule apart from the gradient: the plain optimizer is fed the row's own gradients, and moves alike."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import torch

from compare.arrays.arrays import Arrays
from compare.measure.bench.gates.observation import Observed, Point
from compare.verdict.precision import Precision

STORED = 2.0  # roundoffs of a parameter,
COMPUTED = 16.0  # and of its update,
TIMES = 8.0  # and so many times more

Optimizer = Callable[..., torch.optim.Optimizer]


def update_rule(
    row: Observed, optimizer: Optimizer, frozen: Sequence[str], eager: Sequence[Arrays], precision: Precision
) -> str:
    """A row of one step a call moves from each point as ``optimizer`` does in float64 with the gradients it says.

    Args:
        optimizer: the reference's, a function of its parameters.
        frozen: parameters that the reference does not train.
        eager: the plain step's gradients at the same points: what both differ by is rounding, and what the rule makes
            of the difference is allowed. As many points are looked at.
    """
    points = _in_a_row(row)[: len(eager)]
    if row.steps_per_call > 1 or not points:
        return ""
    hyper, roundoff = row.entering.hyper, precision.unit_roundoff
    own = _moved(points, [point.gradients for point in points], optimizer, hyper, frozen)
    other = _moved(points, eager, optimizer, hyper, frozen)
    for point, change, alike in zip(points, own, other, strict=True):
        for name, expected in change.items():
            got = point.after[name] - point.parameters[name]
            allowed = TIMES * (
                STORED * roundoff * float(np.linalg.norm(point.after[name]))
                + COMPUTED * roundoff * float(np.linalg.norm(expected))
                + float(np.linalg.norm(expected - alike[name]))
            )
            gap = float(np.linalg.norm(got - expected))
            if not gap <= allowed:
                return (
                    f"update rule: expected {name} to move by {float(np.linalg.norm(expected)):.4e} in step "
                    f"{point.steps + 1}, as the reference's optimizer moves it with the row's own gradient, got "
                    f"{float(np.linalg.norm(got)):.4e}, off by {gap:.1e} where rounding allows {allowed:.1e}"
                )
    return ""


def _in_a_row(row: Observed) -> list[Point]:
    """The points from the start on that follow on one another, which the optimizer's state runs through."""
    points: list[Point] = []
    for point in row.points:
        if not point.gradients or point.steps != len(points):
            break
        points.append(point)
    return points


def _moved(
    points: Sequence[Point], gradients: Sequence[Arrays], optimizer: Optimizer, hyper: Mapping[str, float],
    frozen: Sequence[str],
) -> Iterator[Arrays]:  # fmt: skip
    """How the optimizer changes the parameters at each point in turn, given those gradients."""
    held = {name: torch.nn.Parameter(torch.from_numpy(array.copy())) for name, array in points[0].parameters.items()}
    for name in frozen:
        if name in held:
            held[name].requires_grad_(False)
    rule = optimizer(list(held.values()), **hyper)
    for point, own in zip(points, gradients, strict=True):
        with torch.no_grad():
            for name, parameter in held.items():
                parameter.copy_(torch.from_numpy(point.parameters[name]))
        for name, parameter in held.items():
            parameter.grad = torch.from_numpy(own[name].copy()) if parameter.requires_grad else None
        rule.step()
        yield {name: parameter.detach().numpy() - point.parameters[name] for name, parameter in held.items()}
