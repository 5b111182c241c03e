"""What an optimizer does to one parameter, as plain settings: torch's and optax's in the same words."""

from dataclasses import dataclass
from math import inf

GRADIENT, DECOUPLED = "inside the gradient (L2)", "decoupled from the gradient"
AFTER = "added after the learning rate, unscaled"
OFF, RAW, CORRECTED = "off", "the maximum of the raw second moment", "the maximum of the corrected second moment"
PLAIN, UNBIASED = "an average of gradients", "an average of gradients, bias corrected"
SGD, ADAM, RMSPROP, ADAGRAD = "SGD", "Adam", "RMSprop", "Adagrad"
OWN = "the reference's own"  # a class that has no rule: its steps are taken as they come


@dataclass(frozen=True)
class Rule:
    """One parameter's update. Settings that its family does not have are ignored.

    Attributes:
        family: ``SGD``, ``ADAM``, ``RMSPROP``, ``ADAGRAD``, or ``OWN``.
        rates: the learning rate by step, the last one for all later steps; of ``OWN``, a factor of its steps.
        gradient_scale: the gradient is multiplied by it before anything else; -1 where torch maximizes.
        clip_norm, clip_epsilon: the gradient over max(1, (global norm + epsilon) / norm); clip_value: its entries.
        coupling: where the decay enters: ``GRADIENT``, ``DECOUPLED`` (times the rate), ``AFTER`` (plus decay times p).
        average: ``OFF``, or ``PLAIN`` or ``UNBIASED`` where the momentum is an average of gradients from zero on: the
            first one is dampened too.
        rate_inside: the momentum buffer holds steps, not gradients: a rate stays on what entered with it.
        epsilon, epsilon_root: added to the root, added inside it; epsilon_hat: to that of the uncorrected moment.
        amsgrad: ``OFF``, ``RAW`` (torch's) or ``CORRECTED`` (optax's).
        initial: with which a sum or average of squares starts. rate_decay: Adagrad's ``lr_decay``.
        every, averaged: one update in so many steps, with the mean of their gradients or their sum.
        stale: gradients are never zeroed. skips_unused: a parameter without a gradient is left alone.
    """

    family: str = SGD
    rates: tuple[float, ...] = (1.0,)
    gradient_scale: float = 1.0
    clip_norm: float = inf
    clip_epsilon: float = 0.0
    clip_value: float = inf
    weight_decay: float = 0.0
    coupling: str = GRADIENT
    momentum: float = 0.0
    dampening: float = 0.0
    average: str = OFF
    rate_inside: bool = False
    nesterov: bool = False
    beta1: float = 0.9
    beta2: float = 0.999
    decay: float = 0.99
    epsilon: float = 1e-8
    epsilon_root: float = 0.0
    epsilon_hat: bool = False
    bias_correction: bool = False
    amsgrad: str = OFF
    centered: bool = False
    initial: float = 0.0
    rate_decay: float = 0.0
    every: int = 1
    averaged: bool = True
    stale: bool = False
    skips_unused: bool = True

    def rate(self, step: int) -> float:
        """The learning rate of a step, counted from 1."""
        return self.rates[min(step, len(self.rates)) - 1]


Rules = tuple[Rule, ...]  # one for each parameter
