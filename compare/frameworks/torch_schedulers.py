"""What torch's schedulers tell of themselves through no promised interface, and what they ask of an optimizer.

None of it is documented, so it is read in this one file; where a version of torch lacks it, whoever asks does without.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

PLATEAU = ("best", "num_bad_epochs", "cooldown_counter", "last_epoch")  # what ReduceLROnPlateau remembers


@dataclass
class Shadow:
    """An optimizer to a scheduler's eyes: parameter groups without parameters, and a step that does nothing."""

    param_groups: list[dict[str, Any]]
    defaults: dict[str, Any]
    _opt_called: bool = True
    state: dict[str, Any] = field(default_factory=dict)

    def step(self) -> None:
        """Does nothing; schedulers look whether it is there."""


Shadow.step._wrapped_by_lr_sched = True  # type: ignore[attr-defined]  # the mark that torch leaves on a step


def inner_of(scheduler: Any) -> Sequence[Any]:
    """The schedulers that a ``SequentialLR`` or a ``ChainedScheduler`` is made of."""
    return scheduler._schedulers


def milestones_of(scheduler: Any) -> Sequence[int]:
    """The steps at which a ``SequentialLR`` goes to its next scheduler."""
    return scheduler._milestones


def count_of(scheduler: Any) -> int:
    """The step at which a scheduler stands; a chain stands where its first does."""
    while not hasattr(scheduler, "last_epoch"):
        scheduler = inner_of(scheduler)[0]
    return int(scheduler.last_epoch)


def resume_plateau(scheduler: Any, memory: Mapping[str, float], rates: Sequence[float]) -> None:
    """Let a ``ReduceLROnPlateau`` stand where ``memory`` says, its groups at these rates."""
    for name in PLATEAU:
        setattr(scheduler, name, memory[name] if name == "best" else int(memory[name]))
    scheduler._last_lr = [float(rate) for rate in rates]


def one_cycle_settings(scheduler: Any) -> Mapping[str, Any]:
    """What a ``OneCycleLR`` was told of its phases, by its own arguments' names."""
    phases = scheduler._schedule_phases
    return {
        "pct_start": (phases[0]["end_step"] + 1) / scheduler.total_steps,
        "anneal_strategy": scheduler._anneal_func_type,
        "three_phase": len(phases) == 3,
    }
