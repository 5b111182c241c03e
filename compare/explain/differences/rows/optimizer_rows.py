"""Optimizers and schedules, the rows of "The optimizers, translated": what a person writes by the same names, and what
torch's is.

Every code is executed as it stands: ``p`` are torch's parameters, ``o`` its optimizer; ``optax`` is optax, and the last
column is of ``jaxport.optimizers``.
"""

from dataclasses import dataclass

from compare.explain.differences.difference_row import Row as PlainRow

GROUPS = '{"weight": "matrix", "bias": "other", "kernel": "matrix", "scale": "other"}'


@dataclass(frozen=True)
class OptimizerRow:
    """One recipe.

    Attributes:
        name: what it is.
        torch: the optimizer.
        naive: the optax form that is written by the same names.
        twin: the equal one; empty where there is none.
        differs: what differs, in words; empty where nothing does.
        scheduler, clip: torch's, where there is one.
        only: the parameters that are trained; all where it is empty.
        steps: over how many they are compared.
        every: how many gradients make one step; torch's line for each of them is ``backward``.
        averages: of the parameters, which are compared in their place: torch's, the naive and the equal one, the last
            two as the next from ``average`` and ``params``.
    """

    name: str
    torch: str
    naive: str
    twin: str
    differs: str = ""
    scheduler: str = ""
    clip: str = ""
    only: tuple[str, ...] = ()
    steps: int = 100
    every: int = 1
    averages: tuple[str, ...] = ()

    @property
    def around(self) -> bool:
        """Whether the row is of what is done around an optimizer, and not of the optimizer."""
        return self.every > 1 or bool(self.averages)

    @property
    def torch_codes(self) -> tuple[str, ...]:
        """All that is written on torch's side."""
        backward = f"(loss / {self.every}).backward()" if self.every > 1 else ""
        return tuple(filter(None, (self.torch, self.scheduler, self.clip, backward, *self.averages[:1])))


def _scheduled(name: str, scheduler: str, naive: str, twin: str, differs: str = "") -> OptimizerRow:
    """A schedule of plain SGD."""
    return OptimizerRow(
        name, "SGD(p, lr=0.05)", f"optax.sgd({naive})", f"sgd({twin}, momentum=0)", differs, scheduler=scheduler
    )


