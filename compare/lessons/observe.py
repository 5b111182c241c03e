"""Both sides of a lesson, and of the training programs, run once under watch: which of their statements do the same."""

import inspect
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial

import numpy as np

from compare.arrays.arrays import from_jax, from_torch
from compare.frameworks.devices import Device
from compare.lessons import MODEL
from compare.lessons.align import Pairs, digest
from compare.lessons.row import Lesson
from compare.lessons.run import entering_of, function_of, gathered
from compare.lessons.same_arrays import facing
from compare.lessons.sources import SIDES, Source, both
from compare.lessons.watched_lines import Leaves, Watch
from compare.verdict.precision import FLOAT32

Program = Callable[[], object]
TRAINED = [where for where in MODEL.values() if not where[0].startswith("optimizers/")]  # an optimizer is made, not run
FACES = {"losses = [train_step(": "params, state, loss = step("}  # of the programs, as a lesson's row has them


def of_lesson(lesson: Lesson, device: Device) -> dict[str, Pairs]:
    """The pairs of each name that the lesson shows, by the digest of its two texts."""
    entering, names = entering_of(lesson, 0), (lesson.function, *lesson.also)
    made: dict[str, dict[int, Leaves]] = {}
    for side in SIDES:
        function = function_of(lesson, side)
        program = partial(gathered, lesson, side, function, entering, FLOAT32, device, 0)
        made[side] = _made(side, inspect.getfile(inspect.unwrap(function)), program, names)
    return _faced([both(lesson.file, name) for name in names], made["reference"], made["port"], lesson.faces)


def of_model() -> dict[str, Pairs]:
    """The same of the perceptron, its loss, its step, its evaluation and its loop: two epochs of two steps."""
    import jaxport
    import torchref

    found: dict[str, Pairs] = {}
    for file, shown in TRAINED:
        paths = [f"{next(iter(package.__path__))}/{file}.py" for package in (torchref, jaxport)]
        ours, theirs = _made("reference", paths[0], _train_reference), _made("port", paths[1], _train_port)
        found |= _faced([both(file, shown)], ours, theirs, FACES)
    return found


def _faced(
    sources: Iterable[tuple[Source, Source]],
    ours: Mapping[int, Leaves],
    theirs: Mapping[int, Leaves],
    pins: Mapping[str, str],
) -> dict[str, Pairs]:
    return {digest(left.text, right.text): facing(left, right, ours, theirs, pins) for left, right in sources}


def _made(side: str, file: str, program: Program, names: Collection[str] = ()) -> dict[int, Leaves]:
    """What each line of the file makes while ``program`` runs; compiled code as it is written, so that lines run."""
    watch = Watch(file, from_torch if side == "reference" else from_jax, names)
    with _as_written(side):
        watch.run(program)
    return watch.made


@contextmanager
def _as_written(side: str) -> Iterator[None]:
    if side == "reference":
        import torch

        with torch.compiler.set_stance("force_eager"):
            yield
        return
    import jax

    with jax.disable_jit():
        yield


def _arrays() -> dict[str, np.ndarray]:
    """A small batch, and the perceptron's weights."""
    rng = np.random.default_rng(0)
    shapes = {"images": (8, 1, 28, 28), "W1": (128, 784), "b1": (128,), "W2": (10, 128), "b2": (10,)}
    drawn = {name: 0.1 * rng.standard_normal(shape, np.float32) for name, shape in shapes.items()}
    return drawn | {"labels": rng.integers(0, 10, 8)}


def _train_reference() -> None:
    import torch

    from torchref.mlp import MLP
    from torchref.optimizers import sgd
    from torchref.train import evaluate, fit, train_step

    images, W1, b1, W2, b2, labels = map(torch.tensor, _arrays().values())
    model = MLP()
    model.load_state_dict({"net.1.weight": W1, "net.1.bias": b1, "net.3.weight": W2, "net.3.bias": b2})
    optimizer = sgd(model.parameters())
    train_step(model, optimizer, images, labels)
    evaluate(model, images, labels)
    list(fit(model, optimizer, images, labels, epochs=2, batch=4))


def _train_port() -> None:
    import jax
    import jax.numpy as jnp

    from jaxport.mlp import MLP
    from jaxport.optimizers import sgd
    from jaxport.train import evaluate, fit, train_step

    images, W1, b1, W2, b2, labels = map(jnp.array, _arrays().values())
    params = {"Dense_0": {"kernel": W1.T, "bias": b1}, "Dense_1": {"kernel": W2.T, "bias": b2}}
    model, optimizer = MLP(), sgd()
    params, _, _ = train_step(model, optimizer, params, optimizer.init(params), images, labels)
    evaluate(model, params, images, labels)
    list(fit(model, optimizer, params, images, labels, jax.random.key(0), epochs=2, batch=4))
