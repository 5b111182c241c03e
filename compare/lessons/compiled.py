"""Rows of torchref/compiled.py and jaxport/compiled.py."""

import numpy as np

from compare.lessons.row import Lesson


def _step(rng: np.random.Generator) -> dict[str, np.ndarray]:
    return {
        "weights": rng.standard_normal((3, 2)),
        "bias": rng.standard_normal(2),
        "inputs": rng.standard_normal((5, 3)),
        "targets": rng.standard_normal((5, 2)),
    }


def _values(rng: np.random.Generator) -> dict[str, np.ndarray]:
    return {"values": np.abs(rng.standard_normal(4))}  # a positive sum, and a negative one with the sign turned


def _rows(rng: np.random.Generator) -> dict[str, np.ndarray]:
    return {"rows": rng.standard_normal((5, 3))}


def _layer(rng: np.random.Generator) -> dict[str, np.ndarray]:
    return {
        "weights": rng.standard_normal((2, 3)),
        "bias": rng.standard_normal(2),
        "inputs": rng.standard_normal((4, 3)),
    }


ROWS: list[Lesson] = [
    Lesson(
        name="compile",
        title="Eager and compiled",
        file="compiled",
        function="compiled_step",
        also=("noted",),
        arrays=_step,
        faces={
            "weights, bias = weights.clone()": "params = weights, bias",
        },
        same="A compiled step gives the result of the step as written; three calls with equal shapes trace it once.",
        different="Here torch compiles the loss and its backward pass, JAX the whole step. torch.compile reads "
        "bytecode: what the body does to a Python list is done again at each call. jax.jit runs the body, and only "
        "while tracing.",
        prevents="A counter, a log or a list inside a jitted function that stops after the first call; the same in "
        "torch.compile keeps on, and makes it compile anew at each call; after 8 programs torch warns once and runs "
        "the function as it is written.",
        differs={
            "notes of three calls": "torch does a side effect of the body again at each call, JAX only while tracing",
            "times traced with notes": "torch guards the length of the list that grows, and compiles for each length",
        },
    ),
    Lesson(
        name="branches",
        title="Branches on values",
        file="compiled",
        function="branches",
        also=("centred",),
        arrays=_values,
        same="An if on a value cannot be part of a graph. where computes both branches and keeps one, cond computes "
        "one; either is one program for both outcomes.",
        different="torch.compile ends the graph at the if, lets Python decide, and goes on in another graph; only with "
        "fullgraph=True it raises. jax.jit always raises: it compiles the whole function or nothing.",
        prevents="A compiled model that is no faster because a test on a value cut it into pieces without a word.",
        differs={
            "graphs as written": "torch cuts the function at the test; JAX compiles none",
            "refused": "each framework says it in its own words, torch only with fullgraph=True",
        },
    ),
    Lesson(
        name="recompilation",
        title="Shapes that change",
        file="compiled",
        function="recompilation",
        also=("one_program",),
        arrays=_rows,
        same="A program for one shape is compiled anew for the next: four sizes, four programs. One program for all "
        "can be had on both sides: dynamic=True in torch, padding to one shape with the size as data in JAX.",
        different="By default torch makes the size variable when a second size comes: two programs for any sizes but 0 "
        "and 1. jax.jit compiles for every shape.",
        prevents="A last batch that is smaller, or texts of every length, each of which pays for a compilation.",
        differs={"programs by default": "torch turns to variable sizes at the second, JAX compiles for each shape"},
    ),
    Lesson(
        name="export",
        title="A program as data",
        file="compiled",
        function="export",
        arrays=_layer,
        faces={
            "model = nn.Sequential(": "@jax.jit",
            "loaded = torch.export.load": "loaded = jax.export.deserialize",
        },
        same="The program is bytes that need no Python of the model, bound to the shapes it was exported with; a size "
        "named as a symbol is left open.",
        different="torch.export takes the module with its parameters inside; jax.export takes a jitted function, whose "
        "parameters stay arguments. JAX's program is bound to the platforms named at export as well.",
        prevents="An exported model that refuses the last, smaller batch; a file that is expected to hold the weights.",
        differs={
            "one row fewer": "each framework says it in its own words",
            "arrays inside": "torch saves the module's parameters with its program, JAX's function has none of its own",
        },
    ),
]
