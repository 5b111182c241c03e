"""Rows of torchref/modules.py and jaxport/modules.py."""

import numpy as np

from compare.lessons.row import Lesson, generator, key


def _weights(rng: np.random.Generator) -> dict[str, np.ndarray]:
    shapes = {"images": (8, 1, 28, 28), "W1": (128, 784), "b1": (128,), "W2": (10, 128), "b2": (10,)}
    scales = {"images": 1.0, "W1": 784**-0.5, "b1": 0.1, "W2": 128**-0.5, "b2": 0.1}
    return {name: rng.standard_normal(shape) * scales[name] for name, shape in shapes.items()}


ROWS: list[Lesson] = [
    Lesson(
        name="module",
        title="A module and its parameters",
        file="modules",
        function="module",
        also=("inventory", "Listed"),
        arrays=_weights,
        faces={
            "model.load_state_dict(weights)": "nnx.replace_by_pure_dict",
        },
        same="Layers declared in a module are found: 101,770 parameters, each under a name. Both frameworks have a "
        "form in which the object holds its weights (nn.Module, Flax NNX) and one that is given them (functional_call, "
        "Flax Linen), and all four give the same logits.",
        different="torch stores a weight as (outputs, inputs), Flax as (inputs, outputs). torch moves a module in "
        "place; in JAX a tree of arrays is moved, and the old tree is still there.",
        prevents="Layers in a plain list: torch does not see them, so no optimizer trains them and nothing moves them.",
        differs={
            "inventory": "torch numbers a layer by its place and writes (outputs, inputs); Flax names it by its kind "
            "and writes (inputs, outputs)",
            "parameters in a plain list": "torch looks into its own containers only; Flax Linen looks into lists; "
            "Flax NNX refuses a plain list and asks for nnx.List",
            "moving returns the same object": "torch changes the module; JAX makes a new tree",
            "refused": "each framework says it in its own words: torch lists all that is missing, Flax the first",
        },
    ),
    Lesson(
        name="initialisers",
        title="What a layer starts from",
        file="modules",
        function="initialisers",
        reference=generator,
        port=key,
        faces={
            "nn.init.kaiming_uniform_": "weight = init.variance_scaling",
            "nn.init.uniform_": "bias = jax.random.uniform",
            "nn.init.trunc_normal_": "other = init.lecun_normal",
        },
        same="Each default can be asked for by name in both frameworks: the theoretical bounds and deviations agree.",
        different="torch draws weight and bias from U(-1/sqrt(fan_in), 1/sqrt(fan_in)). Flax draws the kernel from a "
        "truncated normal of standard deviation 1/sqrt(fan_in), sqrt(3) times as wide, and sets the bias to zero.",
        prevents="A port that trains otherwise from step 0 because its first weights are sqrt(3) times larger.",
        differs={
            "torch: drawn standard deviation": "another generator, so other draws",
            "Flax: drawn standard deviation": "another generator, so other draws",
            "default bias, largest": "torch draws the bias as it draws the weight, Flax sets it to zero",
        },
    ),
]
