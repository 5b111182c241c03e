"""What a live torch scheduler will do, as schedules of optax: read where its class has a twin, else tabulated.

A scheduler is run ahead on a shadow of its optimizer, which has the parameter groups without parameters. That run
decides: a schedule that was read must say what it says, and what varies in it otherwise becomes a table.
"""

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from compare.errors import UsageError, shown, swallowed
from compare.frameworks.torch_schedulers import count_of, inner_of, milestones_of, one_cycle_settings
from compare.weights.live_scheduler import ahead, parts_of
from compare.weights.twin_recipes import CALLED

if TYPE_CHECKING:
    import torch

TABLE = 20_000  # steps that a table holds, and over which a schedule that was read must be the scheduler's
ALIKE = 1e-12  # of the largest value, and as much again every 500 steps: torch multiplies from step to step, and
GROWS = 1 / 500  # rounds each time (measured: a cosine is 2e-11 off after 20,000)
Schedule = Callable[[Any], Any]


@dataclass(frozen=True)
class Scheduled:
    """What changes from step to step.

    Attributes:
        groups: for each parameter group, its changing settings by torch's key, each a schedule of the step.
        count: the step at which the scheduler stands.
        plateau: whether its groups' learning rates follow a value.
        notes: what a user should know of it.
    """

    groups: Sequence[Mapping[str, Any]]
    count: int = 0
    plateau: bool = False
    notes: tuple[str, ...] = ()


def schedules_of(optimizer: "torch.optim.Optimizer", scheduler: Any, every: int, since: int | None = None) -> Scheduled:
    """The schedules of all groups.

    Args:
        scheduler: one of torch's, or several that are stepped in turn; None for none.
        every: how many optimizer steps are made between two of the scheduler's.
        since: how many were made since its last; without it what the optimizer's own count says.

    Raises:
        UsageError: it is no scheduler, or another optimizer's.
    """
    if scheduler is None:
        return Scheduled([{} for _ in optimizer.param_groups])
    parts = parts_of(scheduler)
    if not parts:
        raise UsageError(
            "scheduler: expected one of torch.optim.lr_scheduler or several, got none in a list: give None"
        )
    for one in parts:
        if not hasattr(one, "step") or not hasattr(one, "optimizer"):
            raise UsageError(f"scheduler: expected one of torch.optim.lr_scheduler, got {shown(one)}")
        if one.optimizer is not optimizer:
            raise UsageError(f"scheduler: {type(one).__name__} belongs to another optimizer than the one given")
    if any(_kind(one) == "ReduceLROnPlateau" for one in parts):
        return _plateau(parts, optimizer)
    rows = ahead(parts, optimizer, TABLE)
    start = count_of(parts[0])
    groups, notes = [], list[str]()
    if since is None:
        since, unknown = _since(optimizer, every)
        notes += unknown
    for place in range(len(optimizer.param_groups)):
        made: dict[str, Any] = {}
        varying = [key for key in rows[0][place] if len({row[place][key] for row in rows}) > 1]
        for key in dict.fromkeys(["lr", *varying]):
            values = np.array([row[place][key] for row in rows])
            if key == "momentum" and key in varying and not values.all():
                raise UsageError(
                    f"no twin of the scheduler: at its step {start + int(np.argmin(values != 0)):,} the momentum is 0, "
                    f"where torch leaves its buffer as it is, and goes on with it when it is not 0 any more"
                )
            schedule = _read(parts, place, key, values, start)
            if schedule is None:
                schedule = _table(values, start)
                end = start + len(values)
                notes.append(f"{key} of group {place} is a table of the scheduler's own steps up to {end:,}, then NaN")
            elif len(rows) < TABLE:
                end = start + len(values)
                schedule = _until(schedule, end)
                notes.append(f"{key} of group {place} is NaN from the scheduler's step {end:,} on, where it raises")
            made[key] = _every(schedule, every)
        groups.append(made)
    return Scheduled(groups, start * every + since, notes=tuple(notes))


def _since(optimizer: "torch.optim.Optimizer", every: int) -> tuple[int, list[str]]:
    """How many steps the optimizer has made since one that ``every`` divides, by its own count; and what is to be known
    where it keeps none."""
    import torch

    if every > 1 and isinstance(optimizer, torch.optim.SGD | torch.optim.LBFGS):
        note = "keeps no count of its steps: taken to stand right after one of the scheduler's; else give since="
        return 0, [f"{type(optimizer).__name__} {note}"]
    return max((int(kept["step"]) for kept in optimizer.state.values() if "step" in kept), default=0) % every, []


def _read(parts: Sequence[Any], place: int, key: str, values: np.ndarray, start: int) -> Schedule | None:
    """The schedule of one setting of one group by the scheduler's class, where it says what the scheduler does; times a
    constant where the rate was changed by hand."""
    import jax

    try:
        with jax.enable_x64(True):
            read = [_schedule(one, place, key) for one in parts]
            whole = read[0] if len(read) == 1 else _product(read, _base(parts[0], place))
            said = np.asarray(jax.jit(jax.vmap(whole))(start + np.arange(len(values))), float)  # as it will be run
            near = ALIKE * np.abs(values).max() * (1 + GROWS * np.arange(len(values)))
            for factor in (1.0, values[0] / said[0] if said[0] else 1.0):
                if (np.abs(factor * said - values) <= near).all():
                    return whole if factor == 1 else _times(whole, float(factor))
    except Exception as error:  # nothing that is read
        swallowed(error)
    return None


