"""A live torch scheduler, run: ahead on a copy, which leaves it where it is, or on to where a port stands."""

import copy
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from compare.errors import UsageError, swallowed
from compare.frameworks.torch_schedulers import Shadow, count_of

if TYPE_CHECKING:
    import torch


def parts_of(scheduler: Any) -> list[Any]:
    """The schedulers that are stepped in turn: of one, itself."""
    return list(scheduler) if isinstance(scheduler, list | tuple) else [scheduler]


def advance(scheduler: Any, count: int) -> None:
    """Step a live scheduler (or several in turn) to its step ``count``, as a training loop would have.

    Raises:
        UsageError: it is past that step; schedulers only go on.
    """
    parts = parts_of(scheduler)
    steps = count - count_of(parts[0])
    if steps < 0:
        raise UsageError(
            f"scheduler: {type(parts[0]).__name__} stands at step {count_of(parts[0])} and cannot go back to {count}: "
            f"load the state_dict() it had there first"
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(steps):
            for one in parts:
                one.step()


def check_reach(scheduler: Any, optimizer: "torch.optim.Optimizer", count: int) -> None:
    """Whether a live scheduler can be advanced to its step ``count``: tried on a copy, so that nothing is half done.

    Raises:
        UsageError: it cannot, as where it has an end before that.
    """
    parts = parts_of(scheduler)
    try:
        advance(_moving(parts, optimizer)[1], count)
    except UsageError:
        raise
    except Exception as error:
        swallowed(error)
        name = type(parts[0]).__name__
        raise UsageError(
            f"scheduler: {name} cannot be stepped on to {count}, where the port stands: {error}"
        ) from error


def ahead(parts: Sequence[Any], optimizer: Any, steps: int) -> list[list[dict[str, float]]]:
    """The numbers in each group, for each step from the next on; as many as the scheduler makes."""
    shadow, moving = _moving(parts, optimizer)
    rows = [[_numbers(group) for group in shadow.param_groups]]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            while len(rows) < steps:
                for one in moving:
                    one.step()
                rows.append([_numbers(group) for group in shadow.param_groups])
        except Exception as error:  # a schedule that has an end raises past it
            swallowed(error)
            if len(rows) == 1:
                name = type(parts[0]).__name__
                raise UsageError(f"no twin of {name}: a copy of it raises in its next step: {error}") from error
    return rows


def _moving(parts: Sequence[Any], optimizer: Any) -> tuple[Shadow, list[Any]]:
    """Copies of schedulers, and the shadow of their optimizer that they move."""
    bare = [{key: value for key, value in group.items() if key != "params"} for group in optimizer.param_groups]
    shadow = Shadow(copy.deepcopy(bare), dict(optimizer.defaults))
    try:
        return shadow, [copy.deepcopy(one, {id(optimizer): shadow}) for one in parts]
    except Exception as error:
        swallowed(error)
        raise UsageError(
            f"no twin of {type(parts[0]).__name__}: it cannot be copied to be run ahead: {error}"
        ) from error


def _numbers(group: Mapping[str, Any]) -> dict[str, float]:
    made: dict[str, float] = {}
    for name, value in group.items():
        if isinstance(value, tuple):
            made |= {f"{name}[{place}]": float(one) for place, one in enumerate(value) if one is not None}
        elif isinstance(value, int | float) or hasattr(value, "item"):
            made[name] = float(value)
    return made
