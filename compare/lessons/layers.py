"""Rows of torchref/layers.py and jaxport/layers.py."""

import numpy as np

from compare.lessons.row import Lesson, key


def _features(rng: np.random.Generator) -> dict[str, np.ndarray]:
    return {
        "features": 2 + 3 * rng.standard_normal((16, 6)),
        "mask": (rng.random((16, 6)) < 0.5).astype(np.float64),
        "mean": rng.standard_normal(6),
        "variance": rng.uniform(0.5, 2.0, 6),
    }


def _digits(_: np.random.Generator) -> dict[str, np.ndarray]:
    from compare.arrays.images import load_images

    digits = load_images()
    return {
        "images": digits.train_images[:500],
        "labels": digits.train_labels[:500],
        "held_out": digits.test_images[:500],
        "held_out_labels": digits.test_labels[:500],
    }


def _more_features(rng: np.random.Generator) -> dict[str, np.ndarray]:
    return {"features": 1 + rng.standard_normal((4, 16))}


def _seed(seed: int) -> dict[str, object]:
    return {"seed": seed}


GENERATORS = "another generator, so other draws"
TRAINED = "first weights and dropout's draws come from another generator, so it is another training run"

ROWS: list[Lesson] = [
    Lesson(
        name="modes",
        title="Training mode and eval mode",
        file="layers",
        function="modes",
        also=("dropped",),
        arrays=_features,
        reference=_seed,
        port=key,
        same="Batch norm uses the batch's statistics in training and the running ones in eval; dropout scales what it "
        "keeps by 1 / (1 - rate) in training and is the identity in eval.",
        different="In torch the mode is the module's, and statistics and generator change in place. In Flax Linen the "
        "mode, the key and the permission to change statistics are arguments of the call: without one of them it "
        "raises. Flax NNX has train() and eval(), as torch has.",
        prevents="A momentum carried over as it is: Flax's is 1 minus torch's. And a search for a fault where there is "
        "none: torch's running variance takes in the batch's unbiased variance, Flax's the biased one.",
        differs={
            "running variance": "torch moves it by the batch's unbiased variance, Flax by the biased one",
            "dropout, training, drawn": GENERATORS,
            "statistics not mutable": "torch has nothing to refuse: a module in training mode moves its statistics",
            "no key": "torch has nothing to refuse: it draws from a global generator",
        },
    ),
    Lesson(
        name="forgotten_eval",
        title="The validation that forgot eval()",
        file="layers",
        function="forgotten_eval",
        also=("epoch", "accuracy"),
        arrays=_digits,
        reference=_seed,
        port=key,
        faces={
            "cross_entropy(model(x), y).backward()": "grads, moved = jax.grad",
            "optimizer.step()": "return ({",
            "guessed = torch.cat": "logits, moved = jax.vmap",
            "epoch(model, ": "variables, opt_state = epoch(",
        },
        same="Validated in training mode the accuracy is lower, swings from epoch to epoch, and differs between two "
        "passes over the same weights; in eval mode it is higher, swings less, and two passes agree.",
        different="torch needs two calls, eval() and train(), and says nothing when one is missing; validation then "
        "also moves the running statistics. In Flax Linen the mode is an argument, here without a default, and nothing "
        "moves; in Flax NNX there are train() and eval() to call, as in torch.",
        prevents="A search for a leak in the data split, when the mode is wrong.",
        differs={
            "accuracy by epoch": TRAINED,
            "accuracy by epoch, forgotten": TRAINED,
            "training accuracy": TRAINED,
            "swing of the last six epochs": TRAINED,
            "swing of the last six epochs, forgotten": TRAINED,
            "validation moved the statistics": "torch changes the module; Linen returns new statistics, dropped here",
        },
    ),
    Lesson(
        name="object_and_function",
        title="Layers as objects and as functions",
        file="layers",
        function="object_and_function",
        also=("Careful", "Careless", "eight_steps"),
        arrays=_more_features,
        reference=_seed,
        port=key,
        same="Without a mode, object and function are one. A dropout that is not told the mode drops in evaluation "
        "too; a seed or key used again at every step drops the same units at every step.",
        different="F.dropout draws from the global generator and raises nothing. Flax Linen's dropout needs a key: a "
        "careless one raises as soon as it is evaluated without.",
        prevents="A dropout that ignores eval(), and one that never trains half of the units.",
        differs={
            "careless, evaluated without a key": "torch takes no key: nothing is raised",
            "steps that use a unit, of 8": GENERATORS,
            "steps that use a unit, of 8, one seed": GENERATORS,
        },
    ),
]
