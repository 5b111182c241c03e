"""Arguments out of their range: one line by name, as early as torch's constructors say it."""

import jax
import jax.numpy as jnp
import optax
import pytest

import jaxport.optimizers as ours
from jaxport.optimizers.checks import LIMITS

EVERY = ("adam", "adamw", "adamax", "nadam", "radam")
BAD = [
    *((name, {"learning_rate": -0.1}, "a number from 0 on") for name in (*EVERY, "sgd", "rmsprop", "asgd", "lbfgs")),
    *((name, {"b1": 1.0}, "from 0 to below 1") for name in EVERY),
    *((name, {"b2": -0.1}, "from 0 to below 1") for name in EVERY),
    *((name, {"eps": -1e-8}, "from 0 on") for name in (*EVERY, "rmsprop", "adagrad", "adadelta")),
    *((name, {"weight_decay": -1.0}, "from 0 on") for name in (*EVERY, "sgd", "adagrad", "adafactor", "asgd")),
    ("sgd", {"momentum": -0.1}, "from 0 on"),
    ("sgd", {"momentum": 0.0, "nesterov": True}, "nesterov: expected a momentum above 0 and no dampening, got 0.0 and"),
    ("sgd", {"dampening": 0.1, "nesterov": True}, "no dampening, got 0.9 and 0.1"),
    ("nadam", {"momentum_decay": -1.0}, "from 0 on"),
    ("rmsprop", {"alpha": -0.1}, "from 0 on"),
    ("adagrad", {"lr_decay": -0.1}, "from 0 on"),
    ("adagrad", {"initial_accumulator_value": -1.0}, "from 0 on"),
    ("adadelta", {"rho": 1.5}, "from 0 to 1"),
    ("adafactor", {"beta2_decay": 0.5}, "up to 0"),
    ("adafactor", {"eps1": -1.0}, "from 0 on"),
    ("adafactor", {"eps2": -1.0}, "from 0 on"),
    ("adafactor", {"d": 0.5}, "from 1 on"),
    ("rprop", {"etaminus": 1.0}, "between 0 and 1"),
    ("rprop", {"etaplus": 1.0}, "above 1"),
    ("constant_lr", {"learning_rate": 0.1, "factor": 1.5}, "from 0 to 1"),
    ("linear_lr", {"learning_rate": 0.1, "start_factor": 0.0}, "above 0 and up to 1"),
    ("linear_lr", {"learning_rate": 0.1, "end_factor": -0.5}, "from 0 to 1"),
    ("cosine_annealing_warm_restarts", {"learning_rate": 0.1, "t_0": 0}, "a whole number from 1 on, got 0"),
    ("cosine_annealing_warm_restarts", {"learning_rate": 0.1, "t_0": 1, "t_mult": 1.5}, "a whole number"),
    ("one_cycle_lr", {"max_lr": 0.1, "total_steps": 0}, "a whole number from 1 on"),
    ("one_cycle_lr", {"max_lr": 0.1, "total_steps": 9, "pct_start": 1.5}, "from 0 to 1"),
    (
        "one_cycle_lr",
        {"max_lr": 0.1, "total_steps": 9, "anneal_strategy": "step"},
        "one of 'cos', 'linear', got 'step'",
    ),
    ("reduce_lr_on_plateau", {"learning_rate": 0.1, "factor": 1.0}, "below 1"),
    ("reduce_lr_on_plateau", {"learning_rate": 0.1, "mode": "least"}, "one of 'min', 'max', got 'least'"),
    ("reduce_lr_on_plateau", {"learning_rate": 0.1, "threshold_mode": "x"}, "one of 'rel', 'abs'"),
    ("accumulate", {"optimizer": optax.identity(), "every": 0}, "a whole number from 1 on, got 0"),
    ("ema", {"average": 1.0, "params": 1.0, "decay": 1.5}, "from 0 to 1"),
]


@pytest.mark.parametrize(("name", "told", "why"), BAD, ids=lambda one: one if isinstance(one, str) else "-".join(one))
def test_a_number_out_of_its_range_is_one_line(name, told, why):
    """Which argument of what, what was expected, what came."""
    with pytest.raises(ValueError, match=why) as refused:
        getattr(ours, name)(**told)
    assert str(refused.value).startswith(f"{name}: ")
    assert "\n" not in str(refused.value)


def test_every_limit_is_tried():
    """No row of the table without a case."""
    assert set(LIMITS) <= {key for _, told, _ in BAD for key in told}


def test_what_is_no_number_yet_is_not_looked_at():
    """A schedule, a traced value; and torch lets an average's exponent be anything."""
    ours.sgd(lambda step: -0.1, lambda step: 0.9, nesterov=True)
    jax.jit(lambda rate: ours.sgd(rate, 0.0).update(jnp.ones(2), ours.sgd(rate, 0.0).init(jnp.ones(2)))[0])(-0.1)
    ours.asgd(alpha=-1.0)
    assert ours.reduce_lr_on_plateau(0.1)._replace(patience=3).patience == 3
