"""What torch's constructors refuse is refused here too: numbers out of their range, by the name of the argument.

Schedules and traced values are not looked at: they are no numbers yet.
"""

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import jax
import numpy as np

Made = TypeVar("Made", bound=Callable[..., Any])


@dataclass(frozen=True)
class Limit:
    """What an argument may be: in words, and as a test of a number or a text."""

    words: str
    allows: Callable[[Any], bool]


def one_of(*texts: str) -> Limit:
    """One of these words."""
    return Limit(f"one of {', '.join(map(repr, texts))}", lambda given: given in texts)


AT_LEAST_0 = Limit("a number from 0 on", lambda given: given >= 0)
BELOW_1 = Limit("a number from 0 to below 1", lambda given: 0 <= given < 1)
SHARE = Limit("a number from 0 to 1", lambda given: 0 <= given <= 1)
COUNT = Limit("a whole number from 1 on", lambda given: given == int(given) and given >= 1)
FREE = Limit("anything", lambda given: True)
LIMITS: Mapping[str, Limit] = {
    **dict.fromkeys(("learning_rate", "weight_decay", "momentum", "eps", "eps1", "eps2", "momentum_decay"), AT_LEAST_0),
    **dict.fromkeys(("lr_decay", "initial_accumulator_value", "alpha"), AT_LEAST_0),
    **dict.fromkeys(("b1", "b2"), BELOW_1),
    **dict.fromkeys(("rho", "factor", "end_factor", "pct_start", "decay"), SHARE),
    "start_factor": Limit("a number above 0 and up to 1", lambda given: 0 < given <= 1),
    "beta2_decay": Limit("a number up to 0", lambda given: given <= 0),
    "d": Limit("a number from 1 on", lambda given: given >= 1),
    "etaminus": Limit("a number between 0 and 1", lambda given: 0 < given < 1),
    "etaplus": Limit("a number above 1", lambda given: given > 1),
    **dict.fromkeys(("t_0", "t_mult", "total_steps", "every"), COUNT),
    "anneal_strategy": one_of("cos", "linear"),
    "mode": one_of("min", "max"),
    "threshold_mode": one_of("rel", "abs"),
}


def checked(together: Callable[[Mapping[str, Any]], str] | None = None, /, **own: Limit) -> Callable[[Made], Made]:
    """A function whose arguments are held against ``LIMITS``, or against limits of its ``own``, before it is called;
    and what is wrong with them ``together``, in words, where something is.

    What it wraps is found by ``inspect.unwrap``: a live optimizer's groups may hold what no constructor takes.

    Raises:
        ValueError: by the function; an argument is out of its range: its name, what was expected, what came.
    """

    def around(function: Made) -> Made:
        signature = inspect.signature(function)
        limits = {name: one for name, one in {**LIMITS, **own}.items() if name in signature.parameters}

        @functools.wraps(function)
        def made(*args: Any, **kwargs: Any) -> Any:
            given = signature.bind(*args, **kwargs)
            given.apply_defaults()
            check(function.__name__, given.arguments, limits)
            if together and (wrong := together(given.arguments)):
                raise ValueError(f"{function.__name__}: {wrong}")
            return function(*args, **kwargs)

        return made  # type: ignore[return-value]  # with the signature of what it wraps

    return around


def check(what: str, given: Mapping[str, Any], limits: Mapping[str, Limit] = LIMITS) -> None:
    """Hold arguments against their limits.

    Raises:
        ValueError: one is out of its range.
    """
    for name, limit in limits.items():
        value = given.get(name)
        if is_known(value) and not limit.allows(value):
            raise ValueError(f"{what}: {name}: expected {limit.words}, got {value!r}")


def is_known(value: object) -> bool:
    """Whether it is a number or a text that can be looked at now: no schedule, no array of several, nothing traced."""
    if isinstance(value, jax.core.Tracer | bool):
        return False
    return isinstance(value, int | float | str | np.number) or (isinstance(value, jax.Array) and value.ndim == 0)
