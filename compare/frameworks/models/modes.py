"""Training and evaluation: by which argument a model is told, if by any. Knows neither framework."""

import inspect
from collections.abc import Callable, Mapping

Mode = bool | None  # True: training, False: evaluation, None: the model as it is

TRAINS = ("train", "training", "is_training")  # arguments that are true while training
EVALUATES = ("deterministic", "use_running_average", "eval", "inference")  # arguments that are false while training


def mode_arguments(function: Callable[..., object], mode: Mode, given: Mapping[str, object]) -> dict[str, bool]:
    """The keyword arguments by which ``function`` is told the mode: those that its signature names."""
    if mode is None:
        return {}
    names = argument_names(function)
    flags = {name: mode for name in TRAINS if name in names} | {name: not mode for name in EVALUATES if name in names}
    return {name: value for name, value in flags.items() if name not in given}


def takes_mode(function: Callable[..., object]) -> bool:
    """Whether the signature of ``function`` has an argument that tells the mode."""
    return bool(set(argument_names(function)) & {*TRAINS, *EVALUATES})


def argument_names(function: Callable[..., object]) -> tuple[str, ...]:
    """The names in a signature, those that only a keyword fills last; none where it cannot be read."""
    try:
        return tuple(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return ()
