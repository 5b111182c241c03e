"""Optimizers of the port, every hyper-parameter spelt out: the two frameworks' defaults differ.

Each function is the optax form that computes what the reference's function of the same name computes, with torch's
defaults. A learning rate may be a schedule (``torchref.optimizers.schedules``).
"""

from torchref.optimizers.adam import adam, adamax, adamw, nadam, radam
from torchref.optimizers.adaptive import adadelta, adafactor, adagrad, rmsprop
from torchref.optimizers.schedules import (
    constant_lr,
    cosine_annealing_lr,
    cosine_annealing_warm_restarts,
    exponential_lr,
    linear_lr,
    multi_step_lr,
    one_cycle_lr,
    polynomial_lr,
    reduce_lr_on_plateau,
    step_lr,
    warmup_then_cosine,
)
from torchref.optimizers.sgd import sgd
from torchref.optimizers.whole_batch import asgd, lbfgs, rprop
from torchref.optimizers.wrapping import accumulate, by_group, clip_grad_norm, clip_grad_value, decayed, ema

__all__ = [
    "accumulate",
    "adadelta",
    "adafactor",
    "adagrad",
    "adam",
    "adamax",
    "adamw",
    "asgd",
    "by_group",
    "clip_grad_norm",
    "clip_grad_value",
    "constant_lr",
    "cosine_annealing_lr",
    "cosine_annealing_warm_restarts",
    "decayed",
    "ema",
    "exponential_lr",
    "lbfgs",
    "linear_lr",
    "multi_step_lr",
    "nadam",
    "one_cycle_lr",
    "polynomial_lr",
    "radam",
    "reduce_lr_on_plateau",
    "rmsprop",
    "rprop",
    "sgd",
    "step_lr",
    "warmup_then_cosine",
]
