"""Schedulers: rows of "The optimizers, translated"."""

from compare.explain.differences.recipe_row import OptimizerRow as Row


def _scheduled(name: str, scheduler: str, naive: str, twin: str, differs: str = "") -> Row:
    """A schedule of plain SGD."""
    return Row(name, "SGD(p, lr=0.05)", f"optax.sgd({naive})", f"sgd({twin}, momentum=0)", differs, scheduler=scheduler)


ROWS = (
    _scheduled(
        "StepLR",
        "StepLR(o, 30)",
        "optax.exponential_decay(0.05, 30, 0.1)",
        "step_lr(0.05, 30)",
        "staircase=True; and optax's schedule computes in float32",
    ),
    _scheduled(
        "MultiStepLR",
        "MultiStepLR(o, [20, 60])",
        "optax.piecewise_constant_schedule(0.05, {20: 0.1, 60: 0.01})",
        "multi_step_lr(0.05, (20, 60))",
        "the scales multiply up",
    ),
    _scheduled(
        "CosineAnnealingLR",
        "CosineAnnealingLR(o, 100, eta_min=0.01)",
        "optax.cosine_decay_schedule(0.05, 100, alpha=0.01)",
        "cosine_annealing_lr(0.05, 100, 0.01)",
        "alpha is a share of the rate, eta_min a rate",
    ),
    _scheduled(
        "CosineAnnealingLR, past its end",
        "CosineAnnealingLR(o, 40)",
        "optax.cosine_decay_schedule(0.05, 40)",
        "cosine_annealing_lr(0.05, 40)",
        "torch rises again, optax stays",
    ),
    _scheduled(
        "ConstantLR",
        "ConstantLR(o, 1/3, 5)",
        "optax.constant_schedule(0.05)",
        "constant_lr(0.05, 1/3, 5)",
        "not constant: the rate is a third of itself for five steps",
    ),
    _scheduled(
        "LambdaLR",
        "LambdaLR(o, lambda t: 0.95**t)",
        "lambda t: 0.95**t",
        "lambda t: 0.05 * 0.95**t",
        "the function is a factor in torch, the rate itself in optax",
    ),
    _scheduled(
        "MultiplicativeLR",
        "MultiplicativeLR(o, lambda t: 0.95)",
        "lambda t: 0.95",
        "exponential_lr(0.05, 0.95)",
        "the factors multiply up from step to step",
    ),
    _scheduled(
        "ChainedScheduler",
        "ChainedScheduler([ConstantLR(o, 0.1, 10), ExponentialLR(o, 0.95)])",
        "optax.join_schedules([optax.constant_schedule(0.005), optax.exponential_decay(0.05, 1, 0.95)], [10])",
        "lambda t: constant_lr(0.05, 0.1, 10)(t) * exponential_lr(1.0, 0.95)(t)",
        "all at once, their factors multiplied; join_schedules is torch's SequentialLR",
    ),
    _scheduled(
        "CyclicLR",
        "CyclicLR(o, 0.01, 0.1, 10, cycle_momentum=False)",
        "optax.linear_schedule(0.01, 0.1, 10)",
        "lambda t: 0.01 + 0.09 * (1 - abs(0.1 * t % 2 - 1))",
        "optax has no cycle: a function of the step; torch's also cycles the momentum unless told otherwise",
    ),
    _scheduled(
        "LinearLR",
        "LinearLR(o, 1/3, 1, 5)",
        "optax.linear_schedule(1/3, 1, 5)",
        "linear_lr(0.05, 1/3, 1, 5)",
        "factors in torch, rates in optax",
    ),
    _scheduled(
        "ExponentialLR",
        "ExponentialLR(o, 0.97)",
        "optax.exponential_decay(0.05, 1, 0.97)",
        "exponential_lr(0.05, 0.97)",
        "optax's schedule computes in float32",
    ),
    _scheduled(
        "PolynomialLR",
        "PolynomialLR(o, 80, 2)",
        "optax.polynomial_schedule(0.05, 0, 2, 80)",
        "polynomial_lr(0.05, 80, 2)",
        "optax's schedule computes in float32",
    ),
    _scheduled(
        "OneCycleLR, momentum fixed",
        "OneCycleLR(o, 0.1, 100, cycle_momentum=False)",
        "optax.cosine_onecycle_schedule(100, 0.1)",
        "one_cycle_lr(0.1, 100)[0]",
        "a phase ends one step earlier in torch",
    ),
    Row(
        "OneCycleLR",
        "SGD(p, lr=0.05, momentum=0.9)",
        "optax.sgd(optax.cosine_onecycle_schedule(100, 0.1), momentum=0.9)",
        "sgd(*one_cycle_lr(0.1, 100))",
        "and the momentum goes from .95 to .85 and back",
        scheduler="OneCycleLR(o, 0.1, 100)",
    ),
    _scheduled(
        "CosineAnnealingWarmRestarts",
        "CosineAnnealingWarmRestarts(o, 20, 2)",
        "optax.sgdr_schedule([dict(init_value=0.05, peak_value=0.05, "
        "warmup_steps=0, decay_steps=n) for n in (20, 40, 80)])",
        "cosine_annealing_warm_restarts(0.05, 20, 2)",
        "optax wants each span spelt out",
    ),
    _scheduled(
        "warm-up, then cosine",
        "SequentialLR(o, [LinearLR(o, 0.1, 1, 10), CosineAnnealingLR(o, 80)], [10])",
        "optax.warmup_cosine_decay_schedule(0.005, 0.05, 10, 80)",
        "warmup_then_cosine(0.05, 10, 80, 0.1)",
        "decay_steps counts the warm-up",
    ),
    Row(
        "ReduceLROnPlateau",
        "SGD(p, lr=0.05)",
        "optax.chain(optax.sgd(0.05), optax.contrib.reduce_on_plateau(0.5, 2, rtol=0.01))",
        "sgd(reduce_lr_on_plateau(0.05, factor=0.5, patience=2, threshold=0.01), momentum=0)",
        "the patience is one more in torch, and optax scales the very step",
        scheduler="ReduceLROnPlateau(o, factor=0.5, patience=2, threshold=0.01)",
    ),
    Row(
        "AdamW, cosine",
        "AdamW(p, lr=0.02)",
        "optax.adamw(optax.cosine_decay_schedule(0.02, 100))",
        "adamw(cosine_annealing_lr(0.02, 100))",
        "the decay by default; on both sides it follows the schedule",
        scheduler="CosineAnnealingLR(o, 100)",
    ),
)
