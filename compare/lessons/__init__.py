"""Lessons: every idea of the field's first hours, in PyTorch and in JAX, side by side and executed.

Importing this imports neither framework: what a row binds imports it when it is called.
"""

from compare.errors import SHORT, UsageError, did_you_mean, most_alike, nearest
from compare.lessons import (
    attention,
    autograd,
    compiled,
    features,
    higher,
    layers,
    losses,
    modules,
    randomness,
    remat,
    tensors,
)
from compare.lessons.row import Lesson

# In a learner's order: chapters, and the lessons of each.
CHAPTERS: dict[str, list[Lesson]] = {
    "Arrays": tensors.ROWS,
    "Gradients": autograd.ROWS,
    "Modules, losses and modes": [*modules.ROWS, *losses.ROWS, *layers.ROWS],
    "Training": features.ROWS,
    "Programs that are compiled": compiled.ROWS,
    "Further on": [*randomness.ROWS, *higher.ROWS, *remat.ROWS, *attention.ROWS],
}
LESSONS: dict[str, Lesson] = {row.name: row for rows in CHAPTERS.values() for row in rows}
LISTED = "jaxport read lists them all"
# Parts are read like lessons, and run by verifying the pair that they belong to.
MODEL = {  # the perceptron and its training, whole
    "mlp": ("mlp", "MLP"),
    "loose": ("autograd", "loose_mlp"),
    "loss": ("losses", "cross_entropy"),
    "optimizer": ("optimizers/sgd", "sgd"),
    "train": ("train", "train_step"),
    "evaluate": ("train", "evaluate"),
    "fit": ("train", "fit"),
}
PARTS = {
    **MODEL,
    **{
        name: (f"optimizers/{file}", name)
        for file, names in {
            "sgd": "sgd",
            "adam": "adam adamw adamax nadam radam",
            "adaptive": "rmsprop adagrad adadelta adafactor",
            "whole_batch": "rprop lbfgs asgd",
            "schedules": "constant_lr step_lr multi_step_lr linear_lr exponential_lr polynomial_lr cosine_annealing_lr "
            "cosine_annealing_warm_restarts one_cycle_lr warmup_then_cosine reduce_lr_on_plateau",
            "wrapping": "clip_grad_norm clip_grad_value by_group decayed accumulate ema",
        }.items()
        for name in names.split()
    },
}


def find(name: str) -> Lesson:
    """The lesson called ``name``.

    Raises:
        UsageError: there is none; the message names the nearest.
    """
    if name in LESSONS:
        return LESSONS[name]
    if name in PARTS:
        raise UsageError(f"{name} is a part, to be read alone: expected a lesson ({LISTED})")
    known = [*LESSONS, *PARTS]
    hint = did_you_mean(nearest(name, known), f"expected one like {', '.join(most_alike(name, known))} ({LISTED})")
    raise UsageError(f"unknown lesson {name[:SHORT]!r}{hint}")
