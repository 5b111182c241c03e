"""What one optimizer is in both libraries' words: the form of a row of ``compare.weights.twins``."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

FLAG, LINEAR, POSITIVE, BELOW_ONE = "flag", "linear", "positive", "below one"
Values = Mapping[str, float]  # settings by name; a flag is 0 or 1
# (settings, what is kept by torch's slot, gradient, number of the step from 1, rate inside) -> the way downhill
Direction = Callable[[Values, dict[str, Any], "Tensor", int, float], "Tensor"]


@dataclass(frozen=True)
class OptimizerSetting:
    """One setting of an optimizer.

    Attributes:
        name: by which its direction asks for it.
        torch: its key in a parameter group ("betas[0]": the first of a tuple there); empty where torch has none.
        optax: its names among the parameters of optax's functions.
        label: as a person knows it; settings that share one are said together.
        kind: ``FLAG``, or where the number lives: ``LINEAR``, ``POSITIVE``, or ``BELOW_ONE`` (from 0 to 1).
        starts: where a fit of the number begins; the first one is its usual value.
        default: its value where a library has no such setting.
        of: the setting without which this one has no effect.
    """

    name: str
    torch: str = ""
    optax: tuple[str, ...] = ()
    label: str = ""
    kind: str = FLAG
    starts: tuple[float, ...] = (1.0,)
    default: float = 0.0
    of: str = ""


@dataclass(frozen=True)
class Twin:
    """One optimizer.

    Attributes:
        name: torch's.
        torch: the classes of ``torch.optim``.
        optax: the factories of optax, and the transformations at their core, each with the settings it fixes.
        decoupled: those of either library that keep the weight decay out of the gradient.
        needs: parameters of optax's functions that no setting stands for, and the value that is meant.
        slots: torch's name of each running value in the state, and the names of optax's fields that hold the same.
        settings: its own, beside those that all have (learning rate, weight decay, clipping, ...).
        direction: one step downhill without the learning rate.
    """

    name: str
    torch: tuple[str, ...]
    optax: Mapping[str, Values]
    slots: Mapping[str, tuple[str, ...]]
    settings: tuple[OptimizerSetting, ...]
    direction: Direction
    decoupled: tuple[str, ...] = ()
    needs: Mapping[str, bool] = field(default_factory=dict)

    def of_torch(self, given: Values) -> dict[str, float]:
        """Every setting, as numbers by torch's keys say (``flat``)."""
        return {one.name: given.get(one.torch, one.default) for one in self.settings}

    def of_optax(self, function: str, given: Values) -> dict[str, float]:
        """Every setting, as the arguments of one of optax's functions say."""
        made = {one.name: one.default for one in self.settings}
        made |= {one.name: given[name] for one in self.settings for name in one.optax if name in given}
        if given.get("eps_in_sqrt"):
            made["epsilon"], made["epsilon_root"] = 0.0, made["epsilon"]
        return made | dict(self.optax[function])


def flat(given: Mapping[str, object]) -> dict[str, float]:
    """The numbers and flags of a mapping, and those in its tuples as ``key[place]``; None is 0, all else left out."""
    made: dict[str, float] = {}
    for key, value in given.items():
        if isinstance(value, tuple):
            made |= flat({f"{key}[{place}]": one for place, one in enumerate(value)})
        elif value is None or isinstance(value, bool | int | float) or getattr(value, "ndim", None) == 0:
            made[key] = float(value or 0)  # type: ignore[arg-type]  # of an array without axes
    return made


def defaults(function: Callable[..., object]) -> dict[str, float]:
    """The numbers and flags that a function takes where it is not told otherwise, by its signature."""
    parameters = inspect.signature(function).parameters.values()
    return flat({one.name: one.default for one in parameters if one.default is not inspect.Parameter.empty})