def _schedule(scheduler: Any, place: int, key: str) -> Schedule:
    """What the class and the attributes of a scheduler say.

    Raises:
        Exception: nothing that is known.
    """
    import optax

    from jaxport.optimizers import schedules
    from jaxport.optimizers.parts import steps_of

    kind, group = _kind(scheduler), scheduler.optimizer.param_groups[place]
    if kind == "OneCycleLR":
        return _one_cycle(scheduler, group)[0 if key == "lr" else 1]
    if key != "lr":
        raise LookupError(key)
    if kind in ("SequentialLR", "ChainedScheduler"):
        inner = [_schedule(one, place, key) for one in inner_of(scheduler)]
        if kind == "SequentialLR":
            return optax.join_schedules(inner, milestones_of(scheduler))
        return _product(inner, _base(inner_of(scheduler)[0], place))
    base = _base(scheduler, place)
    if kind == "LambdaLR":
        function = scheduler.lr_lambdas[place]
        return lambda count: base * function(steps_of(count))  # an integer of JAX's would overflow
    function = inspect.unwrap(getattr(schedules, schedule_name(kind)))
    told = {name.lower(): value for name, value in vars(scheduler).items()}
    if kind == "MultiStepLR":
        told["milestones"] = tuple(scheduler.milestones.elements())
    names = list(inspect.signature(function).parameters)[1:]
    return function(base, **{name: told[name] for name in names})


def _one_cycle(scheduler: Any, group: Mapping[str, Any]) -> tuple[Schedule, Schedule]:
    from jaxport.optimizers import one_cycle_lr

    momenta = {key: group[key] for key in ("base_momentum", "max_momentum") if key in group}
    return inspect.unwrap(one_cycle_lr)(
        float(group["max_lr"]),
        scheduler.total_steps,
        div_factor=float(group["max_lr"] / group["initial_lr"]),
        final_div_factor=float(group["initial_lr"] / group["min_lr"]),
        **one_cycle_settings(scheduler),
        **momenta,
    )


def _product(schedules: Sequence[Schedule], base: float) -> Schedule:
    """Of schedules that each multiply the same base."""

    def schedule(count: Any) -> Any:
        rate = base
        for one in schedules:
            rate = rate * one(count) / base
        return rate

    return schedule


def _times(schedule: Schedule, factor: float) -> Schedule:
    return lambda count: factor * schedule(count)


def _table(values: np.ndarray, start: int) -> Schedule:
    """``values`` from the step ``start`` on; not a number past their end, rather than something else."""
    import jax.numpy as jnp

    def schedule(count: Any) -> Any:
        return jnp.take(jnp.asarray(values), count - start, mode="fill", fill_value=jnp.nan)

    return schedule


def _until(schedule: Schedule, end: int) -> Schedule:
    """Not a number from the step ``end`` on."""
    import jax.numpy as jnp

    return lambda count: jnp.where(count < end, schedule(count), jnp.nan)


def _every(schedule: Schedule, every: int) -> Schedule:
    return schedule if every == 1 else lambda count: schedule(count // every)


def _plateau(parts: Sequence[Any], optimizer: Any) -> Scheduled:
    from jaxport.optimizers import reduce_lr_on_plateau

    if len(parts) > 1:
        raise UsageError("scheduler: ReduceLROnPlateau beside another one has no twin: its rate is both functions'")
    (scheduler,) = parts
    names = [name for name in reduce_lr_on_plateau._fields if name not in ("learning_rate", "min_lr")]
    told = {name: getattr(scheduler, name) for name in names}
    groups = [
        {"lr": reduce_lr_on_plateau(float(group["lr"]), min_lr=float(least), **told)}
        for group, least in zip(optimizer.param_groups, scheduler.min_lrs, strict=True)
    ]
    note = "the learning rate follows a value: update(grads, state, params, value=loss); None where it is not looked at"
    return Scheduled(groups, plateau=True, notes=(note,))


def _base(scheduler: Any, place: int) -> float:
    return float(scheduler.base_lrs[place])


def _kind(scheduler: Any) -> str:
    """The class of torch's that a scheduler is, or is made from."""
    import torch

    known = vars(torch.optim.lr_scheduler)
    return next((kind.__name__ for kind in type(scheduler).__mro__ if known.get(kind.__name__) is kind), "")


def schedule_name(kind: str) -> str:
    """What ``jaxport.optimizers.schedules`` would call the twin of a class of torch's: "StepLR" is ``step_lr``."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", kind).lower()


def argument_of(key: str) -> str:
    """What a recipe calls the setting that torch has under ``key``."""
    return next((name for name, called in CALLED.items() if called == key), key)