Row = OptimizerRow
ROWS = (
    Row("SGD", "SGD(p, lr=0.1)", "optax.sgd(0.1)", "sgd(0.1, momentum=0)"),
    Row("momentum", "SGD(p, lr=0.05, momentum=0.9)", "optax.sgd(0.05, momentum=0.9)", "sgd(0.05, 0.9)"),
    Row(
        "Nesterov",
        "SGD(p, lr=0.05, momentum=0.9, nesterov=True)",
        "optax.sgd(0.05, momentum=0.9, nesterov=True)",
        "sgd(0.05, 0.9, nesterov=True)",
    ),
    Row(
        "dampening",
        "SGD(p, lr=0.05, momentum=0.9, dampening=0.5)",
        "optax.chain(optax.ema(0.9, debias=False), optax.scale(-0.05))",
        "sgd(0.05, 0.9, dampening=0.5)",
        "torch does not dampen the first gradient, and by a number of its own",
    ),
    Row(
        "weight decay, Nesterov",
        "SGD(p, lr=0.05, momentum=0.9, weight_decay=0.1, nesterov=True)",
        "optax.chain(optax.trace(0.9, nesterov=True), optax.add_decayed_weights(0.1), optax.scale(-0.05))",
        "sgd(0.05, 0.9, weight_decay=0.1, nesterov=True)",
        "the decay enters the momentum: it stands before it, not after",
    ),
    Row(
        "maximize, decay",
        "SGD(p, lr=0.01, weight_decay=0.1, maximize=True)",
        "optax.chain(optax.add_decayed_weights(0.1), optax.scale(0.01))",
        "sgd(0.01, 0, weight_decay=0.1, maximize=True)",
        "the sign turns before the decay",
    ),
    Row("Adam", "Adam(p, lr=0.02)", "optax.adam(0.02)", "adam(0.02)"),
    Row(
        "Adam, weight decay",
        "Adam(p, lr=0.02, weight_decay=0.1)",
        "optax.adamw(0.02, weight_decay=0.1)",
        "adam(0.02, weight_decay=0.1)",
        "torch's Adam adds the decay to the gradient (L2), adamw does not",
    ),
    Row(
        "Adam, AMSGrad",
        "Adam(p, lr=0.02, betas=(0.9, 0.9), amsgrad=True)",
        "optax.amsgrad(0.02, b2=0.9)",
        "adam(0.02, b2=0.9, amsgrad=True)",
        "torch takes the maximum of the raw moment, optax of the corrected one",
    ),
    Row(
        "AdamW",
        "AdamW(p, lr=0.02)",
        "optax.adamw(0.02)",
        "adamw(0.02)",
        "the decay by default: .01 in torch, .0001 in optax",
    ),
    Row(
        "AdamW, AMSGrad",
        "AdamW(p, lr=0.02, betas=(0.9, 0.9), amsgrad=True)",
        "optax.chain(optax.scale_by_amsgrad(b2=0.9), optax.add_decayed_weights(0.01), optax.scale(-0.02))",
        "adamw(0.02, b2=0.9, amsgrad=True)",
        "the maximum of the raw moment, not of the corrected one",
    ),
    Row("Adamax", "Adamax(p, lr=0.02)", "optax.adamax(0.02)", "adamax(0.02)"),
    Row(
        "Adamax, weight decay",
        "Adamax(p, lr=0.02, weight_decay=0.1)",
        "optax.adamaxw(0.02, weight_decay=0.1)",
        "adamax(0.02, weight_decay=0.1)",
        "L2 in torch, decoupled in adamaxw",
    ),
    Row(
        "NAdam",
        "NAdam(p, lr=0.01)",
        "optax.nadam(0.01)",
        "nadam(0.01)",
        "torch warms the momentum up, from half of b1 on; it keeps the product of momenta in float32",
    ),
    Row(
        "NAdam, momentum_decay=1e7",
        "NAdam(p, lr=0.01, momentum_decay=1e7)",
        "optax.nadam(0.01)",
        "nadam(0.01, momentum_decay=1e7)",
        "the limit in which they agree, but for the product in float32",
    ),
    Row(
        "NAdam, decoupled decay",
        "NAdam(p, lr=0.01, weight_decay=0.1, decoupled_weight_decay=True)",
        "optax.nadamw(0.01, weight_decay=0.1)",
        "nadam(0.01, weight_decay=0.1, decoupled_weight_decay=True)",
        "as NAdam",
    ),
    Row(
        "RAdam",
        "RAdam(p, lr=0.05)",
        "optax.radam(0.05)",
        "radam(0.05)",
        "epsilon is added to the uncorrected moment's root",
    ),
    Row(
        "RMSprop",
        "RMSprop(p, lr=0.01)",
        "optax.rmsprop(0.01)",
        "rmsprop(0.01)",
        "the decay by default: .99 in torch, .9 in optax; epsilon outside the root",
    ),
    Row(
        "RMSprop, the same decay",
        "RMSprop(p, lr=0.001, alpha=0.9)",
        "optax.rmsprop(0.001, decay=0.9)",
        "rmsprop(0.001, alpha=0.9)",
        "epsilon inside the root by default in optax",
    ),
    Row(
        "RMSprop, centred, momentum",
        "RMSprop(p, lr=0.001, alpha=0.9, centered=True, momentum=0.9)",
        "optax.rmsprop(0.001, decay=0.9, centered=True, momentum=0.9)",
        "rmsprop(0.001, alpha=0.9, centered=True, momentum=0.9)",
        "epsilon",
    ),
    Row(
        "RMSprop, momentum, StepLR",
        "RMSprop(p, lr=0.01, alpha=0.9, momentum=0.9)",
        "optax.rmsprop(optax.exponential_decay(0.01, 30, 0.1, staircase=True), momentum=0.9, eps_in_sqrt=False)",
        "rmsprop(step_lr(0.01, 30), alpha=0.9, momentum=0.9)",
        "optax.rmsprop puts the rate before the momentum; its schedule computes in float32",
        scheduler="StepLR(o, 30)",
    ),
    Row(
        "Adagrad",
        "Adagrad(p, lr=0.1)",
        "optax.adagrad(0.1)",
        "adagrad(0.1)",
        "the accumulator starts at 0 in torch, at .1 in optax; epsilon 1e-10 outside, 1e-7 inside the root",
    ),
    Row(
        "Adagrad, defaults spelt out",
        "Adagrad(p, lr=0.1)",
        "optax.adagrad(0.1, initial_accumulator_value=0.0, eps=1e-10)",
        "adagrad(0.1)",
        "epsilon outside the root: no setting of optax.adagrad has it there",
    ),
    Row(
        "Adagrad, lr_decay",
        "Adagrad(p, lr=0.1, lr_decay=0.1, initial_accumulator_value=0.1)",
        "optax.adagrad(lambda t: 0.1 / (1 + 0.1 * t), 0.1, eps=1e-10)",
        "adagrad(0.1, lr_decay=0.1, initial_accumulator_value=0.1)",
        "epsilon",
    ),
    Row(
        "Adadelta", "Adadelta(p)", "optax.adadelta(1.0)", "adadelta()", "optax has no default rate; torch decays by .9"
    ),
    Row(
        "Adafactor",
        "Adafactor(p, lr=0.01)",
        "optax.adafactor(0.01)",
        "adafactor(0.01)",
        "the rate is capped at 1/sqrt(step), every matrix is factored, epsilon; optax's decay is computed in float32",
    ),
    Row(
        "Adafactor, weight decay",
        "Adafactor(p, lr=0.01, weight_decay=0.1)",
        "optax.adafactor(0.01, weight_decay_rate=0.1)",
        "adafactor(0.01, weight_decay=0.1)",
        "and optax does not multiply the decay by the rate",
    ),
    Row(
        "Rprop",
        "Rprop(p, lr=0.01)",
        "optax.rprop(0.01)",
        "rprop(0.01)",
        "optax 0.2.8 returns the update of the step before: its first is zero",
    ),
    Row(
        "ASGD",
        "ASGD(p, lr=0.1)",
        "optax.sgd(0.1)",
        "asgd(0.1)",
        "the rate falls, and is kept in float32; weights shrink by lambd; the average is kept beside them",
    ),
    Row(
        "LBFGS(max_iter=1)",
        "LBFGS(p, lr=0.5, max_iter=1)",
        "optax.lbfgs(0.5, memory_size=100, linesearch=None)",
        "lbfgs(0.5)",
        "the first step by 1/sum|g|, in optax by 1/norm(g); torch forgets a step with s.y <= 1e-10",
        steps=30,
    ),
    Row(
        "LBFGS (20 iterations)",
        "LBFGS(p)",
        "optax.lbfgs(1.0, linesearch=None)",
        "",
        "no twin: one step is up to 20 iterations with stops of their own, and asks for 25 gradients",
    ),
    Row(
        "Muon",
        "Muon(p, lr=0.02, weight_decay=0)",
        "optax.contrib.muon(0.02)",
        "",
        "no twin: torch's Newton-Schulz runs in bfloat16; optax corrects the bias of the momentum",
        only=("weight",),
    ),
    Row(
        "two groups",
        'SGD([{"params": [p[1], p[3]], "lr": 0.1}, {"params": [p[0], p[2]]}], lr=0.01, momentum=0.9)',
        "optax.sgd(0.1, momentum=0.9)",
        f'by_group(sgd, {GROUPS}, {{"matrix": {{"learning_rate": 0.1}}, "other": {{"learning_rate": 0.01}}}})',
        "a transformation for each group: optax.partition",
    ),
    Row(
        "AdamW, no decay on biases",
        "AdamW(decayed(p, 0.1), lr=0.02)",
        "optax.adamw(0.02, weight_decay=0.1)",
        "adamw(0.02, weight_decay=0.1, mask=decayed)",
        "mask=",
    ),
    Row(
        "clip_grad_norm_",
        "SGD(p, lr=0.1)",
        "optax.chain(optax.clip_by_global_norm(1.0), optax.sgd(0.1))",
        "optax.chain(clip_grad_norm(1.0), sgd(0.1, momentum=0))",
        "torch divides by the norm plus 1e-6",
        clip="clip_grad_norm_(p, 1.0)",
    ),
    Row(
        "clip_grad_norm_, of the largest",
        "SGD(p, lr=0.1)",
        "optax.chain(optax.clip(0.5), optax.sgd(0.1))",
        "optax.chain(clip_grad_norm(0.5, float('inf')), sgd(0.1, momentum=0))",
        "the largest entry scales all of them",
        clip="clip_grad_norm_(p, 0.5, float('inf'))",
    ),
    Row(
        "clip_grad_value_",
        "SGD(p, lr=0.1)",
        "optax.chain(optax.clip(0.5), optax.sgd(0.1))",
        "optax.chain(clip_grad_value(0.5), sgd(0.1, momentum=0))",
        clip="clip_grad_value_(p, 0.5)",
    ),
    Row(
        "accumulation",
        "SGD(p, lr=0.1, momentum=0.9)",
        "optax.MultiSteps(optax.sgd(0.1, momentum=0.9), 4).gradient_transformation()",
        "accumulate(sgd(0.1, 0.9), 4)",
        "optax gathers gradients in float32",
        every=4,
    ),
    Row(
        "EMA of the weights",
        "SGD(p, lr=0.05)",
        "optax.sgd(0.05)",
        "sgd(0.05, momentum=0)",
        "torch's average begins as a copy after the first step, and not at the first weights",
        averages=(
            "AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.9))",
            "optax.incremental_update(params, average, 0.1)",
            "ema(average, params, 0.9)",
        ),
    ),
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
NO_COUNTERPART = (
    PlainRow(("optim.Optimizer",), note="the base class; optax.GradientTransformation is two functions"),
    PlainRow(("optim.lr_scheduler.LRScheduler",), note="the base class; in optax a schedule is a function of the step"),
    PlainRow(
        ("optim.SparseAdam",),
        note="moves those rows of a sparse gradient that it holds; JAX's gradients are dense, and adam moves all",
    ),
)
