"""Rows of torchref/features.py and jaxport/features.py."""

import numpy as np

from compare.lessons.row import Lesson


def _logits(rng: np.random.Generator) -> dict[str, np.ndarray]:
    return {
        "logits": 2 * rng.standard_normal((12, 4)),
        "labels": rng.integers(0, 4, 12),
        "weights": np.array([0.25, 1.0, 2.0, 4.0]),
    }


def _mlp(rng: np.random.Generator) -> dict[str, np.ndarray]:
    sizes = {"x": (16, 20), "W1": (32, 20), "b1": (32,), "W2": (4, 32), "b2": (4,)}
    drawn = {name: rng.standard_normal(size) for name, size in sizes.items()}
    scaled = {name: drawn[name] * (2 / drawn[name].shape[1]) ** 0.5 for name in ("W1", "W2")}
    return {**drawn, **scaled, "y": rng.integers(0, 4, 16)}


def _few_rows(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Fewer rows than inputs, and noise: a fit that goes too far."""
    x, held_out, slope = rng.standard_normal((10, 12)), rng.standard_normal((40, 12)), rng.standard_normal(12)
    noise = 3 * rng.standard_normal(50)
    return {"x": x, "y": x @ slope + noise[:10], "held_out": held_out, "held_out_y": held_out @ slope + noise[10:]}


def _point(rng: np.random.Generator) -> dict[str, np.ndarray]:
    return {"w": 3 * rng.standard_normal(6)}


ROWS: list[Lesson] = [
    Lesson(
        name="class_weights",
        title="Weights of classes, smoothed labels",
        file="features",
        function="class_weights",
        arrays=_logits,
        same="Each class's term has that class's weight, the smoothed ones too; the sum is divided by the weights of "
        "the labels, and so a mean of weighted rows is another loss.",
        different="torch has both as arguments of one loss; in JAX the formula is written out, and optax.smooth_labels "
        "smooths the labels.",
        prevents="A weight for each row, by its label: with smoothing that is another gradient. A plain mean over the "
        "rows: a loss whose size depends on which labels a batch has.",
        differs={"weights of rows": "the mistake, which torch's one argument does not invite"},
    ),
    Lesson(
        name="mixed_precision",
        title="Low precision inside, float32 outside",
        file="features",
        function="mixed_precision",
        also=("LowMLP", "low_mlp"),
        arrays=_mlp,
        same="Weights, gradients, moments and loss are float32, and only what lies between them is bfloat16.",
        different="torch lowers each operation by a list that autocast keeps; a Flax layer is told its dtype, and "
        "keeps its weights in param_dtype, float32.",
        prevents="Weights in bfloat16, in which a step of a thousandth is rounded away; a softmax in bfloat16 where "
        "torch has raised it.",
    ),
    Lesson(
        name="loss_scaling",
        title="Float16, and steps that are skipped",
        file="features",
        function="loss_scaling",
        also=("LowMLP", "low_mlp"),
        arrays=_mlp,
        same="The same steps are skipped, the scale halves after each of them and doubles after three sound ones, and "
        "a skipped step leaves weights and optimizer as they were.",
        different="torch's GradScaler holds the optimizer back; in JAX both outcomes are computed here, and where() "
        "takes one. Flax's DynamicScale doubles one step later than torch, and gives every gradient in float32.",
        prevents="A skipped step that still counts: moments, the step of a schedule or a weight decay that moved.",
    ),
    Lesson(
        name="early_stopping",
        title="Stopping at the best epoch",
        file="features",
        function="early_stopping",
        arrays=_few_rows,
        same="The same epoch is the best on both sides, training ends three epochs after it, and its weights are those "
        "to keep.",
        different="torch's parameters are changed in place: what state_dict() returns moves with them, and is copied "
        "to be kept. In JAX the parameters of an epoch are a value, and stay.",
        prevents="Best weights that are the last ones, because no copy was made; a best loss that holds its tape.",
        differs={"weights that were kept without a copy": "in torch they have moved on; JAX has nothing to copy"},
    ),
    Lesson(
        name="adam_and_decay",
        title="Adam and weight decay",
        file="features",
        function="adam_and_decay",
        also=("walk",),
        arrays=_point,
        same="Adam, Adam with the decay in its gradient, and AdamW with it beside: three functions, each the same on "
        "both sides.",
        different="torch.optim.Adam adds its weight_decay to the gradient; optax.adam has none, and optax.adamw "
        "decouples it. Where nothing is said AdamW decays by 0.01 in torch, by 0.0001 in optax.",
        prevents="A port of Adam(weight_decay=...) as optax.adamw, and a default that was taken to be the same.",
        differs={"AdamW as it comes": "the decay by default: 0.01 in torch, 0.0001 in optax"},
    ),
    Lesson(
        name="schedules",
        title="Learning rates that change",
        file="features",
        function="schedules",
        also=("walk",),
        arrays=_point,
        same="The rate of each step and where it leads, past the end of a schedule too.",
        different="A torch scheduler writes into its optimizer when it is stepped; an optax schedule is a function of "
        "the count that the optimizer keeps. optax's cosine stays at its end, torch's rises again.",
        prevents="A scheduler stepped once a batch that was meant for epochs; a cosine that ends where the other "
        "side's begins to rise; decay_steps that count the warm-up.",
        differs={"rates, optax's cosine past its end": "it stays at 0, where torch's rises again"},
    ),
]
