"""What enters a pair's two sides, drawn: weights and batches, all from one seeded NumPy generator."""

from collections.abc import Callable, Collection

import numpy as np

from compare.arrays.arrays import Arrays, Shapes, by_parts, freeze
from compare.arrays.several import Batches
from compare.errors import UsageError
from compare.pair.pair import Entering, Pair
from compare.verdict.thresholds import TRAINING_STEPS

FEW = 1000  # of so many entries one may be 0 or 1 by chance


def drawn(
    pair: Pair,
    own: Arrays,
    shapes: Shapes,
    still: Collection[str],
    seed: int,
    steps: int,
    moving: Callable[[str], bool] = lambda name: True,
    optional: Collection[str] = (),
) -> Entering:
    """What enters, as it was drawn: not rounded yet.

    Args:
        own: the reference's own values by name; moved away from 0 and 1 where the pair has no ``weights``.
        shapes: of what enters, by name.
        still: what has no gradient: it enters as buffers do.
        steps: how many batches: of more than a few, each is drawn when it is asked for.
        moving: whether an array is moved.
        optional: what ``weights`` may leave out.

    Raises:
        UsageError: the pair's ``weights`` are not what the reference takes.
    """
    rng = np.random.default_rng(seed)
    given = pair.draw_weights(rng)
    if given is not None:
        arrays = given
        _check(pair, arrays, {name: shapes[name] for name in shapes if name in arrays or name not in optional}, own)
    else:
        arrays = {name: moved(own[name], rng) if moving(name) else own[name] for name in shapes}
    made = (pair.draw(rng) for _ in range(steps))
    batches = tuple(made) if steps <= TRAINING_STEPS else Batches(made, steps)
    training = pair.training()
    return Entering(
        weights={name: array for name, array in arrays.items() if name not in still},
        buffers={name: array for name, array in arrays.items() if name in still},
        batches=batches,
        cotangent=1.0,
        hyper=dict(training.hyper) if training else {},
        seed=seed,
    )


def moved(array: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """``array`` with every entry that is exactly 0 or 1 moved by up to a tenth, so that a forgotten bias, scale or
    statistic shows; unchanged where only a few are, by chance. A variance of 1 stays positive. Of complex numbers both
    parts are."""
    if array.dtype.kind == "c":
        return freeze(by_parts(lambda floats: moved(floats, rng), array))
    if array.dtype.kind != "f":
        return array
    still = (array == 0) | (array == 1)
    if np.count_nonzero(still) <= array.size / FEW:  # drawn, not set: a random 0 hides nothing
        return array
    by = rng.uniform(0.02, 0.1, array.shape) * rng.choice([-1.0, 1.0], array.shape)
    return freeze(np.where(still, array + by, array).astype(array.dtype))


def uniform_fan_in(shapes: dict[str, tuple[int, ...]], rng: np.random.Generator) -> Arrays:
    """Initial weights in float64, each U(-1/sqrt(fan_in), 1/sqrt(fan_in)), as ``torch.nn.Linear`` draws them.

    A matrix is (out, in); a vector takes the fan-in of the matrix before it. No bias is 0, so a forgotten one shows.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.Linear.html
    """
    arrays, fan_in = {}, 1
    for name, shape in shapes.items():
        fan_in = shape[-1] if len(shape) > 1 else fan_in
        bound = 1 / np.sqrt(fan_in)
        arrays[name] = rng.uniform(-bound, bound, shape)
    return arrays


def _check(pair: Pair, arrays: Arrays, shapes: Shapes, own: Arrays) -> None:
    for name in {**arrays, **shapes}:
        if name in arrays and name in own and np.iscomplexobj(arrays[name]) != np.iscomplexobj(own[name]):
            given, wanted = ("complex numbers" if np.iscomplexobj(held[name]) else "floats" for held in (arrays, own))
            raise UsageError(f"pair {pair.name}: weights= gives {given} for {name}, the reference has {wanted}")
        shape = arrays[name].shape if name in arrays else "nothing"
        if shape != shapes.get(name):
            raise UsageError(
                f"pair {pair.name}: weights= gives {shape} for {name}, the reference has "
                f"{shapes.get(name, 'no such array')}"
            )
