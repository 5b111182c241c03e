"""The numbers of rules that can be estimated from the updates, and how they are set."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from compare.explain.doctor.updates.fits import BELOW_ONE, LINEAR, POSITIVE, Range
from compare.explain.doctor.updates.rules import ADAGRAD, ADAM, AFTER, DECOUPLED, GRADIENT, RMSPROP, SGD, Rules
from compare.explain.doctor.updates.usual_mistakes import decaying, every_one, on_matrices, scaled


@dataclass(frozen=True)
class Unknown:
    """A number to be estimated: ``put`` sets it in rules, ``starts`` is where to begin."""

    label: str
    put: Callable[[Rules, float], Rules]
    starts: tuple[float, ...]
    where: Range


def unknowns(rules: Rules, ranks: Sequence[int], smallest_norm: float) -> Iterator[Unknown]:
    """The numbers that can be estimated from the updates, likeliest first."""
    yield Unknown("learning rate", scaled, (1.0,), Range(LINEAR))
    decay = Range(LINEAR, 1e-2)
    yield Unknown(f"weight_decay {AFTER}", _Put(decaying, coupling=AFTER), (1e-3,), Range(POSITIVE))
    for coupling in dict.fromkeys([rules[0].coupling, GRADIENT, DECOUPLED]):
        yield Unknown(f"weight_decay {coupling}", _Put(decaying, coupling=coupling), (1e-3,), decay)
        said = f"weight_decay {coupling}, on matrices only"
        yield Unknown(said, _Put(on_matrices, ranks, coupling=coupling), (1e-3,), decay)
    for name, starts, kind in NUMBERS.get(rules[0].family, ()):
        yield Unknown(LABELS.get(name, name), _Put(name), starts, Range(kind))
    if smallest_norm > 0:
        yield Unknown(
            "clipping by global norm", _Put("clip_norm", clip_epsilon=0.0), (smallest_norm / 2,), Range(POSITIVE)
        )
        yield Unknown("clipping by value", _Put("clip_value"), (smallest_norm / 20,), Range(POSITIVE))


class _Put:
    """Sets a number in rules: by a function of them, or by the name of a field; ``also`` says what goes with it."""

    def __init__(self, how: Callable[..., Rules] | str, *given: Any, **also: Any) -> None:
        self.how, self.given, self.also = how, given, also

    def __call__(self, rules: Rules, value: float) -> Rules:
        start = every_one(rules, **self.also)
        return (
            every_one(start, **{self.how: value}) if isinstance(self.how, str) else self.how(start, *self.given, value)
        )


LABELS = {"epsilon_root": "epsilon inside the root", "initial": "initial accumulator", "rate_decay": "lr_decay"}
NUMBERS: dict[str, Sequence[tuple[str, tuple[float, ...], str]]] = {
    SGD: (("momentum", (0.9, 0.5), LINEAR), ("dampening", (0.1,), LINEAR)),
    ADAM: (
        ("beta2", (0.99,), BELOW_ONE),
        ("beta1", (0.9,), BELOW_ONE),
        ("epsilon", (1e-8, 1e-5), POSITIVE),
        ("epsilon_root", (1e-8,), POSITIVE),
    ),
    RMSPROP: (
        ("decay", (0.95,), BELOW_ONE),
        ("epsilon", (1e-8, 1e-5), POSITIVE),
        ("epsilon_root", (1e-8,), POSITIVE),
        ("momentum", (0.9, 0.5), LINEAR),
        ("initial", (0.1,), POSITIVE),
    ),
    ADAGRAD: (("initial", (0.1,), POSITIVE), ("epsilon", (1e-8, 1e-5), POSITIVE), ("epsilon_root", (1e-8,), POSITIVE)),
}
