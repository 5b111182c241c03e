"""The learning rates of a transformation's groups as one scheduler of torch's."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from compare.errors import UsageError, swallowed
from compare.frameworks.torch_schedulers import PLATEAU, resume_plateau


def torch_scheduler(
    optimizer: Any,
    rates: Sequence[Any],
    count: int,
    memories: Sequence[Mapping[str, float] | None],
    changing: Sequence[Mapping[str, Callable[[Any], Any]]] = (),
) -> Any:
    """The scheduler of an optimizer's groups, from where they stand; None where every rate is a number.

    Args:
        optimizer: of torch's.
        rates: of each group a number, a function of the step, or a schedule that follows a value.
        count: the step at which functions stand.
        memories: what a schedule that follows a value remembers, by field, for each group; None at its start.
        changing: of each group, what else follows a function of the step, by torch's key.

    Raises:
        UsageError: torch has no one scheduler that does it.
    """
    import torch

    if all(isinstance(rate, float) for rate in rates) and not any(changing):
        return None
    if any(hasattr(rate, "update") for rate in rates):
        if any(changing):
            raise UsageError("no twin: a rate that follows a value beside another setting that follows the step")
        return _plateau(optimizer, rates, memories)
    if any(changing):
        return _following(optimizer, rates, count, changing)
    for group, rate in zip(optimizer.param_groups, rates, strict=True):
        group["initial_lr"] = rate if isinstance(rate, float) else 1.0
    return torch.optim.lr_scheduler.LambdaLR(optimizer, [_factor(rate) for rate in rates], last_epoch=count - 1)


def _following(
    optimizer: Any, rates: Sequence[Any], count: int, changing: Sequence[Mapping[str, Callable[[Any], Any]]]
) -> Any:
    from compare.weights.following import Following

    functions = []
    for group, rate, own in zip(optimizer.param_groups, rates, changing, strict=True):
        told = {key: at_steps(one) for key, one in (own if isinstance(rate, float) else {"lr": rate, **own}).items()}
        group["initial_lr"] = group["lr"] = told["lr"](count) if "lr" in told else rate
        functions.append(told)
    return Following(optimizer, functions, count - 1)


def at_steps(schedule: Callable[[Any], Any]) -> Callable[[int], float]:
    """What a function of the step says at a step, in float64 and compiled, as an optimizer runs it: what it divides by
    becomes a reciprocal there, and a staircase may fall a step late. What cannot be compiled is called as it is."""
    import jax

    compiled = jax.jit(schedule)

    def at_step(step: int) -> float:
        with jax.enable_x64(True):
            try:
                return float(compiled(np.int32(step)))
            except jax.errors.JAXTypeError as error:  # it branches on the step
                swallowed(error)
                return float(schedule(step))

    return at_step


def _plateau(optimizer: Any, rates: Sequence[Any], memories: Sequence[Mapping[str, float] | None]) -> Any:
    import torch

    from jaxport.optimizers import reduce_lr_on_plateau

    if strange := [rate for rate in rates if hasattr(rate, "update") and not isinstance(rate, reduce_lr_on_plateau)]:
        raise UsageError(f"no twin of the schedule {type(strange[0]).__name__}: torch has none with such a state")
    if not all(isinstance(rate, reduce_lr_on_plateau) for rate in rates):
        raise UsageError(
            "no twin: torch's ReduceLROnPlateau lowers the rates of all groups, and here some do not follow a value"
        )
    shared = [{**rate._asdict(), "learning_rate": None, "min_lr": None} for rate in rates]
    kept = [{field: memory[field] for field in PLATEAU} if memory else None for memory in memories]
    if any(one != shared[0] for one in shared) or any(one != kept[0] for one in kept):
        raise UsageError(
            "no twin: torch's ReduceLROnPlateau has one patience and one memory for all groups, and here more differs "
            "than the rate and its minimum"
        )
    for group, rate, memory in zip(optimizer.param_groups, rates, memories, strict=True):
        group["lr"] = float((memory or {}).get("learning_rate", rate.learning_rate))
    told = {name: value for name, value in shared[0].items() if name not in ("learning_rate", "min_lr")}
    least = [float(rate.min_lr) for rate in rates]
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, min_lr=least, **told)
    if memory := kept[0]:
        resume_plateau(scheduler, memory, [group["lr"] for group in optimizer.param_groups])
    return scheduler


def _factor(rate: Any) -> Callable[[int], float]:
    if isinstance(rate, float):
        return lambda _: 1.0

    return at_steps(rate)
